package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// serveContent is http.ServeContent for content of a size that is known, with two differences: a range that is not there
// is an error like all others, and the last zero bytes are such a range (RFC 9110, 14.1.2).
func serveContent(w *response, r *http.Request, content io.ReadSeeker, size int64) error {
	if asked := r.Header.Get("Range"); strings.Contains(asked, "-0") {
		r = r.Clone(r.Context())
		r.Header.Set("Range", withoutEmptySuffix(asked, size))
	}
	watched := &rangeWriter{response: w}
	http.ServeContent(watched, r, "", time.Time{}, content)
	if watched.refused {
		return refuse(http.StatusRequestedRangeNotSatisfiable, "bad_range", "There are %d bytes here, and the range that was asked for is none of them.", size)
	}
	return nil
}

// withoutEmptySuffix puts a range behind the end in the place of each suffix of no bytes, which net/http would take for
// one of its own making.
func withoutEmptySuffix(header string, size int64) string {
	unit, list, found := strings.Cut(header, "=")
	if !found {
		return header
	}
	ranges := strings.Split(list, ",")
	for i, one := range ranges {
		digits, suffix := strings.CutPrefix(strings.TrimSpace(one), "-")
		if suffix && digits != "" && strings.Trim(digits, "0") == "" {
			ranges[i] = fmt.Sprintf("%d-", size)
		}
	}
	return unit + "=" + strings.Join(ranges, ",")
}

// rangeWriter keeps back the answer to a range that is not there.
type rangeWriter struct {
	*response
	refused bool
}

func (w *rangeWriter) WriteHeader(status int) {
	if status == http.StatusRequestedRangeNotSatisfiable {
		w.refused = true
		return
	}
	w.response.WriteHeader(status)
}

func (w *rangeWriter) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	return w.response.Write(p)
}
