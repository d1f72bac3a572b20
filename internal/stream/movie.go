package stream

import (
	"context"
	"errors"
	"fmt"
	"io"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// maxMovieBytes bounds the headers of MP4 files that are kept: about twenty films of two hours.
const maxMovieBytes = 96 << 20

// Movie opens a video as one progressive MP4 file, in the source's quality, with the sound of the given
// language, or the default one for "". The file is made of the stored segments; nothing of it is stored
// besides. Its hash names all of its bytes. Errors: ErrIncomplete, ErrNotFound for a language that is not
// there. Else it is as Blob.
func (s *Streams) Movie(ctx context.Context, id manifest.VideoID, language string) (*Content, error) {
	c, err := s.movie(ctx, id, language)
	if err != nil {
		return nil, fmt.Errorf("open video %s as a file: %w", id, err)
	}
	return c, nil
}

func (s *Streams) movie(ctx context.Context, id manifest.VideoID, language string) (*Content, error) {
	m, err := s.catalog.Manifest(ctx, id)
	if err != nil {
		return nil, err
	}
	if !m.Complete {
		return nil, ErrIncomplete
	}
	renditions, err := choose(m, language)
	if err != nil {
		return nil, err
	}
	file, err := s.movies.Get(ctx, keyOf(renditions), func(ctx context.Context) (*laidOut, int64, error) {
		return s.layOut(ctx, renditions)
	})
	if err != nil {
		return nil, err
	}
	return &Content{kind: Movie, blob: file.blob, ends: file.ends, head: file.head, store: s.store, ctx: ctx}, nil
}

// choose returns the renditions of a file: the source's picture, and one sound.
func choose(m *manifest.Manifest, language string) (chosen []*manifest.Rendition, err error) {
	var picture, sound *manifest.Rendition
	for i := range m.Renditions {
		r := &m.Renditions[i]
		switch {
		case r.Table == nil:
		case r.Kind == manifest.Video && r.Source:
			picture = r
		case r.Kind == manifest.Audio && language != "" && r.Language == language && sound == nil,
			r.Kind == manifest.Audio && language == "" && (sound == nil || r.Default && !sound.Default):
			sound = r
		}
	}
	if language != "" && sound == nil {
		return nil, fmt.Errorf("no sound in language %.20q: %w", language, ErrNotFound)
	}
	for _, r := range []*manifest.Rendition{picture, sound} {
		if r != nil {
			chosen = append(chosen, r)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no rendition with a sample table: %w", ErrNotFound)
	}
	return chosen, nil
}

// laidOut is a file whose header is made.
type laidOut struct {
	head []byte
	blob manifest.Blob
	ends []int64
}

// layOut makes a file of renditions and says how much memory it takes.
func (s *Streams) layOut(ctx context.Context, renditions []*manifest.Rendition) (file *laidOut, size int64, err error) {
	var tracks []manifest.Track
	for _, r := range renditions {
		table, err := s.readAll(ctx, *r.Table)
		if err != nil {
			return nil, 0, fmt.Errorf("sample table of rendition %s: %w", r.ID, err)
		}
		tracks = append(tracks, manifest.Track{Rendition: r, Table: table})
	}
	p, err := manifest.NewProgressive(tracks...)
	if err != nil {
		return nil, 0, err
	}
	blob := manifest.Blob{Hash: p.Body.Hash, Size: p.Size(), Chunks: append([]chunk.Info{{Size: int64(len(p.Header))}}, p.Body.Chunks...)}
	// A chunk takes 40 bytes in its list and 8 in the other.
	return &laidOut{head: p.Header, blob: blob, ends: ends(blob.Chunks)}, int64(len(p.Header) + 48*len(blob.Chunks)), nil
}

func (s *Streams) readAll(ctx context.Context, blob manifest.Blob) (all []byte, err error) {
	c := newContent(ctx, s.store, Init, blob)
	defer func() { err = errors.Join(err, c.Close()) }()
	all = make([]byte, blob.Size)
	_, err = io.ReadFull(c, all)
	return all, err
}

// movieKey names the sample tables of a file's picture and sound; a missing one is zero.
type movieKey [2]chunk.Ref

func keyOf(renditions []*manifest.Rendition) (key movieKey) {
	for i, r := range renditions {
		key[i] = r.Table.Hash
	}
	return key
}
