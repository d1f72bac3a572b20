package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// measureImport adds a film and prepares the same one with ffmpeg alone, in turn. Each round has a node and folders of its
// own, and nothing is deleted before the last one: ext4 takes detours around the inodes of files that were deleted
// within the last minute or so, which would be counted to whoever makes more files.
func measureImport(l *lab) error {
	source, err := l.film(fullHD())
	if err != nil {
		return err
	}
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	var ours, theirs, first, rest, whole []time.Duration
	var peak, memory float64
	for round := range l.rounds {
		imported, err := l.timeImport(source)
		if err != nil {
			return err
		}
		took, most, err := l.timeFFmpeg(source)
		if err != nil {
			return err
		}
		ours, theirs, peak, memory = append(ours, imported.ready), append(theirs, took), max(peak, imported.memory), max(memory, most)
		first, rest, whole = append(first, imported.playable), append(rest, imported.rest), append(whole, imported.accepted)
		l.say("  round %d: ready after %s (accepted after %s, playable %s after the last byte); ffmpeg %s",
			round+1, inSeconds(imported.ready), inSeconds(imported.accepted), inSeconds(imported.playable), inSeconds(took))
	}
	a, t := median(ours), median(theirs)
	l.table.compared(fmt.Sprintf("import of H.264/AAC, %s, HTTP to ready", inMB(float64(info.Size()))), inSeconds(a), inSeconds(t),
		ratioOf(a, t), atMost(ratioOf(a, t), 1.3, ""))
	l.table.told("… of that until the upload is durable", inSeconds(median(whole)), "")
	l.table.told("… from the last byte to ready", inSeconds(median(rest)), inSeconds(t))
	l.table.single("first playable after the last byte, H.264/AAC", inSeconds(median(first)), atMost(median(first).Seconds(), 1, " s"))
	if peak == 0 {
		l.skip("peak memory of the node while importing", "the system does not tell")
		return nil
	}
	l.table.compared("peak memory while importing, beside ffmpeg", inMB(peak), inMB(memory), peak/memory, atMost(peak/1e6, 200, " MB"))
	return nil
}

// imported is how long an import took: until the file was durable and until it was ready, and from its last byte
// on until something could be played and until it was ready; and the most memory that the node had, 0 when unknown.
type imported struct {
	accepted, ready, playable, rest time.Duration
	memory                          float64
}

// timeImport adds a film to a new node.
func (l *lab) timeImport(source string) (imported, error) {
	b, err := l.startBox("")
	if err != nil {
		return imported{}, err
	}
	defer b.stop()
	if err := l.settle(); err != nil {
		return imported{}, err
	}
	a, err := b.add(source)
	if err != nil {
		return imported{}, err
	}
	plays, err := b.until(a.id, playable)
	if err != nil {
		return imported{}, err
	}
	done, err := b.until(a.id, ready)
	if err != nil {
		return imported{}, err
	}
	peak, _ := b.memory("VmHWM") // not every system tells
	return imported{a.accepted.Sub(a.began), done.Sub(a.began), plays.Sub(a.sent), done.Sub(a.sent), peak}, nil
}

// timeFFmpeg prepares a film with ffmpeg alone and makes it durable. It returns ffmpeg's peak memory in bytes too.
func (l *lab) timeFFmpeg(source string) (took time.Duration, memory float64, err error) {
	dir, err := l.folder("ffmpeg")
	if err != nil {
		return 0, 0, err
	}
	if err := l.settle(); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	_, state, err := l.measured("ffmpeg", "-nostdin", "-v", "error", "-i", "file:"+source, "-c", "copy", "-f", "hls",
		"-hls_segment_type", "fmp4", "-hls_time", "4", "-hls_playlist_type", "vod",
		"-hls_segment_filename", filepath.Join(dir, "%05d.m4s"), filepath.Join(dir, "index.m3u8"))
	if err == nil {
		err = l.settle()
	}
	if err != nil {
		return 0, 0, err
	}
	return time.Since(began), peakMemory(state), nil
}

// measureHEVC adds a film whose picture must be made anew, and does not wait for its end.
func measureHEVC(l *lab) error {
	source, err := l.repeated(hevc(), 3)
	if err != nil {
		return err
	}
	b, err := l.startBox("")
	if err != nil {
		return err
	}
	defer b.stop()
	var first []time.Duration
	for round := range l.rounds {
		a, err := b.add(source)
		if err != nil {
			return err
		}
		plays, err := b.until(a.id, playable)
		if err != nil {
			return err
		}
		first = append(first, plays.Sub(a.sent))
		l.say("  round %d: %s", round+1, inSeconds(plays.Sub(a.sent)))
		if err := b.purge(a.id); err != nil {
			return err
		}
	}
	l.table.told("first playable after the last byte, HEVC 720p made anew", inSeconds(median(first)), "")
	return nil
}
