package httpapi

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	// usualInvite is how long an invite is good unless the asker says otherwise; shortInvite and longInvite are the bounds.
	usualInvite = 24 * time.Hour
	shortInvite = time.Minute
	longInvite  = 30 * 24 * time.Hour
)

// jsonNode is a node as clients see it.
type jsonNode struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Self     bool       `json:"self"`
	State    NodeState  `json:"state"`
	Zone     string     `json:"zone"`
	URL      string     `json:"url"`
	Version  string     `json:"version"`
	Capacity int64      `json:"capacity"`
	Used     int64      `json:"used"`
	Free     int64      `json:"free"`
	LastSeen time.Time  `json:"last_seen"`
	Drain    *jsonDrain `json:"drain"`
}

// jsonDrain says how far others have taken over what a node keeps.
type jsonDrain struct {
	Progress   float64 `json:"progress"`
	BytesLeft  int64   `json:"bytes_left"`
	ETASeconds float64 `json:"eta_seconds"`
	Safe       bool    `json:"safe"`
}

// jsonNearby is a machine that asks to join.
type jsonNearby struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Code    string `json:"code"`
	Address string `json:"address"`
}

// member is how the asker sees a node of the cluster. Of this one nobody knows more than itself.
func (h *Handler) member(m Member, r *http.Request) jsonNode {
	out := jsonNode{
		ID: m.ID, Name: m.Name, State: m.State, Zone: m.Zone, URL: m.URL, Version: m.Version,
		Capacity: m.Capacity, Used: m.Used, Free: m.Free, LastSeen: m.LastSeen.UTC(),
	}
	if d := m.Drain; d != nil {
		out.Drain = &jsonDrain{Progress: d.Progress, BytesLeft: d.BytesLeft, ETASeconds: d.ETA.Seconds(), Safe: d.Safe}
	}
	node := h.cfg.Node
	if m.ID != node.ID {
		return out
	}
	usage := h.cfg.Disk.Usage()
	out.Self, out.Name, out.Zone, out.Version = true, node.Name, node.Zone, node.Version
	out.URL = cmp.Or(node.URL, h.baseURL(r))
	out.Capacity, out.Used, out.Free, out.LastSeen = usage.Capacity, usage.Used, usage.Free, h.cfg.Now().UTC()
	return out
}

// self describes this node to the asker.
func (h *Handler) self(r *http.Request) jsonNode {
	m, err := h.findMember(h.cfg.Node.ID)
	if err != nil { // it was removed from the cluster
		m = Member{ID: h.cfg.Node.ID, State: NodeRemoved}
	}
	return h.member(m, r)
}

func (h *Handler) findMember(id string) (Member, error) {
	members := h.cfg.Cluster.Members()
	i := slices.IndexFunc(members, func(m Member) bool { return m.ID == id })
	if i < 0 {
		return Member{}, ErrNoNode
	}
	return members[i], nil
}

// listNodes lists the nodes, and for the admin the machines that ask to join.
func (h *Handler) listNodes(w *response, r *http.Request) error {
	answer := struct {
		Nodes   []jsonNode   `json:"nodes"`
		Waiting []jsonNearby `json:"waiting"`
	}{[]jsonNode{}, []jsonNearby{}}
	for _, m := range h.cfg.Cluster.Members() {
		answer.Nodes = append(answer.Nodes, h.member(m, r))
	}
	if role, err := h.access.role(r); err == nil && role == roleAdmin {
		for _, n := range h.cfg.Cluster.Nearby() {
			answer.Waiting = append(answer.Waiting, jsonNearby(n))
		}
	}
	return h.answer(w, http.StatusOK, answer)
}

func (h *Handler) makeInvite(w *response, r *http.Request) error {
	var body struct {
		Expires float64 `json:"expires"`
	}
	if err := readOptionalJSON(r, &body); err != nil {
		return err
	}
	within := usualInvite
	if body.Expires != 0 {
		within = time.Duration(body.Expires * float64(time.Second))
	}
	if body.Expires < 0 || body.Expires > longInvite.Seconds() || within < shortInvite {
		return refuse(http.StatusUnprocessableEntity, "bad_expires", "An invite is good for %d to %d seconds.", int(shortInvite.Seconds()), int(longInvite.Seconds()))
	}
	link, err := h.cfg.Cluster.Invite(r.Context(), within)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusCreated, jsonLink{link, h.cfg.Now().Add(within).UTC()})
	return nil
}

// readOptionalJSON is readJSON for a body that may be missing.
func readOptionalJSON(r *http.Request, v any) error {
	if body := about(r).body; body == nil || body.size == 0 {
		return nil
	}
	return readJSON(r, v)
}

