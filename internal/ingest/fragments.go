package ingest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
)

// Bounds on the boxes of ffmpeg's output, which a crafted source may stretch.
const (
	maxHeader = 4 << 20 // moov and moof
	maxMedia  = 1 << 30 // one fragment's mdat
)

// errStream says that ffmpeg's output is not the box sequence that was asked for.
var errStream = errors.New("unexpected box in ffmpeg's output")

// fragment is one movie fragment of one track: a moof box, and the mdat that follows it.
type fragment struct {
	track           int
	start, duration uint64 // ticks of the track
	moof            []byte
	box             *mp4.MoofBox   // moof, decoded
	samples         []*mp4.TrunBox // data offsets count from the start of moof
}

// fragmentSink takes what readFragments finds, in order. media yields the mdat box, header included, and
// is read to its end before the next call.
type fragmentSink interface {
	header(moov *mp4.MoovBox) error
	fragment(f fragment, media io.Reader) error
}

// readFragments splits a fragmented MP4 stream (ISO/IEC 14496-12, 8.8) into its header and fragments. Memory
// use does not depend on the length of the stream. The end in the middle of a box is io.ErrUnexpectedEOF.
func readFragments(r io.Reader, sink fragmentSink) error {
	s := fragmentStream{r: r, sink: sink}
	for {
		head, kind, size, err := readBoxHead(r)
		if err == io.EOF {
			return s.end()
		}
		if err == nil {
			err = s.box(head, kind, size)
		}
		if err != nil {
			return err
		}
	}
}

// fragmentStream is the state between two boxes.
type fragmentStream struct {
	r     io.Reader
	sink  fragmentSink
	trexs map[uint32]*mp4.TrexBox
	next  *fragment // a moof that waits for its mdat
}

func (s *fragmentStream) box(head []byte, kind string, size int64) error {
	switch {
	case kind == "moov" && s.trexs == nil && s.next == nil:
		return s.moov(head, size)
	case kind == "moof" && s.trexs != nil && s.next == nil:
		return s.moof(head, size)
	case kind == "mdat" && s.next != nil:
		return s.mdat(head, size)
	case (kind == "ftyp" || kind == "free" || kind == "styp" || kind == "mfra") && s.next == nil:
		_, err := readBody(s.r, head, size)
		return err
	}
	return fmt.Errorf("%q: %w", kind, errStream)
}

func (s *fragmentStream) end() error {
	if s.next != nil {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (s *fragmentStream) moov(head []byte, size int64) error {
	box, err := decodeBox(s.r, head, size)
	if err != nil {
		return err
	}
	moov, ok := box.(*mp4.MoovBox)
	if !ok || moov.Mvex == nil {
		return fmt.Errorf("moov without mvex: %w", errStream)
	}
	s.trexs = make(map[uint32]*mp4.TrexBox)
	for _, t := range moov.Mvex.Trexs {
		s.trexs[t.TrackID] = t
	}
	return s.sink.header(moov)
}

func (s *fragmentStream) moof(head []byte, size int64) error {
	body, err := readBody(s.r, head, size)
	if err != nil {
		return err
	}
	box, err := decodeBytes(body)
	if err != nil {
		return err
	}
	moof, ok := box.(*mp4.MoofBox)
	if !ok || len(moof.Trafs) != 1 || moof.Traf == nil || moof.Traf.Tfhd == nil || moof.Traf.Tfdt == nil {
		return fmt.Errorf("moof without exactly one track: %w", errStream)
	}
	traf := moof.Traf
	f := fragment{track: int(traf.Tfhd.TrackID), start: traf.Tfdt.BaseMediaDecodeTime(), moof: body, box: moof, samples: traf.Truns}
	trex := s.trexs[traf.Tfhd.TrackID]
	if trex == nil {
		return fmt.Errorf("fragment of unknown track %d: %w", f.track, errStream)
	}
	for _, trun := range traf.Truns {
		f.duration += trun.AddSampleDefaultValues(traf.Tfhd, trex)
	}
	s.next = &f
	return nil
}

func (s *fragmentStream) mdat(head []byte, size int64) error {
	if size > maxMedia {
		return fmt.Errorf("fragment of %d bytes: %w", size, errStream)
	}
	f := *s.next
	s.next = nil
	media := &exactReader{head: head, r: s.r, left: size - int64(len(head))}
	if err := s.sink.fragment(f, media); err != nil {
		return err
	}
	if len(media.head) > 0 || media.left > 0 {
		return fmt.Errorf("fragment left half read: %w", errStream)
	}
	return nil
}

// exactReader yields head and then left bytes of r; fewer are io.ErrUnexpectedEOF.
type exactReader struct {
	head []byte
	r    io.Reader
	left int64
}

func (e *exactReader) Read(b []byte) (int, error) {
	if len(e.head) > 0 {
		n := copy(b, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(b[:min(int64(len(b)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// readBoxHead reads a box's type and whole size; io.EOF means that there was no further box.
func readBoxHead(r io.Reader) (head []byte, kind string, size int64, err error) {
	head = make([]byte, 8, 16)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, "", 0, err
	}
	size = int64(binary.BigEndian.Uint32(head))
	if size == 1 {
		head = head[:16]
		if _, err := io.ReadFull(r, head[8:]); err != nil {
			return nil, "", 0, io.ErrUnexpectedEOF
		}
		size = int64(binary.BigEndian.Uint64(head[8:]))
	}
	if size < int64(len(head)) {
		return nil, "", 0, fmt.Errorf("box of %d bytes: %w", size, errStream)
	}
	return head, string(head[4:8]), size, nil
}

// readBody returns a whole small box, head included.
func readBody(r io.Reader, head []byte, size int64) ([]byte, error) {
	if size > maxHeader {
		return nil, fmt.Errorf("header box of %d bytes: %w", size, errStream)
	}
	body := bytes.NewBuffer(head)
	if _, err := io.CopyN(body, r, size-int64(len(head))); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return body.Bytes(), nil
}

func decodeBox(r io.Reader, head []byte, size int64) (mp4.Box, error) {
	body, err := readBody(r, head, size)
	if err != nil {
		return nil, err
	}
	return decodeBytes(body)
}

// decodeBytes decodes one box. The decoder is made for well-formed input; a crafted source may reach it.
func decodeBytes(body []byte) (box mp4.Box, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decode box: %v: %w", r, errStream)
		}
	}()
	box, err = mp4.DecodeBoxSR(0, bits.NewFixedSliceReader(body))
	if err != nil {
		return nil, fmt.Errorf("decode box: %w: %w", err, errStream)
	}
	return box, nil
}
