package library

import (
	"errors"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// Errors that callers branch on.
var (
	// ErrNotFound says that the library holds no such video.
	ErrNotFound = errors.New("video not found")
	// ErrNotReady says that a video has nothing to play yet.
	ErrNotReady = errors.New("video is not ready yet")
	// ErrFailed says that a video could not be prepared.
	ErrFailed = errors.New("video could not be prepared")
	// ErrTrashed says that a video is in the trash, so it does not play.
	ErrTrashed = errors.New("video is in the trash")
	// ErrState says that a video is not in a state that allows the change.
	ErrState = errors.New("video is in another state")
	// ErrDuplicate says that there is another video of the same file.
	ErrDuplicate = errors.New("the file is in the library already")
	// ErrTitle says that a title is empty, too long or has control characters.
	ErrTitle = errors.New("title must have 1 to 200 characters and no control characters")
	// ErrUnreadable says that records of videos could not be read, so nobody knows all that is needed.
	ErrUnreadable = errors.New("some records of videos cannot be read")
	// ErrElsewhere says that only the node that prepares a video can do that; errors.As finds its name in an ElsewhereError.
	ErrElsewhere = errors.New("another node prepares the video")
	// ErrQuery says that a listing was asked for in a way that makes no sense.
	ErrQuery = errors.New("bad query")
)

// ElsewhereError is ErrElsewhere with the node that can do what was asked for.
type ElsewhereError struct {
	// Node is the id of the node that prepares the video, or tried to; State tells which.
	Node  string
	State State
}

func (e *ElsewhereError) Error() string { return ErrElsewhere.Error() + ": " + e.Node }

// Is makes it an ErrElsewhere.
func (e *ElsewhereError) Is(target error) bool { return target == ErrElsewhere }

// State is where a video is in its life.
type State string

// The states, in the order of a life without trouble; Failed and Trashed end it.
const (
	Receiving  State = "receiving"
	Processing State = "processing"
	Ready      State = "ready"
	Failed     State = "failed"
	Trashed    State = "trashed"
)

// The stages of getting a video ready.
const (
	StageReceive = "receive"
	StageCheck   = "check"
	StagePrepare = "prepare"
	StageCopy    = "copy"
	StageDone    = "done"
)

// Video is one entry of the library. It is a value: changing one changes nothing in the library.
type Video struct {
	ID    manifest.VideoID
	Title string
	State State
	// Stage is receive, check, prepare, copy or done.
	Stage string
	// Progress is the part of the whole work that is done, 0 to 1; it never falls.
	Progress float64
	// Problem says why the video failed; it stays with a failed video in the trash.
	Problem  *Problem
	Duration time.Duration
	// Size is the length of the added file in bytes, 0 while it arrives.
	Size    int64
	Created time.Time
	// SourceName is the added file's name as its owner knew it: text to show, never a path.
	SourceName   string
	SourceSHA256 chunk.Ref
	// Playable is true from the first draft with a segment on.
	Playable   bool
	Poster     *manifest.Blob
	Renditions []RenditionInfo
	// Storyboard tells whether there is one; Chapters are in order.
	Storyboard bool
	Chapters   []manifest.Chapter
	// Manifest lists the chunks that hold the manifest's canonical bytes, once ready.
	Manifest []chunk.Info
	// Node is the id of the node that prepares the video, or did.
	Node string
	// Away says that the node that prepares the video did not answer when it was asked last, so that Stage, Progress and
	// what plays are as they were before.
	Away bool
}

// Problem tells a person what went wrong: what, why, and what to do.
type Problem struct {
	// Code is stable, lower case with underscores, such as not_a_video.
	Code    string `json:"code"`
	Message string `json:"message"`
}

// RenditionInfo is what a listing says of a rendition. Bitrate is the average in bits a second.
type RenditionInfo struct {
	ID       string        `json:"id"`
	Kind     manifest.Kind `json:"kind"`
	Codec    string        `json:"codec"`
	Width    int           `json:"width"`
	Height   int           `json:"height"`
	Bitrate  int64         `json:"bitrate"`
	Language string        `json:"language"`
}

// renditionInfos sums up the renditions of m.
func renditionInfos(m *manifest.Manifest) []RenditionInfo {
	infos := make([]RenditionInfo, len(m.Renditions))
	for i := range m.Renditions {
		r := &m.Renditions[i]
		average, _ := r.Bitrate()
		infos[i] = RenditionInfo{
			ID: r.ID, Kind: r.Kind, Codec: r.Codec,
			Width: r.Width, Height: r.Height,
			Bitrate: average, Language: r.Language,
		}
	}
	return infos
}
