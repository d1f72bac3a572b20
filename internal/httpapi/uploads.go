package httpapi

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"shoal/internal/chunk"
	"shoal/internal/ingest"
	"shoal/internal/library"
)

// namelessUpload is the name of a file that came without one.
const namelessUpload = "video"

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
	answer := h.video(r.Context(), v)
	answer.Duplicate = accepted.Duplicate
	if accepted.Duplicate {
		return h.answer(w, http.StatusOK, answer)
	}
	w.Header().Set("Location", "/api/v1/videos/"+string(accepted.ID))
	return h.answer(w, http.StatusCreated, answer)
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
			up.Size, up.Body = -1, &formFile{part: part, parts: parts}
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

// formFile is a file in a form; what is wrong with the form around it is the sender's fault. It ends when the form has
// ended, because another file may follow.
type formFile struct {
	part  *multipart.Part
	parts *multipart.Reader
	end   error
}

func (f *formFile) Read(p []byte) (int, error) {
	if f.end != nil {
		return 0, f.end
	}
	n, err := f.part.Read(p)
	if err == io.EOF {
		err = f.rest()
	} else if err != nil {
		err = badForm(err)
	}
	f.end = err
	return n, err
}

// rest reads what follows the file, and returns io.EOF when there is no other one.
func (f *formFile) rest() error {
	for range maxParts {
		part, err := f.parts.NextPart()
		switch {
		case err == io.EOF:
			return io.EOF
		case err != nil:
			return badForm(err)
		case part.FormName() == "file":
			return errTwoFiles
		}
		if _, err := readField(part); err != nil {
			return err
		}
	}
	return badForm(errors.New("too many parts"))
}
