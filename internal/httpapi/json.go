package httpapi

import (
	"context"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/library"
	"shoal/internal/manifest"
)

// jsonVideo is a video as clients see it.
type jsonVideo struct {
	ID           string                  `json:"id"`
	Title        string                  `json:"title"`
	State        library.State           `json:"state"`
	Stage        string                  `json:"stage"`
	Progress     float64                 `json:"progress"`
	Error        *library.Problem        `json:"error"`
	Playable     bool                    `json:"playable"`
	Duration     float64                 `json:"duration"`
	Size         int64                   `json:"size"`
	Created      time.Time               `json:"created"`
	Poster       *string                 `json:"poster"`
	Storyboard   *string                 `json:"storyboard"`
	Chapters     []jsonChapter           `json:"chapters"`
	SourceName   string                  `json:"source_name"`
	SourceSHA256 *chunk.Ref              `json:"source_sha256"`
	Copies       jsonCopies              `json:"copies"`
	Renditions   []library.RenditionInfo `json:"renditions"`
	Duplicate    bool                    `json:"duplicate"`
	// RetryUntil is until when a failed video can be tried again, nil when it cannot.
	RetryUntil *time.Time `json:"retry_until"`
	// Node is the other node that prepares the video, nil when this one does, or the video is ready.
	Node *jsonPreparer `json:"node"`
}

// jsonPreparer is a node that alone knows how far a video is. Away tells that it does not answer.
type jsonPreparer struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Away bool   `json:"away"`
}

func (h *Handler) preparer(v library.Video) *jsonPreparer {
	if v.State == library.Ready || v.State == library.Trashed || v.Node == "" || v.Node == h.cfg.Node.ID {
		return nil
	}
	return &jsonPreparer{ID: v.Node, Name: h.nodeName(v.Node), Away: v.Away}
}

// jsonChapter begins at a time in seconds and ends where the next one begins.
type jsonChapter struct {
	Start float64 `json:"start"`
	Title string  `json:"title"`
}

// jsonCopies says how many copies of each chunk are wanted, and how many the chunk with the fewest has; nil while the nodes
// have not said so yet.
type jsonCopies struct {
	Want int  `json:"want"`
	Have *int `json:"have"`
}

// video is how clients see v. For what the other nodes know of it they are asked as long as ctx allows, or a little while.
func (h *Handler) video(ctx context.Context, v library.Video) jsonVideo {
	ctx, cancel := context.WithTimeout(ctx, copiesTime)
	defer cancel()
	out := jsonVideo{
		ID: string(v.ID), Title: v.Title, State: v.State, Stage: v.Stage, Progress: v.Progress,
		Error: v.Problem, Playable: v.Playable, Duration: v.Duration.Seconds(), Size: v.Size,
		Created: v.Created.UTC(), SourceName: v.SourceName, Renditions: v.Renditions,
		Copies: jsonCopies{h.cfg.Cluster.Copies(), h.copies.of(ctx, v)}, Chapters: make([]jsonChapter, len(v.Chapters)), Node: h.preparer(v),
	}
	for i, c := range v.Chapters {
		out.Chapters[i] = jsonChapter{c.Start.Seconds(), c.Title}
	}
	if v.Storyboard {
		path := "/hls/" + string(v.ID) + "/storyboard.vtt"
		out.Storyboard = &path
	}
	if out.Renditions == nil {
		out.Renditions = []library.RenditionInfo{}
	}
	if !v.SourceSHA256.IsZero() {
		out.SourceSHA256 = &v.SourceSHA256
	}
	if v.Poster != nil {
		path := "/hls/" + string(v.ID) + "/poster-" + v.Poster.Hash.String() + ".jpg"
		out.Poster = &path
	}
	if v.State == library.Failed {
		if until, found := h.cfg.Importer.RetryUntil(v.ID); found {
			out.RetryUntil = known(until)
		}
	}
	return out
}

// jsonManifest is what a video is made of. Times are in seconds.
type jsonManifest struct {
	Version    int                     `json:"version"`
	Duration   float64                 `json:"duration"`
	Complete   bool                    `json:"complete"`
	Poster     *jsonBlob               `json:"poster"`
	Renditions []jsonManifestRendition `json:"renditions"`
}

type jsonBlob struct {
	Hash   chunk.Ref    `json:"hash"`
	Size   int64        `json:"size"`
	Chunks []chunk.Info `json:"chunks"`
}

type jsonManifestRendition struct {
	ID        string        `json:"id"`
	Kind      manifest.Kind `json:"kind"`
	Codec     string        `json:"codec"`
	Width     int           `json:"width"`
	Height    int           `json:"height"`
	FrameRate float64       `json:"frame_rate"`
	Language  string        `json:"language"`
	Name      string        `json:"name"`
	Channels  int           `json:"channels"`
	Default   bool          `json:"default"`
	Forced    bool          `json:"forced"`
	Source    bool          `json:"source"`
	TrackID   int           `json:"track_id"`
	Timescale uint32        `json:"timescale"`
	Complete  bool          `json:"complete"`
	Init      *jsonBlob     `json:"init"`
	Segments  []jsonSegment `json:"segments"`
}

type jsonSegment struct {
	jsonBlob
	Start    float64 `json:"start"`
	Duration float64 `json:"duration"`
}

func toJSONManifest(m *manifest.Manifest) jsonManifest {
	out := jsonManifest{
		Version: m.Version, Duration: m.Duration.Seconds(), Complete: m.Complete,
		Renditions: make([]jsonManifestRendition, len(m.Renditions)),
	}
	if m.Poster != nil {
		out.Poster = toJSONBlob(*m.Poster)
	}
	for i := range m.Renditions {
		out.Renditions[i] = toJSONRendition(&m.Renditions[i])
	}
	return out
}

func toJSONRendition(r *manifest.Rendition) jsonManifestRendition {
	out := jsonManifestRendition{
		ID: r.ID, Kind: r.Kind, Codec: r.Codec, Width: r.Width, Height: r.Height, FrameRate: r.FrameRate,
		Language: r.Language, Name: r.Name, Channels: r.Channels, Default: r.Default, Forced: r.Forced, Source: r.Source,
		TrackID: r.TrackID, Timescale: r.Timescale, Complete: r.Complete,
		Segments: make([]jsonSegment, len(r.Segments)),
	}
	if r.Init.Size > 0 {
		out.Init = toJSONBlob(r.Init)
	}
	scale := float64(max(r.Timescale, 1))
	for i, s := range r.Segments {
		out.Segments[i] = jsonSegment{*toJSONBlob(s.Blob), float64(s.Start) / scale, float64(s.Duration) / scale}
	}
	return out
}

func toJSONBlob(b manifest.Blob) *jsonBlob {
	return &jsonBlob{Hash: b.Hash, Size: b.Size, Chunks: b.Chunks}
}
