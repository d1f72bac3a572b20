package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"shoal/internal/httpapi"
)

type node struct {
	ID, Name, State, Zone, URL, Version string
	Self                                bool
	Capacity, Used, Free                int64
	LastSeen                            time.Time `json:"last_seen"`
	Drain                               *struct {
		Progress  float64
		BytesLeft int64 `json:"bytes_left"`
		Safe      bool
	}
}

type nodeList struct {
	Nodes   []node
	Waiting []struct{ ID, Name, Code string }
}

func (h *house) nodes(admin bool) nodeList {
	h.t.Helper()
	if admin {
		return decode[nodeList](h.t, h.adminAsks("GET", "/api/v1/nodes", "").Body)
	}
	return decode[nodeList](h.t, h.asks("GET", "/api/v1/nodes", "").Body)
}

func TestANodeAloneIsAClusterOfOne(t *testing.T) {
	h := newHouse(t)
	list := h.nodes(true)
	if len(list.Nodes) != 1 || !list.Nodes[0].Self || list.Nodes[0].State != "alive" || len(list.Waiting) != 0 {
		t.Errorf("%+v", list)
	}
	want(t, h.adminAsks("POST", "/api/v1/invites", ""), http.StatusNotImplemented, "no_cluster")
	want(t, h.adminAsks("POST", "/api/v1/nodes/"+nodeID+"/drain", ""), http.StatusConflict, "nowhere")
	want(t, h.adminAsks("DELETE", "/api/v1/nodes/"+nodeID, ""), http.StatusConflict, "this_node")
	want(t, h.adminAsks("DELETE", "/api/v1/nodes/other", ""), http.StatusNotFound, "no_node")
	want(t, h.adminAsks("GET", "/api/v1/repair/plan", ""), http.StatusOK)
	want(t, h.adminAsks("POST", "/api/v1/repair", ""), http.StatusAccepted)
	if warnings := decode[struct{ Warnings []httpapi.Warning }](t, h.asks("GET", "/api/v1/status", "").Body).Warnings; len(warnings) > 0 {
		t.Errorf("warnings %+v", warnings)
	}
}

func TestNodesAreListedWithWhatEachKnowsBest(t *testing.T) {
	gone := barn()
	gone.State, gone.LastSeen = httpapi.NodeDead, newClock().now().Add(-time.Hour)
	h := newHouse(t, newNodes(attic(), gone).join)
	list := h.nodes(false).Nodes
	if len(list) != 3 {
		t.Fatalf("%+v", list)
	}
	self, other, dead := list[0], list[1], list[2]
	if !self.Self || self.Name != "Attic" || self.Used != 300 || self.URL != "http://"+local || !self.LastSeen.Equal(h.clock.now()) {
		t.Errorf("self %+v", self)
	}
	if other.Self || other.Name != "attic-pc" || other.Used != 500 || other.URL != "http://10.0.0.2:3003" || other.Drain != nil {
		t.Errorf("other %+v", other)
	}
	if dead.State != "dead" || !dead.LastSeen.Equal(gone.LastSeen) {
		t.Errorf("dead %+v", dead)
	}
	cluster := decode[struct{ Cluster map[string]any }](t, h.asks("GET", "/api/v1/status", "").Body).Cluster
	if cluster["id"] != "cluster-one" || cluster["nodes"] != 3.0 || cluster["alive"] != 2.0 || cluster["copies"] != 2.0 {
		t.Errorf("cluster %v", cluster)
	}
}

func TestAnInviteIsALinkThatExpires(t *testing.T) {
	cluster := newNodes()
	h := newHouse(t, cluster.join)
	for body, lasts := range map[string]time.Duration{"": 24 * time.Hour, "{}": 24 * time.Hour, `{"expires":90.5}`: 90500 * time.Millisecond} {
		w := h.adminAsks("POST", "/api/v1/invites", body)
		want(t, w, http.StatusCreated)
		got := decode[struct {
			Link    string
			Expires time.Time
		}](t, w.Body)
		if !strings.HasPrefix(got.Link, "shoal://") || !got.Expires.Equal(h.clock.now().Add(lasts)) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %+v, %v", body, got, w.Header())
		}
	}
	before := cluster.orders()
	for _, body := range []string{`{"expires":59}`, `{"expires":-1}`, `{"expires":2592001}`, `{"expires":1e300}`} {
		want(t, h.adminAsks("POST", "/api/v1/invites", body), http.StatusUnprocessableEntity, "bad_expires")
	}
	want(t, h.adminAsks("POST", "/api/v1/invites", `{"expires":"24h"}`), http.StatusBadRequest, "bad_json")
	if cluster.orders() != before {
		t.Errorf("made %s", cluster.orders())
	}
}

