package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/httpapi"
)

type copied struct{ Copies struct{ Want, Have *int } }

// copiesOf asks for a video and returns what it has, -1 for what is not known.
func (h *house) copiesOf() int {
	h.t.Helper()
	return have(decode[copied](h.t, h.asks("GET", "/api/v1/videos/"+string(h.film.id), "").Body))
}

func have(c copied) int {
	if c.Copies.Have == nil {
		return -1
	}
	return *c.Copies.Have
}

func TestAVideoHasAsManyCopiesAsItsScarcestChunk(t *testing.T) {
	cluster := newNodes(attic(), barn())
	h := newHouse(t, cluster.join)
	if got := h.copiesOf(); got != 3 {
		t.Fatalf("have %d, want 3", got)
	}
	cluster.set(func(n *nodes) { n.lacking[h.film.init] = []string{"node-two", "node-three"} })
	h.clock.move(time.Hour)
	if got := h.copiesOf(); got != 1 {
		t.Errorf("have %d, want 1", got)
	}
	if v := h.accepted("in work"); have(decode[copied](t, h.asks("GET", "/api/v1/videos/"+string(v), "").Body)) != 0 {
		t.Error("a video in work has copies")
	}
}

func TestWhatIsKnownOfCopiesIsNotAskedAgainSoon(t *testing.T) {
	cluster := newNodes(attic())
	h := newHouse(t, cluster.join)
	h.copiesOf()
	h.copiesOf()
	h.clock.move(30 * time.Second)
	h.copiesOf()
	if cluster.asked != 1 {
		t.Errorf("asked %d times", cluster.asked)
	}
	cluster.set(func(n *nodes) { n.lacking[h.film.init] = []string{"node-two"} })
	h.clock.move(2 * time.Minute)
	if got := h.copiesOf(); got != 1 || cluster.asked != 2 {
		t.Errorf("have %d, asked %d times", got, cluster.asked)
	}
	// What is scarce is looked at more often.
	cluster.set(func(n *nodes) { delete(n.lacking, h.film.init) })
	h.clock.move(10 * time.Second)
	if got := h.copiesOf(); got != 2 || cluster.asked != 3 {
		t.Errorf("have %d, asked %d times", got, cluster.asked)
	}
}

func TestTheDeathOfANodeIsSeenInTheCopiesAtOnce(t *testing.T) {
	cluster := newNodes(attic(), barn())
	h := newHouse(t, cluster.join)
	cluster.set(func(n *nodes) { n.lacking[h.film.init] = []string{nodeID} })
	if got := h.copiesOf(); got != 2 {
		t.Fatalf("have %d, want 2", got)
	}
	cluster.set(func(n *nodes) { n.members[1].State, n.blocked = httpapi.NodeDead, true })
	if got := h.copiesOf(); got != 1 {
		t.Errorf("have %d, want 1", got)
	}
	cluster.set(func(n *nodes) { n.members[2].State = httpapi.NodeDead })
	if got := h.copiesOf(); got != 0 {
		t.Errorf("have %d, want 0", got)
	}
}

func TestCopiesThatNobodyTellsOfAreNotMadeUp(t *testing.T) {
	cluster := newNodes(attic())
	cluster.blocked = true
	h := newHouse(t, cluster.join)
	list := decode[struct{ Videos []copied }](t, h.asks("GET", "/api/v1/videos", "").Body)
	if len(list.Videos) != 1 || have(list.Videos[0]) != -1 || *list.Videos[0].Copies.Want != 2 {
		t.Errorf("%+v", list)
	}
}

func TestHoldersAreThoseWhoReallyHave(t *testing.T) {
	cluster := newNodes(attic(), barn())
	h := newHouse(t, cluster.join)
	cluster.set(func(n *nodes) {
		n.lacking[h.film.init] = []string{"node-two"}
		n.members[2].State = httpapi.NodeDead
	})
	got := decode[struct {
		Nodes []struct {
			ID, Name string
			Chunks   int
		}
		Chunks []struct {
			Ref   chunk.Ref
			Nodes []string
		}
	}](t, h.asks("GET", "/api/v1/videos/"+string(h.film.id)+"/holders", "").Body)
	all := len(got.Chunks)
	if len(got.Nodes) != 2 || got.Nodes[0].Name != "Attic" || got.Nodes[0].Chunks != all || got.Nodes[1].Name != "attic-pc" || got.Nodes[1].Chunks != all-1 {
		t.Errorf("nodes %+v of %d chunks", got.Nodes, all)
	}
	for _, c := range got.Chunks {
		if c.Ref == h.film.init && len(c.Nodes) != 1 {
			t.Errorf("%s is on %v", c.Ref, c.Nodes)
		}
	}
}

// away is the error of a store whose nodes do not answer.
type away struct{ nodes []string }

func (a away) Error() string     { return "nobody answers" }
func (a away) Holders() []string { return a.nodes }

func TestWhatLiesOnNodesThatAreAwayNamesThem(t *testing.T) {
	for _, c := range []struct {
		holders []string
		says    string
	}{
		{[]string{"node-two"}, "“The Last Wave” cannot be read just now: attic-pc has it and does not answer. Switch that machine on"},
		{[]string{"node-two", "node-three"}, "attic-pc and barn have it and do not answer. Switch one of those machines on"},
		{nil, "no node that answers has it"},
	} {
		h := newHouse(t, newNodes(attic(), barn()).join)
		h.chunks.SetFault(func(context.Context, chunktest.Op, chunk.Ref) (bool, error) {
			return false, fmt.Errorf("open chunk: %w", away{c.holders})
		})
		for _, path := range []string{h.segmentPath(), "/chunks/" + h.film.init.String() + "?video=" + string(h.film.id)} {
			w := h.asks("GET", path, "")
			want(t, w, http.StatusServiceUnavailable, "nodes_away")
			if !strings.Contains(w.Body.String(), c.says) || w.Header().Get("Retry-After") == "" {
				t.Errorf("%s: %s", path, w.Body)
			}
		}
	}
	var _ httpapi.Unreachable = away{}
	if errors.As(errInside, new(httpapi.Unreachable)) {
		t.Error("any error is one of nodes that are away")
	}
}
