package rows

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"
)

const (
	maxFrame      = 2 << 20
	stampsInFrame = 1024
	// stampBytes is what a stamp takes beside its names, rounded up such that it stands for the memory too. maxStamps and
	// maxStampBytes bound what a side believes of the other's rows.
	stampBytes    = 64
	maxStamps     = 1 << 17
	maxStampBytes = 3 * tellBytes
	// frameWithin is how long one frame may take to come, or to be taken.
	frameWithin = 20 * time.Second
)

// link sends and receives frames over a stream. Where the stream can set deadlines, as a net.Conn does, each frame has one.
type link struct {
	r     *bufio.Reader
	w     *bufio.Writer
	limit deadlines
}

type deadlines interface {
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// endless is a stream without deadlines.
type endless struct{}

func (endless) SetReadDeadline(time.Time) error  { return nil }
func (endless) SetWriteDeadline(time.Time) error { return nil }

func newLink(stream io.ReadWriter) *link {
	l := &link{r: bufio.NewReader(stream), w: bufio.NewWriter(stream), limit: endless{}}
	if d, can := stream.(deadlines); can {
		l.limit = d
	}
	return l
}

// send writes a frame; an empty one ends what this side has to say, and is flushed.
func (l *link) send(text []byte) error {
	_ = l.limit.SetWriteDeadline(time.Now().Add(frameWithin)) // where it cannot be set, writing fails
	var head [4]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(text)))
	if _, err := l.w.Write(head[:]); err != nil {
		return err
	}
	if _, err := l.w.Write(text); err != nil {
		return err
	}
	if len(text) == 0 || len(text) == Parts*len(digest{}) {
		return l.w.Flush()
	}
	return nil
}

func (l *link) receive() ([]byte, error) { return l.receiveWithin(frameWithin) }

// receiveWithin waits so long for a frame to come.
func (l *link) receiveWithin(within time.Duration) ([]byte, error) {
	// A stream that the other side has closed may take no deadline any more, and yet have something to read.
	_ = l.limit.SetReadDeadline(time.Now().Add(within))
	var head [4]byte
	if _, err := io.ReadFull(l.r, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxFrame {
		return nil, fmt.Errorf("a frame of %d bytes: %w", size, ErrRefused)
	}
	_ = l.limit.SetReadDeadline(time.Now().Add(frameWithin))
	// Room is made as bytes come, not as many as were claimed.
	var text bytes.Buffer
	if n, err := io.CopyN(&text, l.r, int64(size)); err != nil {
		return nil, fmt.Errorf("%d of %d bytes: %w", n, size, err)
	}
	return text.Bytes(), nil
}

// batch receives the next rows, as many as are stored together, or until they end.
func (l *link) batch() (batch [][]byte, ended bool, err error) {
	for size := 0; size < batchBytes && len(batch) < batchRows; {
		text, err := l.receive()
		if err != nil {
			return nil, false, err
		}
		if len(text) == 0 {
			return batch, true, nil
		}
		batch = append(batch, text)
		size += len(text)
	}
	return batch, false, nil
}

// wireStamp is a row's name and stamp.
type wireStamp struct {
	_      struct{} `cbor:",toarray"`
	Bucket string
	Key    string
	Time   uint64
	Writer string
	Print  uint64
}

func (l *link) sendStamps(stamps []wireStamp) error {
	for some := range slices.Chunk(stamps, stampsInFrame) {
		text, err := canonical.Marshal(some)
		if err != nil {
			return err
		}
		if err := l.send(text); err != nil {
			return err
		}
	}
	return l.send(nil)
}

func (l *link) sendIDs(ids []ID) error {
	stamps := make([]wireStamp, len(ids))
	for i, id := range ids {
		stamps[i] = wireStamp{Bucket: id.Bucket, Key: id.Key}
	}
	return l.sendStamps(stamps)
}

// partID is how a part, by its number from 1 on, stands among names: no record's bucket is empty.
func partID(number int) ID {
	return ID{Key: string(binary.BigEndian.AppendUint16(nil, uint16(number)))}
}

// stamps receives what sendStamps sent.
func (l *link) stamps() (map[ID]Stamp, error) {
	found := make(map[ID]Stamp)
	for size := 0; ; {
		text, err := l.receive()
		if err != nil || len(text) == 0 {
			return found, err
		}
		some, err := decodeStamps(text)
		if err != nil {
			return nil, err
		}
		if size += len(text); len(found)+len(some) > maxStamps || size > maxStampBytes {
			return nil, fmt.Errorf("more than %d stamps: %w", len(found), ErrRefused)
		}
		for _, s := range some {
			id := ID{s.Bucket, s.Key}
			if s.Bucket == "" {
				id = partID(int(s.Time))
			}
			found[id] = Stamp{s.Time, s.Writer, s.Print}
		}
	}
}

func decodeStamps(text []byte) ([]wireStamp, error) {
	var some []wireStamp
	if err := stampsIn.Unmarshal(text, &some); err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrRefused)
	}
	for _, s := range some {
		if s.Bucket == "" && (s.Time == 0 || s.Time > morePart) {
			return nil, fmt.Errorf("part %d: %w", s.Time, ErrRefused)
		}
	}
	return some, nil
}
