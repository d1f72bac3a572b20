package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// mediaTypes are the types of the client's files, by extension. A list of our own, because the system's
// differs from machine to machine and a browser takes no script of the wrong type.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".json": "application/json",
	".map": "application/json", ".webmanifest": "application/manifest+json", ".txt": "text/plain; charset=utf-8",
	".wasm": "application/wasm", ".png": "image/png", ".ico": "image/x-icon", ".webp": "image/webp",
	".jpg": "image/jpeg", ".woff2": "font/woff2",
}

// squeezed are the extensions of files that are worth compressing.
var squeezed = []string{".html", ".js", ".css", ".svg", ".json", ".map", ".webmanifest", ".txt", ".wasm"}

// workerFiles begin the names of the script that checks hashes in a worker, which has a policy of its own.
const workerFiles = "assets/hash-worker-"

// pages serves the client's files.
type pages struct {
	files fs.FS
	index *asset
	// hints go with every page but that of a video, which has watchHints.
	hints, watchHints []string

	mu     sync.Mutex
	assets map[string]*asset // guarded by mu; files of the client only, so it is bounded
}

// asset is a file in memory.
type asset struct {
	kind string
	tag  string
	data []byte
	// packed is data compressed by gzip, nil when that does not help.
	packed []byte
}

func newPages(files fs.FS) (*pages, error) {
	index, err := readAsset(files, "index.html")
	if err != nil {
		return nil, fmt.Errorf("read the client's page: %w", err)
	}
	hints, watchHints, err := pageHints(files)
	if err != nil {
		return nil, err
	}
	return &pages{files: files, index: index, hints: hints, watchHints: watchHints, assets: make(map[string]*asset)}, nil
}

// find returns the file of that name, reading it at the first call.
func (p *pages) find(name string) (*asset, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.assets[name]; a != nil {
		return a, nil
	}
	a, err := readAsset(p.files, name)
	if err == nil {
		p.assets[name] = a
	}
	return a, err
}

func readAsset(files fs.FS, name string) (*asset, error) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	return newAsset(strings.ToLower(path.Ext(name)), data), nil
}

// newAsset returns a file with an extension such as .html.
func newAsset(extension string, data []byte) *asset {
	sum := sha256.Sum256(data)
	a := &asset{kind: mediaTypes[extension], tag: hex.EncodeToString(sum[:16]), data: data}
	if a.kind == "" {
		a.kind = "application/octet-stream"
	}
	if slices.Contains(squeezed, extension) {
		a.packed = pack(data, gzip.BestCompression)
	}
	return a
}

// pack compresses data at a level of gzip, or returns nil when that saves less than a tenth.
func pack(data []byte, level int) []byte {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, level)
	if err == nil {
		_, err = z.Write(data)
	}
	if err != nil || z.Close() != nil || packed.Len() > len(data)*9/10 {
		return nil
	}
	return packed.Bytes()
}

// serve sends the file, compressed when the client takes that.
func (a *asset) serve(w *response, r *http.Request, caching string) error {
	data, tag := a.data, a.tag
	if a.packed != nil {
		w.Header().Set("Vary", "Accept-Encoding")
		if r.Header.Get("Range") == "" && takesGzip(r.Header.Get("Accept-Encoding")) {
			data, tag = a.packed, a.tag+"-gzip"
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		}
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", caching)
	w.Header().Set("ETag", `"`+tag+`"`)
	return serveContent(w, r, bytes.NewReader(data), int64(len(data)))
}

// takesGzip reads an Accept-Encoding header: gzip is in it and not refused by a weight of 0.
func takesGzip(accept string) bool {
	for offer := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(offer, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		value, err := strconv.ParseFloat(q, 64)
		return !found || err == nil && value > 0
	}
	return false
}

// getIndex serves the page that shows every address of the client.
func (h *Handler) getIndex(w *response, r *http.Request) error {
	hint(w.Header(), h.pages.hints)
	return h.pages.index.serve(w, r, "no-cache")
}

// getAsset serves a file of the client. Those in assets have a hash in their names and never change.
func (h *Handler) getAsset(w *response, r *http.Request) error {
	name := r.PathValue("file")
	caching := "no-cache"
	if strings.HasPrefix(r.URL.Path, "/assets/") {
		name, caching = "assets/"+name, immutable
	}
	a, err := h.pages.find(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) || name == "index.html" {
		return errNoRoute
	}
	if err != nil {
		// A folder, which cannot be read as a file.
		p := *errNoRoute
		p.cause = err
		return &p
	}
	if strings.HasPrefix(name, workerFiles) {
		w.Header().Set("Content-Security-Policy", workerPolicy)
	}
	return a.serve(w, r, caching)
}
