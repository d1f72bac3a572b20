package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	atticID  = "12D3KooWAtticAtticAttic"
	barnID   = "12D3KooWBarnBarnBarn"
	cellarID = "12D3KooWBarnCellar"
)

// fakeCluster answers like the node "attic" of a cluster of three; what it is asked for is in orders. A node that is being
// drained, and a repair, are further each time somebody looks.
type fakeCluster struct {
	t *testing.T

	mu     sync.Mutex
	orders []string // guarded by mu
	looks  int      // guarded by mu
	// draining is the drain of barn at each look, repairs the repair; the last stays.
	draining, repairs []string
	// refuse is the code with which changes are refused, "" for none.
	refuse string
	// waiting is the list of who asks to join.
	waiting string
}

func (f *fakeCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method != http.MethodGet {
		f.order(w, r)
		return
	}
	switch r.URL.Path {
	case "/api/v1/nodes":
		fmt.Fprint(w, f.nodes())
	case "/api/v1/status":
		fmt.Fprintf(w, `{"node":{"name":"attic","state":"alive","version":"1"},"cluster":{"id":"c","nodes":3,"alive":2,"copies":2},
			"library":{},"repair":%s,"viewers":[],"ingest":[],"warnings":[{"code":"node_dead","message":"cellar does not answer."}]}`, f.next(f.repairs))
	case "/api/v1/repair/plan":
		fmt.Fprintf(w, `{"chunks":7,"bytes":7000000,"moves":[{"from":%q,"to":%q,"chunks":7,"bytes":7000000}],
			"surplus_chunks":1,"surplus_bytes":1000,"lost_chunks":2,"silent":[%q]}`, atticID, barnID, cellarID)
	default:
		f.t.Errorf("asked for %s", r.URL)
	}
}

