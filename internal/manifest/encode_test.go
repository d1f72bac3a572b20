package manifest_test

import (
	"bytes"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"shoal/internal/manifest"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func mustEncode(t testing.TB, m *manifest.Manifest) []byte {
	t.Helper()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEncodedFormIsStable(t *testing.T) {
	b := mustEncode(t, film())
	golden(t, "film.cbor", b)
	words, err := cbor.Diagnose(b)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "film.diag", []byte(strings.ReplaceAll(words, ", {", ",\n{")+"\n"))
}

func TestDecodeGivesBackWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyManifest(t)
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := manifest.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		again, err := got.Encode()
		if err != nil || !bytes.Equal(b, again) {
			t.Fatalf("encoded again: %v\n%x\n%x", err, b, again)
		}
	})
}

func TestEncodeDoesNotTellNilFromEmpty(t *testing.T) {
	a := &manifest.Manifest{Version: 1}
	b := &manifest.Manifest{Version: 1, Renditions: []manifest.Rendition{}}
	if !bytes.Equal(mustEncode(t, a), mustEncode(t, b)) {
		t.Error("two encodings of one manifest")
	}
}

func TestDecodeKeepsNoPartOfItsInput(t *testing.T) {
	b := mustEncode(t, film())
	m, err := manifest.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if diff := cmp.Diff(film(), m); diff != "" {
		t.Error(diff)
	}
}

// bent encodes the film as a tree of maps and lists that bend has changed.
func bent(t *testing.T, bend func(m map[any]any)) []byte {
	t.Helper()
	var tree map[any]any
	if err := cbor.Unmarshal(mustEncode(t, film()), &tree); err != nil {
		t.Fatal(err)
	}
	bend(tree)
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := mode.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecodeRefusesWhatEncodeNeverWrites(t *testing.T) {
	type tree = map[any]any
	good := mustEncode(t, film())
	rendition := func(m tree) tree { return m[uint64(4)].([]any)[0].(tree) }
	segment := func(m tree) tree { return rendition(m)[uint64(16)].([]any)[1].(tree) }
	set := func(at func(tree) tree, key uint64, value any) []byte {
		return bent(t, func(m tree) { at(m)[key] = value })
	}
	top := func(m tree) tree { return m }
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"nothing":                {nil, "EOF"},
		"another type":           {[]byte{0x80}, "array"},
		"trailing bytes":         {append(bytes.Clone(good), 0), "extraneous"},
		"cut off":                {good[:len(good)-1], "EOF"},
		"unknown field":          {set(top, 99, 1), "unknown field"},
		"field with a name":      {bent(t, func(m tree) { m["version"] = 1 }), "unknown field"},
		"unknown field inside":   {set(segment, 6, 1), "unknown field"},
		"missing field":          {bent(t, func(m tree) { delete(m, uint64(3)) }), "canonical"},
		"duplicate key":          {[]byte{0xa2, 1, 1, 1, 1}, "duplicate"},
		"keys out of order":      {[]byte{0xa4, 2, 0, 1, 1, 3, 0xf4, 4, 0x80}, "canonical"},
		"a longer integer":       {[]byte{0xa4, 1, 0x18, 1, 2, 0, 3, 0xf4, 4, 0x80}, "canonical"},
		"indefinite length":      {[]byte{0xbf, 1, 1, 2, 0, 3, 0xf4, 4, 0x80, 0xff}, "indefinite"},
		"a tag":                  {[]byte{0xc0, 0xa4, 1, 1, 2, 0, 3, 0xf4, 4, 0x80}, "tag"},
		"a list of a million":    {[]byte{0xa4, 1, 1, 2, 0, 3, 0xf4, 4, 0x9a, 0, 0x0f, 0x42, 0x40}, "max"},
		"null for a list":        {set(top, 4, nil), "array"},
		"a zero that is left":    {set(rendition, 11, false), "canonical"},
		"another version":        {set(top, 1, 2), "version 2"},
		"a short hash":           {set(segment, 1, make([]byte, 31)), "32 bytes"},
		"a long hash":            {set(segment, 1, make([]byte, 33)), "32 bytes"},
		"text for a hash":        {set(segment, 1, strings.Repeat("a", 32)), "32 bytes"},
		"a chunk of three parts": {set(segment, 3, []any{[]any{make([]byte, 32), 1, 1}}), "elements"},
		"chunks in a map":        {set(segment, 3, tree{}), "array"},
		"more chunks than bytes": {set(segment, 3, make([]any, 300)), "300 chunks"},
		"more renditions":        {set(top, 4, make([]any, 65)), "65 renditions"},
		"not a number":           {set(rendition, 6, math.NaN()), "frame rate"},
		"infinite":               {set(rendition, 6, math.Inf(1)), "frame rate"},
		"negative start":         {set(segment, 4, -1), "cannot unmarshal"},
		"huge timescale":         {set(rendition, 13, uint64(1)<<32), "overflow"},
		"not UTF-8":              {bytes.Replace(good, []byte("Deutsch"), []byte("Deut\xff\xffh"), 1), "UTF-8"},
		"wrong total":            {set(segment, 2, 5), "want 5"},
		"too long":               {make([]byte, manifest.MaxEncoded+1), "at most"},
	} {
		m, err := manifest.Decode(c.b)
		if !errors.Is(err, manifest.ErrInvalid) || m != nil {
			t.Errorf("%s: got %v, %v", name, m, err)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %q does not say %q", name, err, c.want)
		}
	}
}

