package httpapi

import (
	_ "embed"
	"net/http"
	"strconv"
)

// openAPI describes the interface to programs (OpenAPI 3.1).
//
//go:embed openapi.json
var openAPI []byte

func (h *Handler) getOpenAPI(w *response, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Length", strconv.Itoa(len(openAPI)))
	_, _ = w.Write(openAPI) // who has gone away is noticed by the server
	return nil
}
