package httpapi

import "net/http"

// Route is a line of the route table, for tests.
type Route struct {
	Method, Path string
	// Rights is open, reader or admin; Built is false for what answers 501.
	Rights string
	Built  bool
}

// Routes returns the route table.
func (h *Handler) Routes() []Route {
	words := map[rights]string{open: "open", reader: "reader", admin: "admin"}
	var routes []Route
	for _, rt := range h.builtRoutes() {
		routes = append(routes, Route{rt.method, rt.path, words[rt.rights], true})
	}
	for _, rt := range h.comingRoutes() {
		routes = append(routes, Route{rt.method, rt.path, words[rt.rights], false})
	}
	return routes
}

// OpenCookie returns the role in a cookie's value, or an error.
func (h *Handler) OpenCookie(value string) (string, error) { return h.access.openCookie(value) }

// MaxAddresses is how many addresses the attempts of each are counted for.
const MaxAddresses = maxAddresses

// HandleForTest adds a route behind the gates.
func (h *Handler) HandleForTest(pattern string, serve http.HandlerFunc) {
	h.mux.Handle(pattern, h.gate(route{rights: open, serve: func(w *response, r *http.Request) error {
		serve(w, r)
		return nil
	}}))
}

// Watch returns how to note what changed since it was called last, or since Watch.
func (h *Handler) Watch() (look func()) {
	was := h.glance(glance{})
	return func() { was = h.noteChanges(was) }
}

// EventCodes lists the codes of all events.
func EventCodes() []string {
	return []string{
		nodeJoined, nodeSuspect, nodeDead, nodeBack, nodeDraining, nodeDrained, nodeKept, nodeRemoved,
		repairWaiting, repairBegan, repairHeld, repairEnded, underCopied, fullyCopied, videoReady, videoFailed,
	}
}