func TestDecodeAllocatesInProportionToItsInput(t *testing.T) {
	// One byte an element, each of which the program would hold in many.
	hostile := bent(t, func(m map[any]any) {
		r := m[uint64(4)].([]any)[0].(map[any]any)
		list := make([]any, 99_000)
		for i := range list {
			list[i] = 0
		}
		r[uint64(16)] = list
	})
	if got := allocated(func() {
		if _, err := manifest.Decode(hostile); err == nil {
			t.Error("no error")
		}
	}); got > uint64(8*len(hostile)) {
		t.Errorf("%d bytes for an input of %d", got, len(hostile))
	}
}

// allocated returns the bytes that f allocates, and whatever else runs meanwhile.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func FuzzDecode(f *testing.F) {
	f.Add(mustEncode(f, film()))
	f.Add(mustEncode(f, sound()))
	f.Add(mustEncode(f, &manifest.Manifest{Version: 1, Duration: time.Hour}))
	small := film()
	small.Poster, small.Renditions = nil, small.Renditions[3:]
	small.Renditions[0].Segments = segments("s", 1, 7, 9)
	f.Add(mustEncode(f, small))
	f.Add([]byte{0xa2, 1, 1, 1, 1})
	f.Add([]byte{0xa4, 1, 1, 2, 0, 3, 0xf4, 4, 0x9a, 0, 0x0f, 0x42, 0x40})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := manifest.Decode(b)
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil || !bytes.Equal(b, again) {
			t.Fatalf("%v\n%x became\n%x", err, b, again)
		}
		checkPlaylists(t, m)
	})
}

// long is a film of 12 hours at 20 Mbit/s with sound and a low rung: about 130,000 chunks.
func long() *manifest.Manifest {
	const count = 12 * 3600 / 4
	m := film()
	m.Duration = 12 * time.Hour
	for i, size := range []int64{10_000_000, 500_000, 200_000, 64_000} {
		r := &m.Renditions[i]
		r.Segments = segments(r.ID, count, 4*uint64(r.Timescale), size)
	}
	return m
}

func BenchmarkEncode(b *testing.B) {
	m := long()
	var size int
	b.ReportAllocs()
	for b.Loop() {
		size = len(mustEncode(b, m))
	}
	reportSize(b, m, size)
}

func BenchmarkDecode(b *testing.B) {
	m := long()
	encoded := mustEncode(b, m)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := manifest.Decode(encoded); err != nil {
			b.Fatal(err)
		}
	}
	reportSize(b, m, len(encoded))
}

func reportSize(b *testing.B, m *manifest.Manifest, size int) {
	chunks, segments := 0, 0
	for range m.Chunks() {
		chunks++
	}
	for _, r := range m.Renditions {
		segments += len(r.Segments)
	}
	b.ReportMetric(float64(size)/1e6, "MB")
	b.ReportMetric(float64(chunks), "chunks")
	b.ReportMetric(float64(size)/float64(chunks), "B/chunk")
	b.ReportMetric(float64(size)/float64(segments), "B/segment")
}
