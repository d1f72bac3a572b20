package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"

	"shoal/internal/chunk"
)

// MovieTimescale is the number of ticks a second in the durations of a movie's headers.
const MovieTimescale = 1000

// Progressive is a video as one MP4 file (ISO/IEC 14496-12) that is stored nowhere: a header that is made,
// and behind it the stored segments, unchanged. Their moof boxes lie inside the file's one mdat, where
// readers skip them.
type Progressive struct {
	// Header is the file's ftyp, its moov with an offset for every sample, and the head of its mdat.
	Header []byte
	// Body is all that follows, in order. Its hash names the whole file, header included.
	Body Blob
}

// Size is the length of the whole file in bytes.
func (p *Progressive) Size() int64 { return int64(len(p.Header)) + p.Body.Size }

// Track is a complete rendition and its sample table: a trak box whose chunk offsets count from the start
// of the rendition's first segment.
type Track struct {
	Rendition *Rendition
	Table     []byte
}

// NewProgressive lays the tracks' segments out in the order in which they are played.
func NewProgressive(tracks ...Track) (*Progressive, error) {
	if len(tracks) == 0 {
		return nil, errors.New("lay out mp4: no tracks")
	}
	p := &Progressive{}
	places := p.layOut(tracks)
	boxes, err := readTables(tracks)
	if err != nil {
		return nil, fmt.Errorf("lay out mp4: %w", err)
	}
	// The header's length does not depend on the offsets in it, so it is written twice.
	if err := p.writeHeader(boxes); err != nil {
		return nil, fmt.Errorf("lay out mp4: %w", err)
	}
	for i, box := range boxes {
		if err := places[i].move(box, uint64(len(p.Header))); err != nil {
			return nil, fmt.Errorf("lay out mp4: rendition %s: %w", tracks[i].Rendition.ID, err)
		}
	}
	if err := p.writeHeader(boxes); err != nil {
		return nil, fmt.Errorf("lay out mp4: %w", err)
	}
	p.Body.Hash = p.name(tracks)
	return p, nil
}

// segmentPlaces says where a rendition's segments lie: at[i] in the body, from[i] in the rendition itself.
type segmentPlaces struct {
	from, at []uint64
}

// layOut orders all segments by their start; of equal ones the first track's come first.
func (p *Progressive) layOut(tracks []Track) []segmentPlaces {
	places := make([]segmentPlaces, len(tracks))
	next := make([]int, len(tracks))
	own := make([]uint64, len(tracks))
	for {
		t := earliest(tracks, next)
		if t < 0 {
			return places
		}
		s := &tracks[t].Rendition.Segments[next[t]]
		next[t]++
		places[t].from = append(places[t].from, own[t])
		places[t].at = append(places[t].at, uint64(p.Body.Size))
		own[t] += uint64(s.Size)
		p.Body.Size += s.Size
		p.Body.Chunks = append(p.Body.Chunks, s.Chunks...)
	}
}

// earliest returns the track whose next segment starts first, -1 at the end of all.
func earliest(tracks []Track, next []int) int {
	best := -1
	var bestStart time.Duration
	for i, t := range tracks {
		if next[i] == len(t.Rendition.Segments) {
			continue
		}
		start := t.Rendition.clock(t.Rendition.Segments[next[i]].Start)
		if best < 0 || start < bestStart {
			best, bestStart = i, start
		}
	}
	return best
}

func readTables(tracks []Track) ([]*mp4.TrakBox, error) {
	boxes := make([]*mp4.TrakBox, len(tracks))
	for i, t := range tracks {
		box, err := mp4.DecodeBoxSR(0, bits.NewFixedSliceReader(t.Table))
		if err != nil {
			return nil, fmt.Errorf("sample table of rendition %s: %w", t.Rendition.ID, err)
		}
		trak, ok := box.(*mp4.TrakBox)
		if !ok || trak.Tkhd == nil || trak.Mdia == nil || trak.Mdia.Minf == nil || trak.Mdia.Minf.Stbl == nil || trak.Mdia.Minf.Stbl.Co64 == nil {
			return nil, fmt.Errorf("sample table of rendition %s is not one", t.Rendition.ID)
		}
		boxes[i] = trak
	}
	return boxes, nil
}

// move turns offsets in the rendition into offsets in the file.
func (s segmentPlaces) move(trak *mp4.TrakBox, header uint64) error {
	offsets, segment := trak.Mdia.Minf.Stbl.Co64.ChunkOffset, 0
	for i, at := range offsets {
		for segment+1 < len(s.from) && at >= s.from[segment+1] {
			segment++
		}
		if segment >= len(s.from) || at < s.from[segment] {
			return errors.New("the sample table does not fit the segments")
		}
		offsets[i] = header + s.at[segment] + at - s.from[segment]
	}
	return nil
}

func (p *Progressive) writeHeader(traks []*mp4.TrakBox) error {
	moov, mvhd := mp4.NewMoovBox(), mp4.CreateMvhd()
	mvhd.Timescale, mvhd.NextTrackID, mvhd.CreationTime, mvhd.ModificationTime = MovieTimescale, 1, 0, 0
	moov.AddChild(mvhd)
	for _, trak := range traks {
		mvhd.Duration = max(mvhd.Duration, trak.Tkhd.Duration)
		mvhd.NextTrackID = max(mvhd.NextTrackID, trak.Tkhd.TrackID+1)
		moov.AddChild(trak)
	}
	var out bytes.Buffer
	for _, box := range []mp4.Box{mp4.NewFtyp("isom", 512, []string{"isom", "iso2", "avc1", "mp41"}), moov} {
		if err := box.Encode(&out); err != nil {
			return fmt.Errorf("write header: %w", err)
		}
	}
	mdat := binary.BigEndian.AppendUint32(nil, 1)
	mdat = append(mdat, "mdat"...)
	out.Write(binary.BigEndian.AppendUint64(mdat, 16+uint64(p.Body.Size)))
	p.Header = out.Bytes()
	return nil
}

// name hashes what determines every byte of the file.
func (p *Progressive) name(tracks []Track) chunk.Ref {
	h := sha256.New()
	h.Write(p.Header)
	for _, t := range tracks {
		for i := range t.Rendition.Segments {
			h.Write(t.Rendition.Segments[i].Hash[:])
		}
	}
	return chunk.Ref(h.Sum(nil))
}
