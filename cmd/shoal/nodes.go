package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// peerNode is what the API says of a node, as far as people are told.
type peerNode struct {
	ID, Name, State, Zone string
	Self                  bool
	Capacity, Used, Free  int64
	LastSeen              time.Time `json:"last_seen"`
	// Drain is nil unless the node is being emptied.
	Drain *drain
}

// drain says how far others have taken over what a node keeps.
type drain struct {
	Progress  float64
	BytesLeft int64   `json:"bytes_left"`
	ETA       float64 `json:"eta_seconds"`
	// Safe is true once the node can be switched off.
	Safe bool
}

// newcomer is a machine that asks to join.
type newcomer struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Code    string `json:"code"`
	Address string `json:"address"`
}

// repair says how far the chunks are from their number of copies.
type repair struct {
	State        string
	QueuedChunks int64   `json:"queued_chunks"`
	BytesLeft    int64   `json:"bytes_left"`
	ETA          float64 `json:"eta_seconds"`
	UnderCopied  int64   `json:"under_copied"`
	// Begins is when it begins if it waits for a node to come back, nil when that is not known.
	Begins *time.Time
}

// nodes returns the nodes of the cluster, those that were removed aside, and for the admin the machines that ask to join.
func (c *client) nodes(ctx context.Context) ([]peerNode, []newcomer, error) {
	var answer struct {
		Nodes   []peerNode
		Waiting []newcomer
	}
	err := c.call(ctx, http.MethodGet, "/api/v1/nodes", nil, &answer)
	here := slices.DeleteFunc(answer.Nodes, func(n peerNode) bool { return n.State == "removed" })
	return here, answer.Waiting, err
}

// invite makes a link that lets one machine join within that time.
func (c *client) invite(ctx context.Context, within time.Duration) (link string, expires time.Time, err error) {
	var answer struct {
		Link    string
		Expires time.Time
	}
	err = c.call(ctx, http.MethodPost, "/api/v1/invites", map[string]float64{"expires": within.Seconds()}, &answer)
	return answer.Link, answer.Expires, err
}

func (c *client) approve(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, nodePath(id)+"/approve", nil, nil)
}

// drain has a node emptied, or takes that back, and returns the node as it is then.
func (c *client) drain(ctx context.Context, id string, undo bool) (n peerNode, err error) {
	return n, c.call(ctx, http.MethodPost, nodePath(id)+"/drain", map[string]bool{"undo": undo}, &n)
}

func (c *client) removeNode(ctx context.Context, id string, force bool) error {
	path := nodePath(id)
	if force {
		path += "?force=true"
	}
	return c.call(ctx, http.MethodDelete, path, nil, nil)
}

// repairPlan returns what a repair would do as the API tells it.
func (c *client) repairPlan(ctx context.Context) (json.RawMessage, error) {
	var raw json.RawMessage
	return raw, c.call(ctx, http.MethodGet, "/api/v1/repair/plan", nil, &raw)
}

func (c *client) repairNow(ctx context.Context) (r repair, err error) {
	return r, c.call(ctx, http.MethodPost, "/api/v1/repair", nil, &r)
}

func nodePath(id string) string { return "/api/v1/nodes/" + url.PathEscape(id) }

// findNode returns the node that somebody means by its name, its id or the beginning of that; "" is the node that was asked.
func findNode(nodes []peerNode, given string) (peerNode, error) {
	for _, means := range []func(peerNode) bool{
		func(n peerNode) bool { return given == "" && n.Self || n.ID == given },
		func(n peerNode) bool { return given != "" && n.Name == given },
		func(n peerNode) bool { return given != "" && strings.HasPrefix(n.ID, given) },
	} {
		var found []peerNode
		for _, n := range nodes {
			if means(n) {
				found = append(found, n)
			}
		}
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return peerNode{}, ambiguous(given, found, shortIDs(nodes))
		}
	}
	return peerNode{}, problem("there is no node "+cmp.Or(given, "that is this one"), "", "shoal status lists the nodes")
}

func ambiguous(given string, found []peerNode, short map[string]string) error {
	var all []string
	for _, n := range found {
		all = append(all, fmt.Sprintf("%s (%s)", n.Name, short[n.ID]))
	}
	return problem(fmt.Sprintf("%s may be %s", given, strings.Join(all, " or ")), "", "the id in brackets instead")
}

// usualID is how much of an id is shown: all begin alike, with the kind of key.
const usualID = 14

// shortIDs returns for each id how it begins, as much as tells it from the others.
func shortIDs(nodes []peerNode) map[string]string {
	short := make(map[string]string)
	for _, n := range nodes {
		length := usualID
		for _, other := range nodes {
			if other.ID != n.ID {
				length = max(length, common(n.ID, other.ID)+1)
			}
		}
		short[n.ID] = n.ID[:min(length, len(n.ID))]
	}
	return short
}

// common is how many bytes two texts begin with alike.
func common(a, b string) int {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return i
}

// nameOf is what people call the node with that id, else its id.
func nameOf(nodes []peerNode, id string) string {
	i := slices.IndexFunc(nodes, func(n peerNode) bool { return n.ID == id })
	if i < 0 || nodes[i].Name == "" {
		return id
	}
	return nodes[i].Name
}
