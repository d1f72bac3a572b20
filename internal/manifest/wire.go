package manifest

import (
	"errors"
	"time"

	"shoal/internal/chunk"
)

// The wire types mirror the manifest's. Their keys are the format: a number is never used again for
// another meaning. Fields without omitempty are always there.
type wireManifest struct {
	Version    int            `cbor:"1,keyasint"`
	Duration   time.Duration  `cbor:"2,keyasint"` // nanoseconds
	Complete   bool           `cbor:"3,keyasint"`
	Renditions wireRenditions `cbor:"4,keyasint"`
	Poster     *wireBlob      `cbor:"5,keyasint,omitempty"`
	Storyboard *wireBoard     `cbor:"6,keyasint,omitempty"`
	Chapters   wireChapters   `cbor:"7,keyasint,omitempty"`
}

type wireBoard struct {
	Image    wireBlob      `cbor:"1,keyasint"`
	Width    int           `cbor:"2,keyasint"`
	Height   int           `cbor:"3,keyasint"`
	Columns  int           `cbor:"4,keyasint"`
	Count    int           `cbor:"5,keyasint"`
	Interval time.Duration `cbor:"6,keyasint"` // nanoseconds
}

type wireChapter struct {
	_     struct{} `cbor:",toarray"`
	Start time.Duration
	Title string
}

type wireRendition struct {
	ID        string       `cbor:"1,keyasint"`
	Kind      Kind         `cbor:"2,keyasint"`
	Codec     string       `cbor:"3,keyasint,omitempty"`
	Width     int          `cbor:"4,keyasint,omitempty"`
	Height    int          `cbor:"5,keyasint,omitempty"`
	FrameRate float64      `cbor:"6,keyasint,omitempty"`
	Language  string       `cbor:"7,keyasint,omitempty"`
	Name      string       `cbor:"8,keyasint,omitempty"`
	Channels  int          `cbor:"9,keyasint,omitempty"`
	Default   bool         `cbor:"10,keyasint,omitempty"`
	Source    bool         `cbor:"11,keyasint,omitempty"`
	TrackID   int          `cbor:"12,keyasint,omitempty"`
	Timescale uint32       `cbor:"13,keyasint,omitempty"`
	Complete  bool         `cbor:"14,keyasint"`
	Init      *wireBlob    `cbor:"15,keyasint,omitempty"`
	Segments  wireSegments `cbor:"16,keyasint"`
	Table     *wireBlob    `cbor:"17,keyasint,omitempty"`
	Forced    bool         `cbor:"18,keyasint,omitempty"`
}

type wireBlob struct {
	Hash   wireHash   `cbor:"1,keyasint"`
	Size   int64      `cbor:"2,keyasint"`
	Chunks wireChunks `cbor:"3,keyasint"`
}

type wireSegment struct {
	Hash     wireHash   `cbor:"1,keyasint"`
	Size     int64      `cbor:"2,keyasint"`
	Chunks   wireChunks `cbor:"3,keyasint"`
	Start    uint64     `cbor:"4,keyasint"`
	Duration uint64     `cbor:"5,keyasint"`
}

type wireChunk struct {
	_    struct{} `cbor:",toarray"`
	Ref  wireHash
	Size int64
}

// wireHash is a byte string of 32 bytes; the library would cut or pad another length.
type wireHash chunk.Ref

func (h *wireHash) UnmarshalCBOR(raw []byte) error {
	const head = "\x58\x20"
	if len(raw) != len(head)+len(h) || string(raw[:len(head)]) != head {
		return errors.New("a hash is not a byte string of 32 bytes")
	}
	copy(h[:], raw[len(head):])
	return nil
}

type (
	wireRenditions []wireRendition
	wireSegments   []wireSegment
	wireChunks     []wireChunk
	wireChapters   []wireChapter
)

func (l *wireRenditions) UnmarshalCBOR(raw []byte) error {
	return decodeList((*[]wireRendition)(l), raw, "renditions", MaxRenditions, leastRendition)
}

func (l *wireSegments) UnmarshalCBOR(raw []byte) error {
	return decodeList((*[]wireSegment)(l), raw, "segments", MaxSegments, leastSegment)
}

func (l *wireChunks) UnmarshalCBOR(raw []byte) error {
	return decodeList((*[]wireChunk)(l), raw, "chunks", MaxChunks, leastChunk)
}

func (l *wireChapters) UnmarshalCBOR(raw []byte) error {
	return decodeList((*[]wireChapter)(l), raw, "chapters", MaxChapters, leastChapter)
}