func TestTheAdminLetsAMachineNearByIn(t *testing.T) {
	cluster := newNodes()
	cluster.nearby = []httpapi.Nearby{{ID: "node-four", Name: "shed", Code: "K7QX"}}
	h := newHouse(t, cluster.join)
	if list := h.nodes(false); len(list.Waiting) > 0 {
		t.Errorf("viewers see %+v", list.Waiting)
	}
	if list := h.nodes(true); len(list.Waiting) != 1 || list.Waiting[0].Name != "shed" || list.Waiting[0].Code != "K7QX" {
		t.Errorf("the admin sees %+v", list.Waiting)
	}
	want(t, h.adminAsks("POST", "/api/v1/nodes/stranger/approve", ""), http.StatusNotFound, "no_node")
	want(t, h.adminAsks("POST", "/api/v1/nodes/node-four/approve", ""), http.StatusNoContent)
	if list := h.nodes(true); len(list.Waiting) > 0 || len(list.Nodes) != 2 {
		t.Errorf("afterwards %+v", list)
	}
}

func TestANodeIsDrainedAndThenRemoved(t *testing.T) {
	cluster := newNodes(attic())
	h := newHouse(t, cluster.join)
	const path = "/api/v1/nodes/node-two"
	want(t, h.adminAsks("DELETE", path, ""), http.StatusConflict, "node_in_use")
	w := h.adminAsks("POST", path+"/drain", "")
	want(t, w, http.StatusOK)
	if n := decode[node](t, w.Body); n.State != "draining" || n.Drain == nil || n.Drain.BytesLeft != 500 || n.Drain.Safe {
		t.Errorf("draining %+v", n)
	}
	want(t, h.adminAsks("DELETE", path, ""), http.StatusConflict, "node_in_use")
	w = h.adminAsks("POST", path+"/drain", `{"undo":true}`)
	want(t, w, http.StatusOK)
	if n := decode[node](t, w.Body); n.State != "alive" || n.Drain != nil {
		t.Errorf("undone %+v", n)
	}
	want(t, h.adminAsks("POST", path+"/drain", `{}`), http.StatusOK)
	if err := cluster.change("node-two", func(m *httpapi.Member) { m.Drain = &httpapi.Drain{Progress: 1, Safe: true} }); err != nil {
		t.Fatal(err)
	}
	want(t, h.adminAsks("DELETE", path, ""), http.StatusNoContent)
	want(t, h.adminAsks("DELETE", path, ""), http.StatusNotFound, "no_node")
	want(t, h.adminAsks("POST", path+"/drain", ""), http.StatusNotFound, "no_node")
	if got := cluster.orders(); got != "drain node-two, undrain node-two, drain node-two, remove node-two" {
		t.Errorf("ordered %s", got)
	}
}

func TestWhatCannotBeDrainedOrRemovedSaysWhy(t *testing.T) {
	gone := barn()
	gone.State = httpapi.NodeDead
	cluster := newNodes(attic(), gone)
	h := newHouse(t, cluster.join)
	want(t, h.adminAsks("POST", "/api/v1/nodes/node-three/drain", ""), http.StatusConflict, "node_dead")
	want(t, h.adminAsks("POST", "/api/v1/nodes/node-two/drain", ""), http.StatusOK)
	// The last node that takes anything must stay.
	want(t, h.adminAsks("POST", "/api/v1/nodes/"+nodeID+"/drain", ""), http.StatusConflict, "nowhere")
	want(t, h.adminAsks("DELETE", "/api/v1/nodes/"+nodeID+"?force=true", ""), http.StatusConflict, "this_node")
	want(t, h.adminAsks("DELETE", "/api/v1/nodes/node-two?force=perhaps", ""), http.StatusBadRequest, "bad_query")
	want(t, h.adminAsks("DELETE", "/api/v1/nodes/node-two?force=true", ""), http.StatusNoContent)
	want(t, h.adminAsks("DELETE", "/api/v1/nodes/node-three", ""), http.StatusNoContent)
}

