// Package stream opens what a player asks for: playlists, and the content of segments, initialisation
// sections and posters, read chunk by chunk from a store. Where chunks lie it leaves to the store, what a
// video is made of to the catalogue, and how content is sent to its caller.
package stream

import (
	"context"
	"errors"
	"fmt"

	"shoal/internal/cache"
	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// ErrNotFound says that a video has no such rendition, segment or poster, or none yet. It never speaks of
// the video, which is the catalogue's to miss, nor of a missing chunk, which is chunk.ErrNotFound.
var ErrNotFound = errors.New("no such part of the video")

// ErrIncomplete says that a video is still being prepared, and is no file yet.
var ErrIncomplete = errors.New("video is still being prepared")

// Catalog knows what videos are made of. Its errors are passed on, wrapped.
type Catalog interface {
	// Manifest returns a video's manifest or its newest draft, which is not changed any more. It is called for
	// every request, from many goroutines at once.
	Manifest(ctx context.Context, id manifest.VideoID) (*manifest.Manifest, error)
}

// Streams opens parts of videos. Its methods may be called from many goroutines at once.
type Streams struct {
	store   chunk.Store
	catalog Catalog
	index   *index
	chunks  *index
	movies  *cache.Cache[movieKey, *laidOut]
}

// New returns Streams that read the chunks of catalog's videos from store.
func New(store chunk.Store, catalog Catalog) *Streams {
	return &Streams{store: store, catalog: catalog, index: newIndex(maxIndexed, byHash), chunks: newIndex(maxIndexed, byChunk), movies: cache.New[movieKey, *laidOut](maxMovieBytes)}
}

// Master returns the multivariant playlist of a video, or ErrNotFound while there is nothing to play.
func (s *Streams) Master(ctx context.Context, id manifest.VideoID) ([]byte, error) {
	m, err := s.catalog.Manifest(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("playlist of video %s: %w", id, err)
	}
	if !m.Playable() {
		return nil, fmt.Errorf("playlist of video %s: nothing to play yet: %w", id, ErrNotFound)
	}
	return manifest.Master(m), nil
}

// First returns the renditions that a player opens first, which must not be changed, or ErrNotFound while there is
// nothing to play.
func (s *Streams) First(ctx context.Context, id manifest.VideoID) ([]*manifest.Rendition, error) {
	m, err := s.catalog.Manifest(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("beginning of video %s: %w", id, err)
	}
	if !m.Playable() {
		return nil, fmt.Errorf("beginning of video %s: nothing to play yet: %w", id, ErrNotFound)
	}
	return manifest.First(m), nil
}

// Media returns the media playlist of a rendition, or ErrNotFound while the rendition has no segment.
func (s *Streams) Media(ctx context.Context, id manifest.VideoID, rendition string) ([]byte, error) {
	r, err := s.rendition(ctx, id, rendition)
	if err != nil {
		return nil, fmt.Errorf("playlist of video %s: %w", id, err)
	}
	if len(r.Segments) == 0 {
		return nil, fmt.Errorf("playlist of video %s: rendition %s has no segment yet: %w", id, rendition, ErrNotFound)
	}
	return manifest.Media(r), nil
}

// Chunks returns the list of the chunks in a window of a rendition's segments, as manifest.ChunkList makes it, or
// ErrNotFound.
func (s *Streams) Chunks(ctx context.Context, id manifest.VideoID, rendition string, window int) (ChunkList, error) {
	r, err := s.rendition(ctx, id, rendition)
	if err != nil {
		return ChunkList{}, fmt.Errorf("chunks of video %s: %w", id, err)
	}
	list, known, final, err := manifest.ChunkList(r, window)
	if err != nil {
		return ChunkList{}, fmt.Errorf("chunks of video %s, rendition %s, window %d: %w: %w", id, rendition, window, ErrNotFound, err)
	}
	return ChunkList{Bytes: list, Known: known, Final: final}, nil
}

// ChunkList tells of some chunks of a rendition.
type ChunkList struct {
	Bytes []byte
	// Known is the ordinal behind the last chunk that it tells of.
	Known uint32
	// Final tells that the list never changes.
	Final bool
}

// Blob opens the segment or the initialisation section of that hash in a rendition. No chunk is read before
// the content is; ctx bounds that reading too. The caller closes the content.
func (s *Streams) Blob(ctx context.Context, id manifest.VideoID, rendition string, hash chunk.Ref) (*Content, error) {
	r, err := s.rendition(ctx, id, rendition)
	if err != nil {
		return nil, fmt.Errorf("open %s of video %s: %w", hash, id, err)
	}
	if r.Init.Size > 0 && r.Init.Hash == hash {
		return newContent(ctx, s.store, Init, r.Init), nil
	}
	i, found := s.index.find(place{id, r.ID}, r.Segments, hash)
	if !found {
		return nil, fmt.Errorf("open %s of video %s, rendition %s: %w", hash, id, r.ID, ErrNotFound)
	}
	return newContent(ctx, s.store, Segment, r.Segments[i].Blob), nil
}

// Chunk opens a single chunk of a video: of a segment, an initialisation section, or a picture. Else it is as Blob.
func (s *Streams) Chunk(ctx context.Context, id manifest.VideoID, ref chunk.Ref) (*Content, error) {
	m, err := s.catalog.Manifest(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("open chunk %s of video %s: %w", ref, id, err)
	}
	info, found := s.findChunk(id, m, ref)
	if !found {
		return nil, fmt.Errorf("open chunk %s of video %s: %w", ref, id, ErrNotFound)
	}
	return newContent(ctx, s.store, Chunk, manifest.Blob{Hash: ref, Size: info.Size, Chunks: []chunk.Info{info}}), nil
}

func (s *Streams) findChunk(id manifest.VideoID, m *manifest.Manifest, ref chunk.Ref) (chunk.Info, bool) {
	var small []manifest.Blob
	if m.Poster != nil {
		small = append(small, *m.Poster)
	}
	if m.Storyboard != nil {
		small = append(small, m.Storyboard.Image)
	}
	for i := range m.Renditions {
		r := &m.Renditions[i]
		if at, found := s.chunks.find(place{id, r.ID}, r.Segments, ref); found {
			small = append(small, r.Segments[at].Blob)
		}
		small = append(small, r.Init)
	}
	for _, blob := range small {
		for _, info := range blob.Chunks {
			if info.Ref == ref {
				return info, true
			}
		}
	}
	return chunk.Info{}, false
}

// Picture opens a video's poster, or its storyboard's image, if it has that hash. Else it is as Blob.
func (s *Streams) Picture(ctx context.Context, id manifest.VideoID, hash chunk.Ref) (*Content, error) {
	m, err := s.catalog.Manifest(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("open picture of video %s: %w", id, err)
	}
	switch {
	case m.Poster != nil && m.Poster.Hash == hash:
		return newContent(ctx, s.store, Picture, *m.Poster), nil
	case m.Storyboard != nil && m.Storyboard.Image.Hash == hash:
		return newContent(ctx, s.store, Picture, m.Storyboard.Image), nil
	}
	return nil, fmt.Errorf("open picture %s of video %s: %w", hash, id, ErrNotFound)
}

// Storyboard returns the WebVTT list of a video's small pictures, or ErrNotFound while there is none.
func (s *Streams) Storyboard(ctx context.Context, id manifest.VideoID) ([]byte, error) {
	m, err := s.catalog.Manifest(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("storyboard of video %s: %w", id, err)
	}
	if m.Storyboard == nil {
		return nil, fmt.Errorf("storyboard of video %s: %w", id, ErrNotFound)
	}
	return m.Storyboard.WebVTT(m.Duration), nil
}

func (s *Streams) rendition(ctx context.Context, id manifest.VideoID, rendition string) (*manifest.Rendition, error) {
	m, err := s.catalog.Manifest(ctx, id)
	if err != nil {
		return nil, err
	}
	r, found := m.Rendition(rendition)
	if !found {
		return nil, fmt.Errorf("rendition %.20q: %w", rendition, ErrNotFound)
	}
	return r, nil
}
