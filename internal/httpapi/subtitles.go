package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"shoal/internal/ingest"
	"shoal/internal/manifest"
)

// subtitlesTime is how long a file of subtitles may take to arrive.
const subtitlesTime = time.Minute

// jsonSubtitles are subtitles of a video as clients see them. Added is true for those that did not come in the film itself.
type jsonSubtitles struct {
	ID       string `json:"id"`
	Language string `json:"language"`
	Name     string `json:"name"`
	Default  bool   `json:"default"`
	Forced   bool   `json:"forced"`
	Added    bool   `json:"added"`
}

func (h *Handler) listSubtitles(w *response, r *http.Request) error {
	_, m, err := h.manifestOf(r)
	if err != nil {
		return err
	}
	list := []jsonSubtitles{}
	for i := range m.Renditions {
		if text := &m.Renditions[i]; text.Kind == manifest.Text {
			list = append(list, jsonSubtitles{ID: text.ID, Language: text.Language, Name: text.Name, Default: text.Default,
				Forced: text.Forced, Added: !text.Source})
		}
	}
	return h.answer(w, http.StatusOK, struct {
		Subtitles []jsonSubtitles `json:"subtitles"`
	}{list})
}

// addSubtitles takes a subtitle file in, as the raw body or as the field "file" of a form.
func (h *Handler) addSubtitles(w *response, r *http.Request) error {
	v, err := h.lookUp(r)
	if err != nil {
		return err
	}
	if !h.uploads.take() {
		return ingest.ErrBusy
	}
	defer h.uploads.give()
	s, err := readSubtitles(r, v.SourceName)
	if broken := about(r).body.broken(); err != nil && broken != nil {
		err = broken
	}
	var added ingest.AddedText
	if err == nil {
		added, err = h.cfg.Importer.AddText(r.Context(), v.ID, s)
	}
	if errors.Is(err, ingest.ErrTooLarge) {
		return refuse(http.StatusRequestEntityTooLarge, "too_large", "A subtitle file has at most %d MB. Is this really one?", ingest.MaxSidecar>>20)
	}
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if added.Again {
		status = http.StatusOK
	}
	w.Header().Set("Location", r.URL.Path+"/"+added.ID)
	return h.answer(w, status, struct {
		ID       string `json:"id"`
		Language string `json:"language"`
		Name     string `json:"name"`
		Forced   bool   `json:"forced"`
		// Waiting is true while the video is being prepared: then it has them once it is ready.
		Waiting   bool `json:"waiting"`
		Duplicate bool `json:"duplicate"`
	}{added.ID, s.Language, s.Name, s.Forced, added.Waiting, added.Again})
}

func (h *Handler) removeSubtitles(w *response, r *http.Request) error {
	id, err := videoID(r)
	if err != nil {
		return err
	}
	if err := h.cfg.Importer.RemoveText(r.Context(), id, r.PathValue("rendition")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// readSubtitles reads the whole request. What it does not say of the file, the file's name may; source is the name of the film's.
func readSubtitles(r *http.Request, source string) (ingest.Sidecar, error) {
	if body := about(r).body; body != nil {
		body.allow(ingest.MaxSidecar+formOverhead, subtitlesTime)
	}
	said := r.URL.Query()
	var file []byte
	if isForm(r) {
		form, err := readForm(r, ingest.MaxSidecar+1)
		if err != nil {
			return ingest.Sidecar{}, err
		}
		file = form.file
		for name, value := range form.values {
			said.Set(name, value)
		}
	} else {
		var err error
		if file, err = io.ReadAll(r.Body); err != nil {
			return ingest.Sidecar{}, fmt.Errorf("read subtitles: %w", err)
		}
	}
	forced, err := strconv.ParseBool(said.Get("forced"))
	if err != nil && said.Get("forced") != "" {
		return ingest.Sidecar{}, refuse(http.StatusBadRequest, "bad_query", "forced is true or false, not %q.", said.Get("forced"))
	}
	s := ingest.Sidecar{File: file, Encoding: said.Get("encoding"), Language: said.Get("language"), Name: said.Get("name"), Forced: forced}
	named := ingest.ReadSidecarName(source, said.Get("filename"))
	if !said.Has("language") {
		s.Language = named.Language
	}
	if !said.Has("name") {
		s.Name = named.Name
	}
	if !said.Has("forced") {
		s.Forced = named.Forced
	}
	return s, nil
}
