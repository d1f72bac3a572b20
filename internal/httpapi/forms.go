package httpapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
)

const (
	// maxField is the longest value of a form's field, maxParts the most parts of a form.
	maxField = 4 << 10
	maxParts = 16
	// formOverhead is what a multipart body may have beside the file.
	formOverhead = maxParts * maxField
)

func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "multipart/form-data"
}

// form is a small form with one file, read whole. The name that the file came with is the value "filename".
type form struct {
	values map[string]string
	file   []byte
}

// readForm reads a form whose file has fewer than limit bytes; of a longer one, as many as that.
func readForm(r *http.Request, limit int64) (form, error) {
	f := form{values: make(map[string]string)}
	parts, err := r.MultipartReader()
	if err != nil {
		return f, badForm(err)
	}
	for range maxParts {
		part, err := parts.NextPart()
		if err == io.EOF && f.file != nil {
			return f, nil
		}
		if err != nil {
			return f, badForm(err)
		}
		if err := f.take(part, limit); err != nil {
			return f, err
		}
	}
	return f, badForm(errors.New("too many parts"))
}

func (f *form) take(part *multipart.Part, limit int64) (err error) {
	name := part.FormName()
	if name != "file" {
		f.values[name], err = readField(part)
		return err
	}
	if f.file != nil {
		return errTwoFiles
	}
	if _, said := f.values["filename"]; !said {
		f.values["filename"] = part.FileName()
	}
	if f.file, err = io.ReadAll(io.LimitReader(part, limit)); err != nil {
		return badForm(err)
	}
	return nil
}

var errTwoFiles = refuse(http.StatusUnprocessableEntity, "two_files", `The form has more than one field "file". Nothing of it was kept: send each file in a request of its own.`)

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
