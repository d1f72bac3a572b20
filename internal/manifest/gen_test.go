package manifest_test

import (
	"encoding/binary"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// content makes up a blob of size bytes whose hashes depend on seed alone.
func content(seed string, size int64) manifest.Blob {
	b := manifest.Blob{Hash: chunk.Sum([]byte(seed)), Size: size}
	for i := int64(0); i < size; i += chunk.MaxSize {
		ref := chunk.Sum(binary.BigEndian.AppendUint64([]byte(seed), uint64(i)))
		b.Chunks = append(b.Chunks, chunk.Info{Ref: ref, Size: min(chunk.MaxSize, size-i)})
	}
	if len(b.Chunks) == 1 {
		b.Chunks[0].Ref = b.Hash
	}
	return b
}

// segments makes n segments of that many ticks and bytes, one after the other.
func segments(seed string, n int, ticks uint64, size int64) []manifest.Segment {
	list := make([]manifest.Segment, n)
	for i := range list {
		list[i] = manifest.Segment{
			Blob:  content(fmt.Sprint(seed, i), size),
			Start: uint64(i) * ticks, Duration: ticks,
		}
	}
	return list
}

// film is a small complete video: two rungs, two languages, a poster.
func film() *manifest.Manifest {
	poster := content("poster", 40_000)
	return &manifest.Manifest{
		Version: manifest.Version, Duration: 12 * time.Second, Complete: true, Poster: &poster,
		Renditions: []manifest.Rendition{
			{
				ID: "source", Kind: manifest.Video, Codec: "avc1.640028", Width: 1920, Height: 1080,
				FrameRate: 24000.0 / 1001, Source: true, TrackID: 1, Timescale: 24000, Complete: true,
				Init: content("source", 800), Segments: segments("source", 3, 96096, 4_000_000),
			},
			{
				ID: "low", Kind: manifest.Video, Codec: "avc1.4d401e", Width: 854, Height: 480,
				FrameRate: 24000.0 / 1001, TrackID: 2, Timescale: 24000, Complete: true,
				Init: content("low", 800), Segments: segments("low", 3, 96096, 500_000),
			},
			{
				ID: "audio0", Kind: manifest.Audio, Codec: "mp4a.40.2", Language: "de", Name: "Deutsch", Channels: 6,
				Source: true, TrackID: 3, Timescale: 48000, Complete: true,
				Init: content("audio0", 700), Segments: segments("audio0", 3, 192512, 150_000),
			},
			{
				ID: "audio1", Kind: manifest.Audio, Codec: "mp4a.40.2", Language: "en", Name: "The \"Director\"\ntalks", Channels: 2,
				Default: true, Source: true, TrackID: 4, Timescale: 48000, Complete: true,
				Init: content("audio1", 700), Segments: segments("audio1", 3, 192512, 64_000),
			},
		},
	}
}

// sound is a complete video without picture.
func sound() *manifest.Manifest {
	m := film()
	m.Renditions = m.Renditions[3:]
	return m
}

// anyManifest draws valid manifests, drafts and complete ones.
func anyManifest(t *rapid.T) *manifest.Manifest {
	m := &manifest.Manifest{
		Version:  manifest.Version,
		Duration: time.Duration(rapid.Int64Range(0, int64(manifest.MaxLength)).Draw(t, "duration")),
		Complete: rapid.Bool().Draw(t, "complete"),
	}
	if rapid.Bool().Draw(t, "poster") {
		poster := content("poster", rapid.Int64Range(1, 3<<20).Draw(t, "poster size"))
		m.Poster = &poster
	}
	if rapid.Bool().Draw(t, "storyboard") {
		count := rapid.IntRange(1, manifest.MaxTiles).Draw(t, "tiles")
		m.Storyboard = &manifest.Storyboard{
			Image: content("storyboard", rapid.Int64Range(1, 3<<20).Draw(t, "image size")), Width: rapid.IntRange(1, 320).Draw(t, "tile width"),
			Height: rapid.IntRange(1, 320).Draw(t, "tile height"), Columns: rapid.IntRange(1, count).Draw(t, "columns"), Count: count,
			Interval: time.Duration(rapid.IntRange(1, 100_000).Draw(t, "interval")) * time.Millisecond,
		}
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "chapters") {
		m.Chapters = append(m.Chapters, manifest.Chapter{Start: time.Duration(i) * time.Minute, Title: anyName(t)})
	}
	defaults := make(map[manifest.Kind]bool)
	for i := range rapid.IntRange(0, 6).Draw(t, "renditions") {
		r := anyRendition(t, i)
		r.Complete = r.Complete || m.Complete
		r.Default = r.Default && !defaults[r.Kind]
		defaults[r.Kind] = defaults[r.Kind] || r.Default
		m.Renditions = append(m.Renditions, r)
	}
	return m
}

func anyRendition(t *rapid.T, i int) manifest.Rendition {
	id := fmt.Sprint(rapid.StringMatching(`[a-z0-9]{1,12}`).Draw(t, "id"), "x", i)
	r := manifest.Rendition{
		ID: id, Kind: rapid.SampledFrom([]manifest.Kind{manifest.Video, manifest.Audio, manifest.Text}).Draw(t, "kind"),
		Codec:    rapid.SampledFrom([]string{"avc1.64001f", "avc1.4d401e", "mp4a.40.2", "mp4a.40.5"}).Draw(t, "codec"),
		Language: rapid.SampledFrom([]string{"", "en", "de", "pt-BR"}).Draw(t, "language"),
		Name:     anyName(t),
		Channels: rapid.IntRange(0, 64).Draw(t, "channels"),
		Default:  rapid.Bool().Draw(t, "default"), Source: rapid.Bool().Draw(t, "source"),
		TrackID: i + 1, Timescale: rapid.Uint32Range(1, 1<<32-1).Draw(t, "timescale"),
		Complete: rapid.Bool().Draw(t, "rendition complete"),
	}
	if r.Kind == manifest.Video {
		r.Width, r.Height = rapid.IntRange(1, 8000).Draw(t, "width"), rapid.IntRange(1, 8000).Draw(t, "height")
		r.FrameRate = rapid.Float64Range(0, 1000).Draw(t, "rate")
	}
	if r.Kind == manifest.Text {
		r.Codec, r.Channels, r.TrackID, r.Forced = "wvtt", 0, 0, rapid.Bool().Draw(t, "forced")
		r.Segments = anySegments(t, id, uint64(r.Timescale))
		return r
	}
	if rapid.Bool().Draw(t, "begun") {
		r.Init = content(id, rapid.Int64Range(1, 5000).Draw(t, "init size"))
		r.Segments = anySegments(t, id, uint64(r.Timescale))
		if rapid.Bool().Draw(t, "table") {
			table := content(id+"table", rapid.Int64Range(1, 3<<20).Draw(t, "table size"))
			r.Table = &table
		}
	}
	return r
}

func anyName(t *rapid.T) string {
	name := rapid.String().Draw(t, "name")
	if len(name) > manifest.MaxName {
		return "long"
	}
	return name
}

func anySegments(t *rapid.T, id string, scale uint64) []manifest.Segment {
	var list []manifest.Segment
	start := rapid.Uint64Range(0, 900*3600*scale).Draw(t, "start")
	for i := range rapid.IntRange(0, 8).Draw(t, "segments") {
		s := manifest.Segment{
			Blob:  content(fmt.Sprint(id, i), rapid.Int64Range(1, 4<<20).Draw(t, "size")),
			Start: start, Duration: rapid.Uint64Range(1, scale*12).Draw(t, "ticks"),
		}
		list = append(list, s)
		start += s.Duration + rapid.SampledFrom([]uint64{0, 0, 0, 1, scale, 20 * scale}).Draw(t, "gap")
	}
	return list
}