func (f *fakeCluster) order(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Authorization") != "Bearer secret" {
		f.t.Errorf("%s %s: %v, token %q", r.Method, r.URL, err, r.Header.Get("Authorization"))
	}
	f.orders = append(f.orders, strings.TrimSpace(r.Method+" "+r.URL.String()+" "+string(body)))
	switch {
	case f.refuse != "":
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintf(w, `{"error":{"code":%q,"message":"The node says no."}}`, f.refuse)
	case r.URL.Path == "/api/v1/invites":
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"link":"shoal://join/1/AAAA","expires":"2026-11-25T19:30:00Z"}`)
	case strings.HasSuffix(r.URL.Path, "/drain"):
		fmt.Fprint(w, f.barn())
	case r.URL.Path == "/api/v1/repair":
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, f.next(f.repairs))
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// next is what is seen at the next look.
func (f *fakeCluster) next(states []string) string {
	if len(states) == 0 {
		return "null"
	}
	f.looks++
	return states[min(f.looks, len(states))-1]
}

func (f *fakeCluster) barn() string {
	return fmt.Sprintf(`{"id":%q,"name":"barn","state":"alive","zone":"yard","used":1000,"capacity":2000,"free":1000,"last_seen":%q,"drain":%s}`,
		barnID, time.Now().Format(time.RFC3339), f.next(f.draining))
}

func (f *fakeCluster) nodes() string {
	waiting := f.waiting
	if waiting == "" {
		waiting = "[]"
	}
	return fmt.Sprintf(`{"nodes":[{"id":%q,"name":"attic","self":true,"state":"alive"},%s,
		{"id":%q,"name":"cellar","state":"dead","last_seen":%q},{"id":"gone","name":"gone","state":"removed"}],"waiting":%s}`,
		atticID, f.barn(), cellarID, time.Now().Add(-200*time.Minute).Format(time.RFC3339), waiting)
}

// command runs a command line against the cluster.
func (f *fakeCluster) command(t *testing.T, line string, change ...func(*app)) (stdout, stderr *bytes.Buffer, code int) {
	t.Helper()
	f.t = t
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	a, stdout, stderr := testApp(t, map[string]string{"SHOAL_TOKEN": "secret", "SHOAL_NODE": server.URL})
	for _, c := range change {
		c(a)
	}
	return stdout, stderr, run(context.Background(), strings.Fields(line), a)
}

func TestCommandsForSeveralMachinesAskTheNodeAndSayWhatBecameOfIt(t *testing.T) {
	const waiting = `[{"id":"12D3KooWNew","name":"barn","code":"1234-5678","address":"192.168.1.9:9004"}]`
	half, safe := `{"progress":0.5,"bytes_left":100,"safe":false}`, `{"progress":1,"safe":true}`
	idle := `{"state":"idle"}`
	cases := []struct {
		name, line string
		cluster    *fakeCluster
		order      string
		stdout     string
		stderr     string
		code       int
	}{
		{"an invite", "invite", &fakeCluster{}, `POST /api/v1/invites {"expires":86400}`, "shoal://join/1/AAAA\n", "shoal serve --join 'LINK'", exitOK},
		{"a short invite", "invite --expires 90s", &fakeCluster{}, `POST /api/v1/invites {"expires":90}`, "shoal://join/1/AAAA\n", "works once, until ", exitOK},
		{"draining this node", "drain", &fakeCluster{}, "POST /api/v1/nodes/" + atticID + `/drain {"undo":false}`, "The others take over what attic keeps.", "", exitOK},
		{"draining by name", "drain barn --wait", &fakeCluster{draining: []string{"null", half, half, safe}}, "POST /api/v1/nodes/" + barnID + `/drain {"undo":false}`, "Safe to switch off.\n", "", exitOK},
		{"draining what is drained", "drain barn", &fakeCluster{draining: []string{safe}}, "POST /api/v1/nodes/" + barnID + `/drain {"undo":false}`, "Safe to switch off.\n", "", exitOK},
		{"draining that is taken back", "drain barn --wait", &fakeCluster{draining: []string{"null", half, "null"}}, "POST /api/v1/nodes/" + barnID + `/drain {"undo":false}`, "", "taken back meanwhile", exitTrouble},
		{"undoing it", "drain barn --undo", &fakeCluster{}, "POST /api/v1/nodes/" + barnID + `/drain {"undo":true}`, "barn stays", "", exitOK},
		{"draining with nobody else", "drain", &fakeCluster{refuse: "nowhere"}, "POST /api/v1/nodes/" + atticID + `/drain {"undo":false}`, "", "The node says no.", exitTrouble},
		{"draining an unknown node", "drain loft", &fakeCluster{}, "", "", "there is no node loft", exitTrouble},
		{"draining one of two", "drain 12D3KooWBarn", &fakeCluster{}, "", "", "barn (12D3KooWBarnBa) or cellar (12D3KooWBarnCe)", exitTrouble},
		{"draining a removed node", "drain gone", &fakeCluster{}, "", "", "there is no node gone", exitTrouble},
		{"removing", "remove cellar", &fakeCluster{}, "DELETE /api/v1/nodes/" + cellarID, "cellar belongs to the cluster no more.", "", exitOK},
		{"removing by force", "remove 12D3KooWBarnBa --force", &fakeCluster{}, "DELETE /api/v1/nodes/" + barnID + "?force=true", "barn belongs", "", exitOK},
		{"removing what is in use", "remove barn", &fakeCluster{refuse: "node_in_use"}, "DELETE /api/v1/nodes/" + barnID, "", "shoal drain barn first, or --force", exitTrouble},
		{"removing itself", "remove attic", &fakeCluster{refuse: "this_node"}, "DELETE /api/v1/nodes/" + atticID, "", "on another machine", exitTrouble},
		{"nobody asks to join", "approve", &fakeCluster{}, "", "No machine asks to join.", "", exitOK},
		{"somebody asks to join", "approve", &fakeCluster{waiting: waiting}, "", "1234-5678  barn  192.168.1.9:9004", "", exitOK},
		{"letting it in", "approve 1234-5678", &fakeCluster{waiting: waiting}, "POST /api/v1/nodes/12D3KooWNew/approve", "barn joins.", "", exitOK},
		{"letting it in by its name", "approve barn", &fakeCluster{waiting: waiting}, "", "", "a name is not enough", exitTrouble},
		{"letting in nobody", "approve 9", &fakeCluster{waiting: waiting}, "", "", "no machine with the code 9", exitTrouble},
		{"a repair", "repair", &fakeCluster{repairs: []string{`{"state":"running","queued_chunks":3,"bytes_left":3000,"eta_seconds":65}`}}, "POST /api/v1/repair", "Repair: running, 3 chunks left (3.0 kB), about 1:05.", "", exitOK},
		{"waiting for a repair", "repair --wait", &fakeCluster{repairs: []string{`{"state":"waiting"}`, `{"state":"running","bytes_left":9}`, idle}}, "POST /api/v1/repair", "Every chunk has its copies.", "", exitOK},
		{"a repair that cannot do it all", "repair --wait", &fakeCluster{repairs: []string{`{"state":"idle","under_copied":1}`}}, "POST /api/v1/repair", "", "1 chunk with fewer than wanted.", exitTrouble},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			stdout, stderr, code := c.cluster.command(t, c.line)
			if code != c.code || !strings.Contains(stdout.String(), c.stdout) || c.stdout == "" && stdout.Len() > 0 || !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("exit code %d, want %d; says\n%swarns\n%s", code, c.code, stdout, stderr)
			}
			if got := strings.Join(c.cluster.orders, "\n"); got != c.order {
				t.Errorf("ordered %q, want %q", got, c.order)
			}
		})
	}
}

func TestAnInviteIsAloneOnStandardOutput(t *testing.T) {
	stdout, stderr, _ := new(fakeCluster).command(t, "invite")
	if stdout.String() != "shoal://join/1/AAAA\n" || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("says %q and beside it %q", stdout, stderr)
	}
}

func TestOnATerminalDrainingIsFollowedWithABar(t *testing.T) {
	f := &fakeCluster{draining: []string{"null", `{"progress":0.25,"safe":false}`, `{"progress":1,"safe":true}`}}
	stdout, stderr, code := f.command(t, "drain barn", func(a *app) { a.stderrTTY = true })
	if code != exitOK || stdout.String() != "Safe to switch off.\n" || !strings.Contains(stderr.String(), "drain barn") || !strings.Contains(stderr.String(), "100%") {
		t.Errorf("exit code %d, says %q, draws %q", code, stdout, stderr)
	}
}

func TestOnlyTheAdminIsToldThatNobodyAsksToJoin(t *testing.T) {
	f := new(fakeCluster)
	_, stderr, code := f.command(t, "approve", func(a *app) { a.lookupEnv = without(a.lookupEnv, "SHOAL_TOKEN") })
	if code != exitTrouble || !strings.Contains(stderr.String(), "only the admin") {
		t.Errorf("exit code %d, says %q", code, stderr)
	}
}

func without(lookup func(string) (string, bool), name string) func(string) (string, bool) {
	return func(asked string) (string, bool) {
		if asked == name {
			return "", false
		}
		return lookup(asked)
	}
}

func TestStatusListsTheNodes(t *testing.T) {
	f := &fakeCluster{draining: []string{`{"progress":0.5,"safe":false}`}, repairs: []string{`{"state":"held","under_copied":12}`}}
	stdout, _, code := f.command(t, "status")
	var table [][]string
	for line := range strings.Lines(stdout.String()) {
		table = append(table, strings.Fields(line))
	}
	for _, want := range []string{
		"Copies 2 wanted, 2 of 3 nodes alive", "Warning cellar does not answer.",
		"Repair held because so many nodes are gone, 12 chunks with fewer copies than wanted; shoal repair goes ahead",
		"NODE ID STATE ZONE USED FREE LAST SEEN", "attic 12D3KooWAtticA alive – 0 B of 0 B 0 B this node",
		"barn 12D3KooWBarnBa alive 50% yard 1.0 kB of 2.0 kB 1.0 kB now", "cellar 12D3KooWBarnCe dead – 0 B of 0 B 0 B 3 h ago",
	} {
		if !slices.ContainsFunc(table, func(words []string) bool { return strings.Join(words, " ") == want }) {
			t.Errorf("status lacks %q", want)
		}
	}
	if t.Failed() || code != exitOK || strings.Contains(stdout.String(), "\ngone") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
}

func TestStatusForProgramsIsWhatTheNodeSays(t *testing.T) {
	f := &fakeCluster{repairs: []string{`{"state":"idle","new":1}`}}
	stdout, _, _ := f.command(t, "status --json")
	var got struct{ Repair map[string]any }
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil || got.Repair["new"] != 1.0 {
		t.Errorf("%v:\n%s", err, stdout)
	}
}

func TestAPlanIsPrintedAndNothingIsDone(t *testing.T) {
	f := new(fakeCluster)
	stdout, _, code := f.command(t, "repair --dry-run")
	for _, want := range []string{
		"attic     barn  7       7.0 MB\n", "together        7       7.0 MB\n", "1 chunk (1.0 kB)", "no node that answers: 2 chunks", "cellar could not be asked",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the plan lacks %q", want)
		}
	}
	if t.Failed() || code != exitOK || len(f.orders) > 0 {
		t.Errorf("exit code %d, ordered %v:\n%s", code, f.orders, stdout)
	}
	stdout, _, _ = new(fakeCluster).command(t, "repair --dry-run --json")
	if !json.Valid(stdout.Bytes()) || !strings.Contains(stdout.String(), `"lost_chunks": 2`) {
		t.Errorf("for programs the plan is %s", stdout)
	}
}

func TestARepairSaysHowFarItIs(t *testing.T) {
	begins := time.Date(2026, 1, 2, 15, 4, 0, 0, time.Local)
	for want, r := range map[string]repair{
		"nothing to do":                          {State: "idle"},
		"2 chunks with fewer copies than wanted": {State: "idle", UnderCopied: 2},
		"running, 1 chunk left (1.0 MB)":         {State: "running", QueuedChunks: 1, BytesLeft: 1e6},
		"waiting for a node to come back, 1 chunk with fewer copies than wanted, begins 15:04": {State: "waiting", UnderCopied: 1, Begins: &begins},
	} {
		if got := r.text(); got != want {
			t.Errorf("%+v is %q, want %q", r, got, want)
		}
	}
}