func (h *Handler) approveNode(w *response, r *http.Request) error {
	if err := h.cfg.Cluster.Approve(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	h.log.Info("a machine that asked to join was let in", "node", r.PathValue("id"))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// drainNode empties a node, or takes that back, and answers with the node as it is then.
func (h *Handler) drainNode(w *response, r *http.Request) error {
	var body struct {
		Undo bool `json:"undo"`
	}
	if err := readOptionalJSON(r, &body); err != nil {
		return err
	}
	id := r.PathValue("id")
	change := h.cfg.Cluster.Undrain
	if !body.Undo {
		if err := mayDrain(h.cfg.Cluster.Members(), id); err != nil {
			return err
		}
		change = h.cfg.Cluster.Drain
	}
	if err := change(r.Context(), id); err != nil {
		return err
	}
	m, err := h.findMember(id)
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, h.member(m, r))
}

// mayDrain tells why a node cannot be emptied.
func mayDrain(members []Member, id string) error {
	found, takers := false, 0
	for _, m := range members {
		if m.ID == id && m.State != NodeRemoved {
			found = true
			if m.State == NodeDead {
				return refuse(http.StatusConflict, "node_dead", "This node does not answer, so nothing can be taken from it. The others get new copies from each other; remove it if it will not come back.")
			}
		} else if m.State == NodeAlive || m.State == NodeSuspect {
			takers++
		}
	}
	if !found {
		return ErrNoNode
	}
	if takers == 0 {
		return refuse(http.StatusConflict, "nowhere", "There is no other node that could take over what this one keeps. Add a machine first.")
	}
	return nil
}

func (h *Handler) removeNode(w *response, r *http.Request) error {
	id := r.PathValue("id")
	force, err := strconv.ParseBool(cmp.Or(r.URL.Query().Get("force"), "false"))
	if err != nil {
		return refuse(http.StatusBadRequest, "bad_query", "force is true or false, not %q.", r.URL.Query().Get("force"))
	}
	m, err := h.findMember(id)
	if err != nil {
		return err
	}
	if err := h.mayRemove(m, force); err != nil {
		return err
	}
	if err := h.cfg.Cluster.Remove(r.Context(), id); err != nil {
		return err
	}
	h.log.Info("a node was removed", "node", id, "name", m.Name, "forced", force)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// mayRemove tells why a node is not removed.
func (h *Handler) mayRemove(m Member, force bool) error {
	switch {
	case m.ID == h.cfg.Node.ID:
		return refuse(http.StatusConflict, "this_node", "A node cannot remove itself. Do it on the page of another node.")
	case m.State == NodeRemoved:
		return ErrNoNode
	case m.State == NodeDead, m.Drain != nil && m.Drain.Safe, force:
		return nil
	}
	return refuse(http.StatusConflict, "node_in_use", "This node is in use, and it may have the only copy of something. Drain it first, and remove it once it can be switched off; or add ?force=true to lose what only it has.")
}

// clusterWarnings are what an operator should know of the other nodes. A node alone has none: that it keeps the only copy is no news.
func (h *Handler) clusterWarnings() (all []Warning) {
	warn := func(code, format string, args ...any) { all = append(all, Warning{code, fmt.Sprintf(format, args...)}) }
	members, repair := h.cfg.Cluster.Members(), h.cfg.Cluster.Repair()
	if slices.ContainsFunc(members, func(m Member) bool { return m.ID == h.cfg.Node.ID && m.State == NodeRemoved }) {
		// What it thinks of the others is of before.
		warn("removed", "This node was removed from its cluster, and plays only what it has itself. To bring it back, make an invite on another node and start this one with it: shoal serve --join LINK.")
		return all
	}
	if !slices.ContainsFunc(members, func(m Member) bool { return m.ID != h.cfg.Node.ID && m.State != NodeRemoved }) {
		return nil
	}
	for _, m := range members {
		if m.State == NodeDead {
			warn("node_dead", "%s does not answer. Switch it on, or remove it on the network page if it will not come back.", called(m))
		}
		if answers(m) && m.Version != "" && m.ID != h.cfg.Node.ID && m.Version != h.cfg.Node.Version {
			warn("node_version", "%s runs version %s, this node %s. Update the older one.", called(m), m.Version, h.cfg.Node.Version)
		}
	}
	if repair.State == RepairHeld {
		warn("repair_held", "So many nodes are gone at once that nothing is copied by itself. If they will not come back, say so: shoal repair, or “Copy now” on the network page.")
	}
	if repair.UnderCopied > 0 {
		warn("under_copied", "%d chunks have fewer copies than wanted. %s", repair.UnderCopied, whyUnderCopied(members, h.cfg.Cluster.Copies(), repair))
	}
	return all
}

// whyUnderCopied says what becomes of chunks with too few copies.
func whyUnderCopied(members []Member, copies int, repair Repair) string {
	takers := inState(members, NodeAlive)
	switch {
	case repair.State == RepairRunning:
		return "They are being copied."
	case repair.State == RepairWaiting:
		return "They are copied if the node that is gone does not come back."
	case takers < copies:
		return fmt.Sprintf("%d copies need as many nodes: add a machine.", copies)
	}
	return "Where disks are full, free some space."
}
