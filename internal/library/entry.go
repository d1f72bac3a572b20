package library

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

// entry is what the library knows of a video. Slices and pointers in it are replaced, never written to.
type entry struct {
	// video is the video as it shows; refresh brings state, title and what follows from them up to date.
	video Video
	// made is the video's state when it is not in the trash, title what it was called when it was added.
	made  State
	title string
	// by is the node that wrote the video's record last.
	by string
	// superseded lists the chunks of each manifest that was published before, which go with the video at the latest.
	superseded [][]chunk.Info
	// draft is the newest manifest while the video is processed; drafted tells it from others and is 0 without one. Plays
	// is true once a draft could be played.
	draft   *manifest.Manifest
	drafted uint64
	plays   bool
	// newer says that the record has by now a form that this program does not know, so that it must not be overwritten.
	newer bool
	// seen is when this node first heard of the import, if it is another's; asks is the asking how far that is.
	seen time.Time
	asks *asks
	// trashed is when the video was put into the trash, zero when it is not there.
	trashed time.Time
	// folded is the title as it is sorted, words what a search looks through; both lower case.
	folded, words string
}

// refresh lets show what people have changed.
func (e *entry) refresh(by edit) {
	e.setTitle(cmp.Or(by.title, e.title))
	e.trashed = by.trashed
	e.video.State = e.made
	e.video.Playable = e.made == Ready || e.made == Processing && e.plays
	if !e.trashed.IsZero() {
		e.video.State, e.video.Playable = Trashed, false
	}
}

// setTitle gives the entry a title and what follows from it.
func (e *entry) setTitle(title string) {
	if title == e.video.Title {
		return
	}
	e.video.Title = title
	e.folded = strings.ToLower(title)
	e.words = e.folded + "\n" + strings.ToLower(e.video.SourceName)
}

// inherit takes over what no record has of a video that goes on being prepared.
func (e *entry) inherit(before *entry) {
	e.draft, e.drafted, e.plays, e.seen, e.asks = before.draft, before.drafted, before.plays, before.seen, before.asks
	v, was := &e.video, &before.video
	v.Stage, v.Progress, v.Duration, v.Away = was.Stage, was.Progress, was.Duration, was.Away
	v.Poster, v.Renditions, v.Storyboard, v.Chapters = was.Poster, was.Renditions, was.Storyboard, was.Chapters
}

// show puts into the listing what m says.
func (e *entry) show(m *manifest.Manifest) {
	if m.Duration > 0 {
		e.video.Duration = m.Duration
	}
	e.video.Poster = m.Poster
	e.video.Renditions = renditionInfos(m)
	e.video.Storyboard, e.video.Chapters = m.Storyboard != nil, m.Chapters
}

// publish makes the entry that of a ready video.
func (e *entry) publish(m *manifest.Manifest, at []chunk.Info) {
	if before := e.video.Manifest; len(before) > 0 && nameOf(before) != nameOf(at) {
		e.superseded = lastOf(append(slices.Clone(e.superseded), before))
	}
	e.made, e.video.Stage, e.video.Progress = Ready, StageDone, 1
	e.video.Manifest = at
	e.forgetDraft()
	e.show(m)
}

// lastOf drops the oldest of lists of chunks that are too many.
func lastOf(lists [][]chunk.Info) [][]chunk.Info {
	count := 0
	for i, list := range slices.Backward(lists) {
		if count += len(list); count > maxSuperseded {
			return lists[i+1:]
		}
	}
	return lists
}

func (e *entry) fail(code, message string) {
	e.made = Failed
	e.video.Problem = &Problem{Code: code, Message: message}
	e.video.Poster, e.video.Renditions = nil, nil
	e.video.Storyboard, e.video.Chapters = false, nil
	e.forgetDraft()
}

func (e *entry) forgetDraft() { e.draft, e.drafted, e.plays = nil, 0, false }

func byAge(a, b *entry) int {
	return cmp.Or(a.video.Created.Compare(b.video.Created), cmp.Compare(a.video.ID, b.video.ID))
}

// clone returns a copy that shares nothing with v.
func (v Video) clone() Video {
	if v.Problem != nil {
		p := *v.Problem
		v.Problem = &p
	}
	if v.Poster != nil {
		p := *v.Poster
		p.Chunks = slices.Clone(p.Chunks)
		v.Poster = &p
	}
	v.Renditions = slices.Clone(v.Renditions)
	v.Chapters = slices.Clone(v.Chapters)
	v.Manifest = slices.Clone(v.Manifest)
	return v
}
