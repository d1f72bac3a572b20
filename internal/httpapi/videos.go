package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"shoal/internal/library"
	"shoal/internal/manifest"
)

// videoID returns the id in the path. What cannot be an id is not found.
func videoID(r *http.Request) (manifest.VideoID, error) {
	id, err := manifest.ParseVideoID(r.PathValue("id"))
	if err != nil {
		return "", library.ErrNotFound
	}
	return id, nil
}

// lookUp returns the video that the path names.
func (h *Handler) lookUp(r *http.Request) (library.Video, error) {
	id, err := videoID(r)
	if err != nil {
		return library.Video{}, err
	}
	return h.cfg.Library.Get(id)
}

func (h *Handler) listVideos(w *response, r *http.Request) error {
	values := r.URL.Query()
	q := library.Query{
		Text:   values.Get("q"),
		State:  library.State(values.Get("state")),
		Sort:   library.Sort(values.Get("sort")),
		Cursor: values.Get("cursor"),
	}
	if text := values.Get("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 {
			return refuse(http.StatusBadRequest, "bad_query", "The list cannot be made: limit is 1 to %d, not %q.", library.MaxLimit, text)
		}
		q.Limit = limit
	}
	page, err := h.cfg.Library.List(q)
	if err != nil {
		return err
	}
	answer := struct {
		Videos []jsonVideo `json:"videos"`
		Next   *string     `json:"next"`
	}{Videos: make([]jsonVideo, len(page.Videos))}
	ctx, cancel := context.WithTimeout(r.Context(), copiesTime) // for all of them
	defer cancel()
	for i, v := range page.Videos {
		answer.Videos[i] = h.video(ctx, v)
	}
	if page.Next != "" {
		answer.Next = &page.Next
	}
	return h.answer(w, http.StatusOK, answer)
}

// answer writes JSON that may change with the next request.
func (h *Handler) answer(w *response, status int, v any) error {
	w.Header().Set("Cache-Control", "no-cache")
	writeJSON(w, status, v)
	return nil
}

func (h *Handler) getVideo(w *response, r *http.Request) error {
	v, err := h.lookUp(r)
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, h.video(r.Context(), v))
}

func (h *Handler) patchVideo(w *response, r *http.Request) error {
	id, err := videoID(r)
	if err != nil {
		return err
	}
	var change struct {
		Title *string `json:"title"`
	}
	if err := readJSON(r, &change); err != nil {
		return err
	}
	if change.Title == nil {
		return library.ErrTitle
	}
	v, err := h.cfg.Library.Rename(r.Context(), id, *change.Title)
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, h.video(r.Context(), v))
}

// deleteVideo stops a video's import, if it has one, and puts it into the trash or purges it.
func (h *Handler) deleteVideo(w *response, r *http.Request) error {
	v, err := h.lookUp(r)
	if err != nil {
		return err
	}
	remove := h.cfg.Library.Trash
	switch purge := r.URL.Query().Get("purge"); purge {
	case "true":
		remove = h.cfg.Upkeep.Purge
	case "", "false":
	default:
		return refuse(http.StatusBadRequest, "bad_query", "purge is true or false, not %q.", purge)
	}
	if err := h.cfg.Importer.Cancel(r.Context(), v.ID); err != nil {
		return err
	}
	// Stopping an import may have removed the video already.
	if err := remove(r.Context(), v.ID); err != nil && !errors.Is(err, library.ErrNotFound) {
		return err
	}
	h.rooms.closeVideo(string(v.ID))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// cancelVideo stops the work on a video and leaves the rest to its owner: what was being prepared can be tried again.
func (h *Handler) cancelVideo(w *response, r *http.Request) error {
	v, err := h.lookUp(r)
	if err != nil {
		return err
	}
	stop := h.cfg.Importer.Stop
	if v.State == library.Receiving {
		stop = h.cfg.Importer.Cancel
	}
	if err := stop(r.Context(), v.ID); err != nil {
		return err
	}
	v, err = h.cfg.Library.Get(v.ID)
	if errors.Is(err, library.ErrNotFound) { // nothing is left of a file that was arriving
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, h.video(r.Context(), v))
}

// retryVideo prepares a failed video again.
func (h *Handler) retryVideo(w *response, r *http.Request) error {
	v, err := h.lookUp(r)
	if err != nil {
		return err
	}
	if v.State != library.Failed {
		return refuse(http.StatusConflict, "wrong_state", "Only a video that could not be prepared can be tried again; this one is %s.", v.State)
	}
	if err := h.cfg.Importer.Retry(r.Context(), v.ID); err != nil {
		return err
	}
	if v, err = h.cfg.Library.Get(v.ID); err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, h.video(r.Context(), v))
}

func (h *Handler) restoreVideo(w *response, r *http.Request) error {
	id, err := videoID(r)
	if err != nil {
		return err
	}
	v, err := h.cfg.Library.Restore(r.Context(), id)
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, h.video(r.Context(), v))
}

// manifestOf returns the video that the path names, and what it is made of.
func (h *Handler) manifestOf(r *http.Request) (library.Video, *manifest.Manifest, error) {
	v, err := h.lookUp(r)
	if err != nil {
		return v, nil, err
	}
	m, err := h.cfg.Library.Manifest(r.Context(), v.ID)
	return v, m, err
}

func (h *Handler) getManifest(w *response, r *http.Request) error {
	_, m, err := h.manifestOf(r)
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, toJSONManifest(m))
}
