package ingest_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"

	"shoal/test/film"
)

func TestBombsEndWithWordsAndTheNextFilmIsPrepared(t *testing.T) {
	b := start(t)
	gap := []string{"-bsf", "setts=ts=if(gte(N\\,60)\\,TS+360000000000\\,TS)"}
	for _, c := range []struct {
		name string
		code string // "" when it becomes a video after all
		path string
	}{
		{"hundreds of streams", "too_many_streams", write(t, "hundreds.mkv", manyTracks(900))},
		{"thousands of streams", "too_many_streams", write(t, "thousands.mkv", manyTracks(3000))},
		{"a picture of 256 megapixels", "no_streams", film.Make(t, "huge.mkv", []string{"-f", "png_pipe", "-i", "file:" + write(t, "huge.png", hugePNG(16000)), "-c", "copy"})},
		{"a gap of eleven years", "", film.Make(t, "gap.mkv", film.Source(160, 90, 4), film.H264(), gap)},
		{"a gap of eleven years to make anew", "", film.Make(t, "gap4.mkv", film.Source(160, 90, 4), []string{"-c:v", "mpeg4", "-c:a", "libmp3lame"}, gap)},
	} {
		t.Run(c.name, func(t *testing.T) {
			begun := time.Now()
			v := b.catalog.ended(b.add(c.path))
			if c.code == "" && (v.state != "ready" || v.final.Duration > time.Minute) || c.code != "" && (v.state != "failed" || v.code != c.code || len(v.message) < 20) {
				t.Errorf("%s %q: %s", v.state, v.code, v.message)
			}
			t.Logf("ended after %s", time.Since(begun))
			good := b.catalog.ended(b.add(film.Make(t, "good.mp4", film.Source(160, 90, 2), film.H264(), []string{"-metadata", "comment=" + c.code + c.name})))
			if good.state != "ready" {
				t.Errorf("the next film: %s %s", good.code, good.message)
			}
		})
	}
	b.clean()
}

// element is an EBML element (RFC 8794).
func element(id uint32, content ...byte) []byte {
	head := binary.BigEndian.AppendUint32(nil, id)
	head = bytes.TrimLeft(head, "\x00")
	head = binary.BigEndian.AppendUint64(head, 1<<56|uint64(len(content)))
	return append(head, content...)
}

// manyTracks is a Matroska file of n sound tracks without sound.
func manyTracks(n int) []byte {
	var tracks []byte
	for i := range n {
		number := []byte{byte((i + 1) >> 8), byte(i + 1)}
		entry := append(element(0xD7, number...), element(0x73C5, number...)...)
		entry = append(entry, element(0x83, 2)...)
		entry = append(entry, element(0x86, []byte("A_MPEG/L3")...)...)
		entry = append(entry, element(0xE1, append(element(0xB5, 0x47, 0x2c, 0x44, 0), element(0x9F, 1)...)...)...)
		tracks = append(tracks, element(0xAE, entry...)...)
	}
	info := element(0x1549A966, element(0x2AD7B1, 0x0f, 0x42, 0x40)...)
	head := element(0x1A45DFA3, element(0x4282, []byte("matroska")...)...)
	content := append(info, element(0x1654AE6B, tracks...)...)
	content = append(content, element(0x1F43B675, element(0xE7, 0)...)...)
	return append(head, element(0x18538067, content...)...)
}

// hugePNG is a black picture of side by side pixels in a few kilobytes.
func hugePNG(side int) []byte {
	part := func(kind string, content []byte) []byte {
		out := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
		out = append(append(out, kind...), content...)
		return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
	}
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(side)), uint32(side))
	var pixels bytes.Buffer
	z := zlib.NewWriter(&pixels)
	row := make([]byte, 1+side/8)
	for range side {
		_, _ = z.Write(row)
	}
	_ = z.Close()
	out := append([]byte("\x89PNG\r\n\x1a\n"), part("IHDR", append(size, 1, 0, 0, 0, 0))...)
	return append(append(out, part("IDAT", pixels.Bytes())...), part("IEND", nil)...)
}
