package httpapi

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"shoal/internal/chunk"
	"shoal/internal/ingest"
	"shoal/internal/library"
)

const (
	// namelessUpload is the name of a file that came without one.
	namelessUpload = "video"
	// maxField is the longest value of a form's field, maxParts the most parts looked through for the file.
	maxField = 4 << 10
	maxParts = 16
	// formOverhead is what a multipart body may have beside the file.
	formOverhead = maxParts * maxField
)

// addVideo takes a file in, as the raw body or as the field "file" of a form.
func (h *Handler) addVideo(w *response, r *http.Request) error {
	form := isForm(r)
	if err := h.fits(r.ContentLength, form); err != nil {
		return err
	}
	if !h.uploads.take() {
		return ingest.ErrBusy
	}
	defer h.uploads.give()
	accepted, err := h.accept(r, form)
	if broken := about(r).body.broken(); err != nil && broken != nil {
		return broken
	}
	if errors.Is(err, library.ErrNotFound) || errors.Is(err, ingest.ErrGone) {
		return refuse(http.StatusConflict, "deleted", "The video was deleted while its file was arriving.")
	}
	if err != nil {
		return err
	}
	v, err := h.cfg.Library.Get(accepted.ID)
	if err != nil {
		return fmt.Errorf("look up what was added: %w", err)
	}
	answer := h.video(v)
	answer.Duplicate = accepted.Duplicate
	if accepted.Duplicate {
		return h.answer(w, http.StatusOK, answer)
	}
	w.Header().Set("Location", "/api/v1/videos/"+string(accepted.ID))
	return h.answer(w, http.StatusCreated, answer)
}

func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "multipart/form-data"
}

// fits refuses what can be refused by its announced length, before a byte of it is read.
func (h *Handler) fits(length int64, form bool) error {
	most := h.cfg.MaxUpload
	if form && most > 0 {
		most += formOverhead
	}
	switch {
	case length == 0:
		return ingest.ErrEmpty
	case most > 0 && length > most:
		return fmt.Errorf("%d bytes announced: %w", length, ingest.ErrTooLarge)
	}
	if room := h.cfg.Disk.Room(); room <= 0 || length > room {
		return fmt.Errorf("%d bytes announced, room for %d: %w", length, room, chunk.ErrFull)
	}
	return nil
}

func (h *Handler) accept(r *http.Request, form bool) (ingest.Accepted, error) {
	limit := int64(-1)
	if h.cfg.MaxUpload > 0 {
		limit = h.cfg.MaxUpload
		if form {
			limit += formOverhead
		}
	}
	if body := about(r).body; body != nil {
		body.stream(limit)
	}
	query := r.URL.Query()
	up := ingest.Upload{
		Name: query.Get("name"), Title: query.Get("title"), Size: r.ContentLength, Body: r.Body,
	}
	if form {
		var err error
		if up, err = fromForm(r, up); err != nil {
			return ingest.Accepted{}, err
		}
	}
	up.Name = cmp.Or(up.Name, namelessUpload)
	return h.cfg.Importer.Accept(r.Context(), up)
}

// fromForm finds the file in a multipart body; what comes before it may name it. Nothing is buffered.
func fromForm(r *http.Request, up ingest.Upload) (ingest.Upload, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return up, badForm(err)
	}
	for range maxParts {
		part, err := parts.NextPart()
		if err != nil {
			return up, badForm(err)
		}
		switch part.FormName() {
		case "file":
			up.Name = cmp.Or(up.Name, part.FileName())
			up.Size, up.Body = -1, formFile{part}
			return up, nil
		case "name":
			up.Name, err = readField(part)
		case "title":
			up.Title, err = readField(part)
		default:
			_, err = readField(part)
		}
		if err != nil {
			return up, err
		}
	}
	return up, badForm(errors.New("too many parts"))
}

// formFile is a file in a form; what is wrong with the form around it is the sender's fault.
type formFile struct{ io.Reader }

func (f formFile) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = badForm(err)
	}
	return n, err
}

func readField(part *multipart.Part) (string, error) {
	value, err := io.ReadAll(io.LimitReader(part, maxField+1))
	if err == nil && len(value) > maxField {
		err = fmt.Errorf("field %q is longer than %d bytes", part.FormName(), maxField)
	}
	if err != nil {
		return "", badForm(err)
	}
	return string(value), nil
}

func badForm(cause error) error {
	return &problem{
		status: http.StatusBadRequest, code: "bad_form", cause: cause,
		message: `The form has no readable field "file". Send the file in a field of that name, or as the whole body with ?name=.`,
	}
}
