package main

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"regexp"
)

// original is the film as the origin has it: what viewers must get, and what that weighs.
type original struct {
	paths []string // playlists first, then the rest
	// length is in seconds, bytesPerSecond is what all renditions weigh together.
	length, bytesPerSecond float64
	// first has the hashes in the names of what every viewer needs before anything plays.
	first map[string]bool
	// known has the hashes in the names of everything that is part of picture and sound.
	known map[string]bool
	// marks are those of everything that a decoder may be given.
	marks map[fingerprint]bool
}

// fingerprint is what a page tells of bytes that it gave to the decoder: FNV-1a, and their number.
type fingerprint struct {
	Hash   uint32
	Length int
}

func (p *fingerprint) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&p.Hash, &p.Length})
}

func fingerprintOf(content []byte) fingerprint {
	h := fnv.New32a()
	h.Write(content)
	return fingerprint{h.Sum32(), len(content)}
}

// content is stored bytes, as a manifest names them.
type content struct {
	Hash   string
	Size   float64
	Chunks []struct{ Ref string }
}

var hashInName = regexp.MustCompile(`[0-9a-f]{64}`)

// original learns what a video is made of.
func (b *box) original(ctx context.Context, id string) (*original, error) {
	var m struct {
		Duration   float64
		Renditions []struct {
			Kind     string
			Init     content
			Segments []content
		}
	}
	if err := b.do(ctx, http.MethodGet, "/api/v1/videos/"+id+"/manifest", nil, &m); err != nil {
		return nil, err
	}
	o := &original{length: m.Duration, first: make(map[string]bool), known: make(map[string]bool), marks: make(map[fingerprint]bool)}
	for _, r := range m.Renditions {
		if r.Kind == "text" {
			continue
		}
		o.note(r.Init, true)
		for i, s := range r.Segments {
			o.note(s, i == 0)
		}
	}
	var err error
	if o.paths, err = b.files(id); err != nil {
		return nil, err
	}
	for _, path := range o.paths {
		if !o.known[hashInName.FindString(path)] {
			continue
		}
		bytes, err := b.get(path)
		if err != nil {
			return nil, err
		}
		o.marks[fingerprintOf(bytes)] = true
	}
	return o, nil
}

func (o *original) note(c content, first bool) {
	o.bytesPerSecond += c.Size / o.length
	o.known[c.Hash], o.first[c.Hash] = true, first
	for _, chunk := range c.Chunks {
		o.known[chunk.Ref], o.first[chunk.Ref] = true, first
	}
}

// weigh adds up what was sent of the film, and of what every viewer needs first.
func (o *original) weigh(bodies map[string]int64) (film, first float64) {
	for path, n := range bodies {
		name := hashInName.FindString(path)
		if o.known[name] {
			film += float64(n)
		}
		if o.first[name] {
			first += float64(n)
		}
	}
	return film, first
}
