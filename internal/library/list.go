package library

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"shoal/internal/manifest"
)

// Sort is an order of a listing.
type Sort string

// The orders: newest first, title from A to Z, longest first.
const (
	SortNew      Sort = "new"
	SortTitle    Sort = "title"
	SortDuration Sort = "duration"
)

const (
	defaultLimit = 100
	// MaxLimit is the largest page of a listing.
	MaxLimit = 1000
	// maxCursor is longer than any cursor that List makes.
	maxCursor = 4096
)

// Query asks for a page of the library; the zero value asks for the newest videos.
type Query struct {
	// Text is looked for in titles and file names, without regard to case; every word of it must be there.
	Text string
	// State lists videos in this state only. When empty, all but those in the trash are listed.
	State State
	// Sort is SortNew when empty.
	Sort Sort
	// Limit is the most videos in the page, 1 to MaxLimit; 0 for 100.
	Limit int
	// Cursor is the Next of the page before, empty for the first page.
	Cursor string
}

// Page is a part of a listing. Next is the Query.Cursor of the page that follows, empty at the end.
type Page struct {
	Videos []Video
	Next   string
}

// List returns a page of the library. Going from page to page yields every video once that was there all the
// time, whatever is added or removed meanwhile. Errors: ErrQuery.
func (l *Library) List(q Query) (Page, error) {
	if err := q.normalise(); err != nil {
		return Page{}, err
	}
	after, err := parseCursor(q.Cursor, q.Sort)
	if err != nil {
		return Page{}, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	places := l.matching(q, after)
	slices.SortFunc(places, place.compare)
	return l.page(places, q.Limit), nil
}

func (q *Query) normalise() error {
	q.Sort = cmp.Or(q.Sort, SortNew)
	q.Limit = cmp.Or(q.Limit, defaultLimit)
	switch q.Sort {
	case SortNew, SortTitle, SortDuration:
	default:
		return fmt.Errorf("%w: sort is new, title or duration, not %q", ErrQuery, q.Sort)
	}
	switch q.State {
	case "", Receiving, Processing, Ready, Failed, Trashed:
	default:
		return fmt.Errorf("%w: state is receiving, processing, ready, failed or trashed, not %q", ErrQuery, q.State)
	}
	if q.Limit < 1 || q.Limit > MaxLimit {
		return fmt.Errorf("%w: limit is 1 to %d, not %d", ErrQuery, MaxLimit, q.Limit)
	}
	return nil
}

// matching collects the places of the videos that q asks for and that come after the given one; mu must be held.
func (l *Library) matching(q Query, after *place) []place {
	words := strings.Fields(strings.ToLower(q.Text))
	places := make([]place, 0, len(l.videos))
	for _, e := range l.videos {
		if q.State != e.video.State && (q.State != "" || e.video.State == Trashed) {
			continue
		}
		if !containsAll(e.words, words) {
			continue
		}
		if p := e.place(q.Sort); after == nil || p.compare(*after) > 0 {
			places = append(places, p)
		}
	}
	return places
}

func containsAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}

// page copies out the first videos of places; mu must be held.
func (l *Library) page(places []place, limit int) Page {
	var p Page
	if len(places) > limit {
		places = places[:limit]
		p.Next = places[limit-1].cursor()
	}
	p.Videos = make([]Video, len(places))
	for i, at := range places {
		e := l.videos[at.ID]
		l.lookAt(e)
		p.Videos[i] = e.video.clone()
	}
	return p
}

// place is where a video stands in an order: by Number, then by Text, then by ID.
type place struct {
	Sort   Sort             `json:"s"`
	Number int64            `json:"n"`
	Text   string           `json:"t"`
	ID     manifest.VideoID `json:"i"`
}

func (e *entry) place(sort Sort) place {
	p := place{Sort: sort, ID: e.video.ID}
	switch sort {
	case SortTitle:
		p.Text = e.folded
	case SortDuration:
		p.Number = -int64(e.video.Duration)
	default:
		p.Number = -e.video.Created.UnixNano()
	}
	return p
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.Number, q.Number), cmp.Compare(p.Text, q.Text), cmp.Compare(p.ID, q.ID))
}

func (p place) cursor() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and a number always encode
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// parseCursor reads what cursor wrote for the same order; nil for the beginning.
func parseCursor(s string, sort Sort) (*place, error) {
	if s == "" {
		return nil, nil
	}
	bad := fmt.Errorf("%w: the cursor is not one of a listing in this order", ErrQuery)
	if len(s) > maxCursor {
		return nil, bad
	}
	text, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, bad
	}
	var p place
	if json.Unmarshal(text, &p) != nil || p.Sort != sort || p.ID == "" {
		return nil, bad
	}
	return &p, nil
}
