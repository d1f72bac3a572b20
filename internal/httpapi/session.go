package httpapi

import (
	"cmp"
	"errors"
	"net/http"
	"time"
)

// jsonSession answers who the asker is to the node.
type jsonSession struct {
	Role string          `json:"role"`
	Node jsonSessionNode `json:"node"`
}

type jsonSessionNode struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Version string `json:"version"`
}

func (h *Handler) session(role string) jsonSession {
	node := h.cfg.Node
	return jsonSession{Role: role, Node: jsonSessionNode{ID: node.ID, Name: node.Name, Version: node.Version}}
}

func (h *Handler) getSession(w *response, r *http.Request) error {
	role, err := h.access.role(r)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, h.session(role))
	return nil
}

// signIn takes the key of a link, which is used up by it, or the admin token.
func (h *Handler) signIn(w *response, r *http.Request) error {
	forgive, err := h.access.attempts.take(about(r).client)
	if err != nil {
		return err
	}
	var body struct {
		Token string `json:"token"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	role, ok := roleAdmin, h.access.isToken(body.Token)
	if !ok {
		role, ok = h.access.keys.redeem(body.Token)
	}
	if !ok {
		return refuse(http.StatusUnauthorized, "bad_key",
			"This link was used already, or it is too old. Make a new one with: shoal link")
	}
	forgive()
	h.access.setCookie(w, r, role)
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, h.session(role))
	return nil
}

func (h *Handler) signOut(w *response, r *http.Request) error {
	h.access.setCookie(w, r, "")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// IssueKey makes the key of an admin link: a page opened as URL/#key=KEY signs its browser in. It works once,
// before expires.
func (h *Handler) IssueKey() (key string, expires time.Time) {
	secret, made := h.access.keys.issue(roleAdmin)
	return secret, made.end
}

func (h *Handler) makeToken(w *response, r *http.Request) error {
	var body struct {
		Role string `json:"role"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	switch body.Role {
	case roleAdmin:
	case roleViewer, "uploader":
		return notAvailableYet(w, r)
	default:
		return refuse(http.StatusUnprocessableEntity, "bad_role", "There is no such role; ask for admin.")
	}
	key, expires := h.IssueKey()
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusCreated, jsonLink{h.baseURL(r) + "/#key=" + key, expires.UTC()})
	return nil
}

// jsonLink is a link that works once, until it expires.
type jsonLink struct {
	Link    string    `json:"link"`
	Expires time.Time `json:"expires"`
}

// baseURL returns the address under which the asker reaches this node, without a slash at its end.
func (h *Handler) baseURL(r *http.Request) string {
	return cmp.Or(h.hosts.public, about(r).scheme+"://"+about(r).host)
}

type jsonToken struct {
	ID      string    `json:"id"`
	Role    string    `json:"role"`
	Expires time.Time `json:"expires"`
}

// listTokens lists the links that were made and not used yet; their secrets are known to nobody any more.
func (h *Handler) listTokens(w *response, _ *http.Request) error {
	tokens := []jsonToken{}
	for _, key := range h.access.keys.list() {
		tokens = append(tokens, jsonToken{ID: key.id(), Role: key.role, Expires: key.end.UTC()})
	}
	writeJSON(w, http.StatusOK, struct {
		Tokens []jsonToken `json:"tokens"`
	}{tokens})
	return nil
}

// revokeTokens ends the link with the id that is asked for, or all of them.
func (h *Handler) revokeTokens(w *response, r *http.Request) error {
	id := r.URL.Query().Get("id")
	if !h.access.keys.revoke(id) && id != "" {
		return &problem{
			status: http.StatusNotFound, code: "not_found", cause: errors.New("no key " + id),
			message: "There is no such link; it was used, revoked, or is too old.",
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
