package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// withMovie is a node with one video, whose file is sent; its manifest knows of these segments.
func withMovie(t *testing.T, sent []byte, segments ...[]byte) *client {
	t.Helper()
	var list []string
	for _, s := range segments {
		list = append(list, fmt.Sprintf(`{"hash":"%x","size":%d}`, sha256.Sum256(s), len(s)))
	}
	return newNode(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/manifest") {
			fmt.Fprintf(w, `{"renditions":[{"kind":"video","source":true,"segments":[%s]}]}`, strings.Join(list, ","))
			return
		}
		_, _ = w.Write(sent)
	})
}

func TestWhatIsSavedIsCheckedToTheLastByte(t *testing.T) {
	a, b := []byte("one segment and "), []byte("another")
	good := []byte("head" + string(a) + string(b))
	for name, c := range map[string]struct {
		node *client
		fine bool
	}{
		"all is well":             {withMovie(t, good, a, b), true},
		"a byte of the first one": {withMovie(t, bytes.Replace(good, []byte("one"), []byte("two"), 1), a, b), false},
		"the last byte":           {withMovie(t, bytes.Replace(good, []byte("her"), []byte("hes"), 1), a, b), false},
		"a segment is missing":    {withMovie(t, good[:len(good)-len(b)], a, b), false},
		"no header":               {withMovie(t, good[len("head"):], a, b), false},
	} {
		var saved bytes.Buffer
		segments, err := c.node.segments(context.Background(), "id", "")
		if err == nil {
			err = c.node.movie(context.Background(), "id", "", segments, func(int64) io.Writer { return &saved })
		}
		if (err == nil) != c.fine || c.fine && !bytes.Equal(saved.Bytes(), good) {
			t.Errorf("%s: saved %q, %v", name, saved.Bytes(), err)
		}
	}
}
