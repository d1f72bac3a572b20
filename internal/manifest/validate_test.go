package manifest_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

func TestValidateAcceptsWhatFilmsAreLike(t *testing.T) {
	for name, bend := range map[string]func(m *manifest.Manifest){
		"complete":   func(*manifest.Manifest) {},
		"first plan": func(m *manifest.Manifest) { *m = manifest.Manifest{Version: 1} },
		"a rendition of which little is known": func(m *manifest.Manifest) {
			m.Complete = false
			m.Renditions[1] = manifest.Rendition{ID: "low", Kind: manifest.Video}
		},
		"a track without samples": func(m *manifest.Manifest) { m.Renditions[2].Segments = nil },
		"subtitles": func(m *manifest.Manifest) {
			m.Renditions[2] = manifest.Rendition{
				ID: "text0", Kind: manifest.Text, Codec: "wvtt", Timescale: 1000, Complete: true, Segments: segments("t", 2, 5, 9),
			}
		},
		"a gap":                     func(m *manifest.Manifest) { m.Renditions[0].Segments[2].Start += 1_000_000 },
		"the clock of a Matroska":   func(m *manifest.Manifest) { m.Renditions[2].Segments[1].Start -= 48 },
		"a name with anything":      func(m *manifest.Manifest) { m.Renditions[2].Name = "\"\r\n\x00<script>,=" },
		"unknown size and rate":     func(m *manifest.Manifest) { r := &m.Renditions[0]; r.Width, r.Height, r.FrameRate = 0, 0, 0 },
		"a language with a script":  func(m *manifest.Manifest) { m.Renditions[2].Language = "zh-Hant-TW" },
		"a late start":              func(m *manifest.Manifest) { m.Renditions[0].Segments = m.Renditions[0].Segments[1:] },
		"a default of another kind": func(m *manifest.Manifest) { m.Renditions[0].Default = true },
	} {
		m := film()
		bend(m)
		if err := m.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// bad is a change to film that breaks it, and what the error must say.
type bad struct {
	name string
	bend func(m *manifest.Manifest)
	want string
}

func checkRefused(t *testing.T, cases []bad) {
	t.Helper()
	for _, c := range cases {
		m := film()
		c.bend(m)
		err := m.Validate()
		if !errors.Is(err, manifest.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
		if _, err := m.Encode(); !errors.Is(err, manifest.ErrInvalid) {
			t.Errorf("%s: encoded, %v", c.name, err)
		}
	}
}

func TestValidateRefusesBrokenManifests(t *testing.T) {
	type m = manifest.Manifest
	checkRefused(t, []bad{
		{"version", func(m *m) { m.Version = 0 }, "version 0"},
		{"negative duration", func(m *m) { m.Duration = -1 }, "duration"},
		{"absurd duration", func(m *m) { m.Duration = manifest.MaxLength + 1 }, "duration"},
		{"absurd count", func(m *m) { m.Renditions = make([]manifest.Rendition, 65) }, "65 renditions"},
		{"incomplete in complete", func(m *m) { m.Renditions[1].Complete = false }, `"low"): incomplete`},
		{"same id", func(m *m) { m.Renditions[1].ID = "source" }, `id "source"`},
		{"same track", func(m *m) { m.Renditions[1].TrackID = 1 }, "track id 1"},
		{"two defaults", func(m *m) { m.Renditions[2].Default = true }, "two default"},
		{"poster without bytes", func(m *m) { m.Poster = &manifest.Blob{} }, "poster: no hash"},
	})
}

func TestValidateRefusesBrokenRenditions(t *testing.T) {
	change := func(bend func(r *manifest.Rendition)) func(m *manifest.Manifest) {
		return func(m *manifest.Manifest) { bend(&m.Renditions[0]) }
	}
	type r = manifest.Rendition
	var cases []bad
	for name, c := range map[string]struct {
		bend func(r *r)
		want string
	}{
		"no id":               {func(r *r) { r.ID = "" }, "id is not"},
		"id with a slash":     {func(r *r) { r.ID = "../low" }, "id is not"},
		"id with a newline":   {func(r *r) { r.ID = "low\n" }, "id is not"},
		"long id":             {func(r *r) { r.ID = strings.Repeat("a", 17) }, "id is not"},
		"kind":                {func(r *r) { r.Kind = "picture" }, "kind"},
		"codec with a comma":  {func(r *r) { r.Codec = "a,b" }, "codec"},
		"codec with a quote":  {func(r *r) { r.Codec = `a"` }, "codec"},
		"language":            {func(r *r) { r.Language = `en"` }, "language"},
		"long name":           {func(r *r) { r.Name = strings.Repeat("a", 257) }, "name of 257"},
		"name not UTF-8":      {func(r *r) { r.Name = "\xff" }, "UTF-8"},
		"negative width":      {func(r *r) { r.Width = -1 }, "pixels"},
		"absurd height":       {func(r *r) { r.Height = 1 << 20 }, "pixels"},
		"width alone":         {func(r *r) { r.Height = 0 }, "missing"},
		"NaN":                 {func(r *r) { r.FrameRate = math.NaN() }, "frame rate"},
		"infinite rate":       {func(r *r) { r.FrameRate = math.Inf(1) }, "frame rate"},
		"negative zero":       {func(r *r) { r.FrameRate = math.Copysign(0, -1) }, "frame rate"},
		"channels":            {func(r *r) { r.Channels = 65 }, "channels"},
		"track id":            {func(r *r) { r.TrackID = -1 }, "track id"},
		"no timescale":        {func(r *r) { r.Timescale = 0 }, "timescale"},
		"no codec":            {func(r *r) { r.Codec = "" }, "without a codec"},
		"no track id":         {func(r *r) { r.TrackID = 0 }, "without a track id"},
		"no init":             {func(r *r) { r.Init = manifest.Blob{} }, "without an init"},
		"half an init":        {func(r *r) { r.Init.Chunks = nil }, "init: no chunks"},
		"absurd count":        {func(r *r) { r.Segments = make([]manifest.Segment, manifest.MaxSegments+1) }, "100001 segments"},
		"no length":           {func(r *r) { r.Segments[2].Duration = 0 }, "segment 2: no duration"},
		"decreasing start":    {func(r *r) { r.Segments[2].Start = 5 }, "segment 2: starts at 5"},
		"same start":          {func(r *r) { r.Segments[1].Start = 0 }, "segment 1: starts at 0"},
		"overlap":             {func(r *r) { r.Segments[1].Start -= 2401 }, "overlaps"},
		"inside the last one": {func(r *r) { r.Segments[1].Start -= 2; r.Segments[1].Duration = 1 }, "overlaps"},
		"overflow":            {func(r *r) { r.Segments[2].Start = math.MaxUint64 }, "out of range"},
		"far apart":           {func(r *r) { r.Segments[2].Start = 24000 * 3600 * 1000 }, "after more than"},
	} {
		cases = append(cases, bad{name, change(c.bend), c.want})
	}
	checkRefused(t, cases)
}

func TestValidateRefusesBrokenBlobs(t *testing.T) {
	change := func(bend func(b *manifest.Blob)) func(m *manifest.Manifest) {
		return func(m *manifest.Manifest) { bend(&m.Renditions[0].Segments[1].Blob) }
	}
	type b = manifest.Blob
	checkRefused(t, []bad{
		{"no hash", change(func(b *b) { b.Hash = chunk.Ref{} }), "segment 1: no hash"},
		{"no chunks", change(func(b *b) { b.Chunks, b.Size = nil, 0 }), "no chunks"},
		{"absurd count", change(func(b *b) { b.Chunks = make([]chunk.Info, manifest.MaxChunks+1) }), "4097 chunks"},
		{"no chunk hash", change(func(b *b) { b.Chunks[2].Ref = chunk.Ref{} }), "chunk 2: no hash"},
		{"empty chunk", change(func(b *b) { b.Chunks[2].Size = 0 }), "chunk 2: 0 bytes"},
		{"large chunk", change(func(b *b) { b.Chunks[2].Size = chunk.MaxSize + 1 }), "chunk 2: 1048577 bytes"},
		{"wrong total", change(func(b *b) { b.Size-- }), "want 3999999"},
		{"an only chunk with another hash", change(func(b *b) { b.Chunks, b.Size = b.Chunks[:1], chunk.MaxSize }), "another hash"},
	})
}

func TestLimitsLeaveRoomForLongFilms(t *testing.T) {
	m := long()
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	if got := m.Renditions[0].Length(); got != 12*time.Hour {
		t.Errorf("%s long", got)
	}
}
