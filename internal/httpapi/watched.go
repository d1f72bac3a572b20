package httpapi

import (
	"net/http"
	"time"
)

// Watched is how the watching of a folder is. Scanned is zero before the first look.
type Watched struct {
	Dir     string
	Scanned time.Time
	// Films is how many are in the folder, Waiting how many of them are to be added, Added how many were since the start.
	Films, Waiting, Added int
	Warnings              []Warning
}

type jsonWatched struct {
	Dir      string     `json:"dir"`
	Scanned  *time.Time `json:"scanned"`
	Films    int        `json:"films"`
	Waiting  int        `json:"waiting"`
	Added    int        `json:"added"`
	Warnings []Warning  `json:"warnings"`
}

// getWatched tells of the watched folder, and its path: not for viewers.
func (h *Handler) getWatched(w *response, _ *http.Request) error {
	var answer struct {
		Folder *jsonWatched `json:"folder"`
	}
	if s := h.cfg.Watched(); s != nil {
		answer.Folder = &jsonWatched{Dir: s.Dir, Scanned: known(s.Scanned), Films: s.Films, Waiting: s.Waiting, Added: s.Added,
			Warnings: append([]Warning{}, s.Warnings...)}
	}
	return h.answer(w, http.StatusOK, answer)
}