func toWire(m *Manifest) *wireManifest {
	w := &wireManifest{
		Version:    m.Version,
		Duration:   m.Duration,
		Complete:   m.Complete,
		Renditions: make(wireRenditions, len(m.Renditions)),
	}
	if m.Poster != nil {
		w.Poster = blobToWire(m.Poster)
	}
	if s := m.Storyboard; s != nil {
		w.Storyboard = &wireBoard{Image: *blobToWire(&s.Image), Width: s.Width, Height: s.Height, Columns: s.Columns, Count: s.Count, Interval: s.Interval}
	}
	for _, c := range m.Chapters {
		w.Chapters = append(w.Chapters, wireChapter{Start: c.Start, Title: c.Title})
	}
	for i := range m.Renditions {
		w.Renditions[i] = renditionToWire(&m.Renditions[i])
	}
	return w
}

func renditionToWire(r *Rendition) wireRendition {
	w := wireRendition{
		ID: r.ID, Kind: r.Kind, Codec: r.Codec,
		Width: r.Width, Height: r.Height, FrameRate: r.FrameRate,
		Language: r.Language, Name: r.Name, Channels: r.Channels,
		Default: r.Default, Source: r.Source, Forced: r.Forced,
		TrackID: r.TrackID, Timescale: r.Timescale, Complete: r.Complete,
		Segments: make(wireSegments, len(r.Segments)),
	}
	if !r.Init.isZero() {
		w.Init = blobToWire(&r.Init)
	}
	if r.Table != nil {
		w.Table = blobToWire(r.Table)
	}
	for i := range r.Segments {
		s := &r.Segments[i]
		w.Segments[i] = wireSegment{
			Hash: wireHash(s.Hash), Size: s.Size, Chunks: chunksToWire(s.Chunks),
			Start: s.Start, Duration: s.Duration,
		}
	}
	return w
}

func blobToWire(b *Blob) *wireBlob {
	return &wireBlob{Hash: wireHash(b.Hash), Size: b.Size, Chunks: chunksToWire(b.Chunks)}
}

func chunksToWire(chunks []chunk.Info) wireChunks {
	w := make(wireChunks, len(chunks))
	for i, c := range chunks {
		w[i] = wireChunk{Ref: wireHash(c.Ref), Size: c.Size}
	}
	return w
}

func (w *wireManifest) manifest() *Manifest {
	m := &Manifest{
		Version:    w.Version,
		Duration:   w.Duration,
		Complete:   w.Complete,
		Renditions: make([]Rendition, len(w.Renditions)),
	}
	if w.Poster != nil {
		poster := w.Poster.blob()
		m.Poster = &poster
	}
	if s := w.Storyboard; s != nil {
		m.Storyboard = &Storyboard{Image: s.Image.blob(), Width: s.Width, Height: s.Height, Columns: s.Columns, Count: s.Count, Interval: s.Interval}
	}
	for _, c := range w.Chapters {
		m.Chapters = append(m.Chapters, Chapter{Start: c.Start, Title: c.Title})
	}
	for i := range w.Renditions {
		m.Renditions[i] = w.Renditions[i].rendition()
	}
	return m
}

func (w *wireRendition) rendition() Rendition {
	r := Rendition{
		ID: w.ID, Kind: w.Kind, Codec: w.Codec,
		Width: w.Width, Height: w.Height, FrameRate: w.FrameRate,
		Language: w.Language, Name: w.Name, Channels: w.Channels,
		Default: w.Default, Source: w.Source, Forced: w.Forced,
		TrackID: w.TrackID, Timescale: w.Timescale, Complete: w.Complete,
		Segments: make([]Segment, len(w.Segments)),
	}
	if w.Init != nil {
		r.Init = w.Init.blob()
	}
	if w.Table != nil {
		table := w.Table.blob()
		r.Table = &table
	}
	for i := range w.Segments {
		s := &w.Segments[i]
		r.Segments[i] = Segment{
			Blob:  Blob{Hash: chunk.Ref(s.Hash), Size: s.Size, Chunks: s.Chunks.infos()},
			Start: s.Start, Duration: s.Duration,
		}
	}
	return r
}

func (w *wireBlob) blob() Blob {
	return Blob{Hash: chunk.Ref(w.Hash), Size: w.Size, Chunks: w.Chunks.infos()}
}

func (l wireChunks) infos() []chunk.Info {
	infos := make([]chunk.Info, len(l))
	for i, c := range l {
		infos[i] = chunk.Info{Ref: chunk.Ref(c.Ref), Size: c.Size}
	}
	return infos
}