func TestThePlanAndTheRepairAreTold(t *testing.T) {
	cluster := newNodes(attic(), barn())
	begins := newClock().now().Add(10 * time.Minute)
	cluster.repair = httpapi.Repair{State: httpapi.RepairWaiting, QueuedChunks: 4, BytesLeft: 400, ETA: 90 * time.Second, UnderCopied: 3, Begins: begins}
	cluster.plan = httpapi.RepairPlan{
		Moves:         []httpapi.Move{{From: nodeID, To: "node-two", Chunks: 3, Bytes: 300}, {From: "node-two", To: "node-three", Chunks: 1, Bytes: 100}},
		SurplusChunks: 2, SurplusBytes: 200, LostChunks: 1, Silent: []string{"node-three"},
	}
	h := newHouse(t, cluster.join)
	type repair struct {
		State       string
		BytesLeft   int64   `json:"bytes_left"`
		ETASeconds  float64 `json:"eta_seconds"`
		UnderCopied int64   `json:"under_copied"`
		Begins      *time.Time
	}
	got := decode[struct{ Repair repair }](t, h.asks("GET", "/api/v1/status", "").Body).Repair
	if got.State != "waiting" || got.BytesLeft != 400 || got.ETASeconds != 90 || got.UnderCopied != 3 || got.Begins == nil || !got.Begins.Equal(begins) {
		t.Errorf("%+v", got)
	}
	plan := decode[struct {
		Chunks, Bytes int64
		Moves         []struct{ From, To string }
		Lost          int64 `json:"lost_chunks"`
		Silent        []string
	}](t, h.adminAsks("GET", "/api/v1/repair/plan", "").Body)
	if plan.Chunks != 4 || plan.Bytes != 400 || len(plan.Moves) != 2 || plan.Moves[1].To != "node-three" || plan.Lost != 1 || len(plan.Silent) != 1 {
		t.Errorf("%+v", plan)
	}
	w := h.adminAsks("POST", "/api/v1/repair", "")
	want(t, w, http.StatusAccepted)
	if r := decode[repair](t, w.Body); r.State != "running" {
		t.Errorf("%+v", r)
	}
}

func TestTheClusterIsCounted(t *testing.T) {
	gone := barn()
	gone.State = httpapi.NodeDead
	cluster := newNodes(attic(), gone)
	cluster.repair.UnderCopied = 7
	cluster.counts = httpapi.ClusterCounts{RepairBytes: 1000, NodeReads: 20, NodeFailures: 3}
	h := newHouse(t, cluster.join)
	for name, want := range map[string]float64{
		`shoal_members{state="alive"}`:              2,
		`shoal_members{state="dead"}`:               1,
		`shoal_members{state="draining"}`:           0,
		`shoal_chunks_under_copied`:                 7,
		`shoal_repair_bytes_total`:                  1000,
		`shoal_chunk_reads_total{from="disk"}`:      11,
		`shoal_chunk_reads_total{from="node"}`:      20,
		`shoal_verify_failures_total{where="node"}`: 3,
	} {
		if got := h.metric(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestWarningsSayWhatIsWrongWithTheNodesAndWhatToDo(t *testing.T) {
	cases := []struct {
		name   string
		change func(*nodes)
		codes  string
		says   string
	}{
		{"all is well", func(*nodes) {}, "", ""},
		{"one is gone", func(n *nodes) { n.members[1].State = httpapi.NodeDead }, "node_dead", "attic-pc does not answer. Switch it on"},
		{"it was removed", func(n *nodes) { n.members[0].State, n.members[1].State = httpapi.NodeRemoved, httpapi.NodeDead }, "removed", "shoal serve --join"},
		{"another version", func(n *nodes) { n.members[1].Version = "1.2.2" }, "node_version", "attic-pc runs version 1.2.2, this node 1.2.3"},
		{"half are gone", func(n *nodes) { n.repair.State = httpapi.RepairHeld }, "repair_held", "shoal repair"},
		{"copying", func(n *nodes) { n.repair = httpapi.Repair{State: httpapi.RepairRunning, UnderCopied: 5} }, "under_copied", "5 chunks have fewer copies than wanted. They are being copied."},
		{"waiting", func(n *nodes) { n.repair = httpapi.Repair{State: httpapi.RepairWaiting, UnderCopied: 5} }, "under_copied", "does not come back"},
		{"too few nodes", func(n *nodes) { n.members[1].State, n.repair.UnderCopied = httpapi.NodeDraining, 5 }, "under_copied", "add a machine"},
		{"full", func(n *nodes) { n.repair.UnderCopied = 5 }, "under_copied", "free some space"},
	}
	for _, c := range cases {
		cluster := newNodes(attic())
		c.change(cluster)
		h := newHouse(t, cluster.join)
		var codes, words []string
		for _, w := range decode[struct{ Warnings []httpapi.Warning }](t, h.asks("GET", "/api/v1/status", "").Body).Warnings {
			codes, words = append(codes, w.Code), append(words, w.Message)
		}
		if strings.Join(codes, " ") != c.codes || !strings.Contains(strings.Join(words, " "), c.says) {
			t.Errorf("%s: %v %v", c.name, codes, words)
		}
	}
}
