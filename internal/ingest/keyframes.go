package ingest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
)

// maxIndex is the largest MP4 index (moov) that is read into memory: about 12 hours of film.
const maxIndex = 32 << 20

// errNoIndex says that a file has no list of its key frames.
var errNoIndex = errors.New("no index of key frames")

// index is what an MP4 file says of its samples.
type index struct {
	moov *mp4.MoovBox // nil in other files
	size int64        // of the file
}

// readIndex reads the index of the source in dir.
func readIndex(dir string) (index, error) {
	f, err := os.Open(filepath.Join(dir, sourceName))
	if err != nil {
		return index{}, fmt.Errorf("read index: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return index{}, fmt.Errorf("read index: %w", err)
	}
	moov, err := readMoov(f)
	if err != nil {
		moov = nil
	}
	return index{moov, info.Size()}, nil
}

// longestGap returns the longest time between two key frames of the source's video stream: from the
// container's index when there is one, else from the first 30 seconds.
func (im *Importer) longestGap(ctx context.Context, dir string, x index, stream int) (time.Duration, error) {
	if gap, err := x.longestGap(); err == nil {
		return gap, nil
	}
	return im.probedGap(ctx, dir, stream)
}

// longestGap reads the sync sample table of the first video track (ISO/IEC 14496-12, 8.6.2).
func (x index) longestGap() (time.Duration, error) {
	if x.moov == nil {
		return 0, errNoIndex
	}
	for _, trak := range x.moov.Traks {
		if gap, ok := trackGap(trak); ok {
			return gap, nil
		}
	}
	return 0, errNoIndex
}

// readMoov finds and decodes the moov box; anything unexpected means that there is no index to trust.
func readMoov(r io.ReadSeeker) (moov *mp4.MoovBox, err error) {
	// The decoder is made for well-formed files; a crafted one may make it panic.
	defer func() {
		if recover() != nil {
			moov, err = nil, errNoIndex
		}
	}()
	size, err := seekBox(r, "moov")
	if err != nil || size > maxIndex {
		return nil, errNoIndex
	}
	var body bytes.Buffer
	if _, err := io.CopyN(&body, r, size); err != nil {
		return nil, errNoIndex
	}
	box, err := mp4.DecodeBoxSR(0, bits.NewFixedSliceReader(body.Bytes()))
	if err != nil {
		return nil, errNoIndex
	}
	moov, ok := box.(*mp4.MoovBox)
	if !ok {
		return nil, errNoIndex
	}
	return moov, nil
}

// seekBox walks the top-level boxes and leaves r at the start of the wanted one, whose size it returns.
func seekBox(r io.ReadSeeker, want string) (size int64, err error) {
	var head [16]byte
	for range 10_000 {
		if _, err := io.ReadFull(r, head[:8]); err != nil {
			return 0, err
		}
		size, header := int64(binary.BigEndian.Uint32(head[:4])), int64(8)
		if size == 1 {
			if _, err := io.ReadFull(r, head[8:]); err != nil {
				return 0, err
			}
			size, header = int64(binary.BigEndian.Uint64(head[8:])), 16
		}
		if size < header {
			return 0, errNoIndex
		}
		if bytes.Equal(head[4:8], []byte(want)) {
			_, err := r.Seek(-header, io.SeekCurrent)
			return size, err
		}
		if _, err := r.Seek(size-header, io.SeekCurrent); err != nil {
			return 0, err
		}
	}
	return 0, errNoIndex
}

// trackGap returns the longest time between sync samples, or false for a track without samples or pictures.
func trackGap(trak *mp4.TrakBox) (time.Duration, bool) {
	if trak.Mdia == nil || trak.Mdia.Hdlr == nil || trak.Mdia.Hdlr.HandlerType != "vide" || trak.Mdia.Mdhd == nil ||
		trak.Mdia.Mdhd.Timescale == 0 || trak.Mdia.Minf == nil || trak.Mdia.Minf.Stbl == nil {
		return 0, false
	}
	stbl := trak.Mdia.Minf.Stbl
	if stbl.Stts == nil || len(stbl.Stts.SampleCount) == 0 {
		return 0, false
	}
	if stbl.Stss == nil {
		return 0, true // without the table every sample is a key frame
	}
	ticks := longestRun(stbl.Stts, stbl.Stss.SampleNumber)
	return time.Duration(float64(ticks) / float64(trak.Mdia.Mdhd.Timescale) * float64(time.Second)), true
}

// longestRun returns the most ticks between two of the sync samples, or from the last to the end.
func longestRun(stts *mp4.SttsBox, sync []uint32) (longest uint64) {
	var time, last uint64
	sample := uint64(1)
	next := 0
	for i, count := range stts.SampleCount {
		delta := uint64(stts.SampleTimeDelta[i])
		for next < len(sync) && uint64(sync[next]) < sample+uint64(count) {
			at := max(time+(uint64(sync[next])-sample)*delta, last)
			longest = max(longest, at-last)
			last = at
			next++
		}
		time += uint64(count) * delta
		sample += uint64(count)
	}
	return max(longest, time-last)
}

// probedGap reads the packets of the first 30 seconds.
func (im *Importer) probedGap(ctx context.Context, dir string, stream int) (time.Duration, error) {
	path, err := im.ffprobe()
	if err != nil {
		return 0, err
	}
	args := append([]string{"-v", "error", "-of", "csv=p=0", "-show_entries", "packet=pts_time,flags",
		"-select_streams", strconv.Itoa(stream), "-read_intervals", "%+30"}, inputArgs()...)
	out, err := process{path: path, dir: dir, limits: probeLimits, args: append(args, "-i", "file:"+sourceName)}.output(ctx, 4<<20)
	if err != nil {
		return 0, err
	}
	return packetGap(string(out)), nil
}

// packetGap reads lines such as "1.040000,K__" and returns the longest time between two key frames, the end included.
func packetGap(lines string) time.Duration {
	var last, end, longest float64
	first := true
	for line := range strings.Lines(lines) {
		at, flags, _ := strings.Cut(strings.TrimSpace(line), ",")
		t, err := strconv.ParseFloat(at, 64)
		if err != nil {
			continue
		}
		if strings.HasPrefix(flags, "K") {
			if !first {
				longest = max(longest, t-last)
			}
			first, last = false, t
		}
		end = max(end, t)
	}
	return time.Duration(max(longest, end-last) * float64(time.Second))
}
