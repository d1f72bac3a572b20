package httpapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/httpapi"
)

type happening struct {
	ID, Code, Message string
	Time              time.Time
	Node, Video       *string
}

// happened lists the codes of the newest events, the oldest first.
func (h *house) happened() (codes []string) {
	h.t.Helper()
	list := decode[struct{ Events []happening }](h.t, h.asks("GET", "/api/v1/events?limit=256", "", "Accept", "application/json").Body)
	for _, e := range list.Events {
		codes = append(codes, e.Code)
	}
	slices.Reverse(codes)
	return codes
}

func TestChangesOfTheClusterBecomeEvents(t *testing.T) {
	state := func(id string, s httpapi.NodeState) func(*nodes) {
		return func(n *nodes) {
			for i := range n.members {
				if n.members[i].ID == id {
					n.members[i].State = s
				}
			}
		}
	}
	drain := func(d *httpapi.Drain) func(*nodes) { return func(n *nodes) { n.members[1].Drain = d } }
	repair := func(s httpapi.RepairState, under int64) func(*nodes) {
		return func(n *nodes) { n.repair = httpapi.Repair{State: s, UnderCopied: under} }
	}
	for _, c := range []struct {
		name    string
		changes []func(*nodes)
		want    string
	}{
		{"nothing happens", []func(*nodes){func(*nodes) {}}, ""},
		{"one joins", []func(*nodes){func(n *nodes) { n.members = append(n.members, barn()) }}, "node_joined"},
		{"one is slow", []func(*nodes){state("node-two", "suspect"), state("node-two", "alive")}, "node_suspect node_back"},
		{"one dies and comes back", []func(*nodes){state("node-two", "suspect"), state("node-two", "dead"), state("node-two", "alive")}, "node_suspect node_dead node_back"},
		{"one is removed", []func(*nodes){state("node-two", "dead"), state("node-two", "removed"), func(n *nodes) { n.members = n.members[:1] }}, "node_dead node_removed"},
		{"one vanishes from the list", []func(*nodes){func(n *nodes) { n.members = n.members[:1] }}, "node_removed"},
		{"one is emptied", []func(*nodes){drain(&httpapi.Drain{}), drain(&httpapi.Drain{Progress: 0.5}), drain(&httpapi.Drain{Safe: true}), drain(nil)}, "node_draining node_drained node_kept"},
		{"an empty one is drained", []func(*nodes){drain(&httpapi.Drain{Safe: true})}, "node_drained"},
		{"copies are missing", []func(*nodes){repair("waiting", 4), repair("running", 4), repair("idle", 0)}, "repair_waiting under_copied repair_began repair_ended fully_copied"},
		{"half are gone", []func(*nodes){repair("held", 4), repair("idle", 4)}, "repair_held under_copied"},
	} {
		cluster := newNodes(attic())
		h := newHouse(t, cluster.join)
		look := h.Watch()
		for _, change := range c.changes {
			cluster.set(change)
			look()
		}
		if got := strings.Join(h.happened(), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestANodeAloneSaysNothingOfCopies(t *testing.T) {
	cluster := newNodes()
	h := newHouse(t, cluster.join)
	look := h.Watch()
	cluster.set(func(n *nodes) { n.repair.UnderCopied = 9 })
	look()
	if got := h.happened(); len(got) > 0 {
		t.Errorf("happened: %v", got)
	}
}

func TestVideosThatAreReadyOrFailedBecomeEvents(t *testing.T) {
	h := newHouse(t)
	look := h.Watch()
	h.clock.move(time.Second)
	quick := h.addFilm("Quick.mkv")
	work := h.accepted("broken.mkv")
	look()
	if err := h.library.Fail(t.Context(), work, "not_a_video", "no"); err != nil {
		t.Fatal(err)
	}
	if err := h.library.Trash(t.Context(), h.film.id); err != nil {
		t.Fatal(err)
	}
	h.clock.move(time.Second)
	look()
	if _, err := h.library.Restore(t.Context(), h.film.id); err != nil {
		t.Fatal(err)
	}
	look()
	look()
	list := decode[struct{ Events []happening }](t, h.asks("GET", "/api/v1/events", "", "Accept", "application/json").Body).Events
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	failed, ready := list[0], list[1]
	if ready.Code != "video_ready" || ready.Message != "“Quick” is ready to watch." || *ready.Video != string(quick.id) || ready.Node != nil {
		t.Errorf("ready: %+v", ready)
	}
	if failed.Code != "video_failed" || *failed.Video != string(work) || !failed.Time.Equal(h.clock.now()) {
		t.Errorf("failed: %+v", failed)
	}
}

func TestTheListOfEventsIsBounded(t *testing.T) {
	cluster := newNodes(attic())
	h := newHouse(t, cluster.join)
	look := h.Watch()
	for i := range 400 {
		cluster.set(func(n *nodes) { n.members[1].State = []httpapi.NodeState{httpapi.NodeSuspect, httpapi.NodeAlive}[i%2] })
		look()
	}
	if got := len(h.happened()); got != 256 {
		t.Errorf("%d are kept", got)
	}
	if got := len(decode[struct{ Events []happening }](t, h.asks("GET", "/api/v1/events", "", "Accept", "application/json").Body).Events); got != 20 {
		t.Errorf("%d are listed", got)
	}
	for _, limit := range []string{"0", "257", "many"} {
		want(t, h.asks("GET", "/api/v1/events?limit="+limit, "", "Accept", "application/json"), http.StatusBadRequest, "bad_query")
	}
}

// listener reads server-sent events.
type listener struct {
	t     testing.TB
	lines *bufio.Reader
}

// listens asks for the stream of events over a connection of its own.
func (p *pipes) listens(t testing.TB, after string) (*listener, *client) {
	t.Helper()
	c := p.dial(t)
	c.says("GET /api/v1/events", "Last-Event-ID: "+after)
	answer := c.hears()
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" || answer.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("answer %d with %v", answer.StatusCode, answer.Header)
	}
	return &listener{t, bufio.NewReader(answer.Body)}, c
}

// next returns the next event, and how many comments came before it.
func (s *listener) next() (e happening, comments int) {
	s.t.Helper()
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			s.t.Fatalf("read event: %v", err)
		}
		if data, found := strings.CutPrefix(line, "data: "); found {
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				s.t.Fatal(err)
			}
			return e, comments
		}
		if strings.HasPrefix(line, ":") {
			comments++
		}
	}
}

// listening runs a test with a house that serves at pipes, in a time of its own.
func listening(t *testing.T, cluster *nodes, test func(t *testing.T, h *house, p *pipes, stop func() error)) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, cluster.join, func(cfg *httpapi.Config) { cfg.Now = time.Now })
		p := newPipes()
		test(t, h, p, h.serveOn(p))
	})
}

// blinks makes a node suspect and back, and waits until both were seen.
func (n *nodes) blinks() {
	for _, s := range []httpapi.NodeState{httpapi.NodeSuspect, httpapi.NodeAlive} {
		n.set(func(n *nodes) { n.members[1].State = s })
		time.Sleep(3 * time.Second)
	}
}

// blinksAfter is blinks in the background.
func (n *nodes) blinksAfter(t *testing.T, wait time.Duration) {
	var background sync.WaitGroup
	background.Go(func() {
		time.Sleep(wait)
		n.blinks()
	})
	t.Cleanup(background.Wait)
}

func TestEventsArriveWhileTheyHappenAndTheStreamSaysThatItGoesOn(t *testing.T) {
	cluster := newNodes(attic())
	listening(t, cluster, func(t *testing.T, _ *house, p *pipes, _ func() error) {
		s, _ := p.listens(t, "")
		cluster.blinksAfter(t, time.Minute)
		first, comments := s.next()
		if first.Code != "node_suspect" || *first.Node != "node-two" || first.Message != "attic-pc does not answer. Perhaps it is only busy." {
			t.Errorf("%+v", first)
		}
		if comments < 4 { // one at the beginning, then each 15 seconds
			t.Errorf("%d comments in a silent minute", comments)
		}
		if second, _ := s.next(); second.Code != "node_back" || second.ID == first.ID {
			t.Errorf("%+v", second)
		}
	})
}

func TestAListenerGoesOnWhereItWas(t *testing.T) {
	cluster := newNodes(attic())
	listening(t, cluster, func(t *testing.T, _ *house, p *pipes, _ func() error) {
		s, c := p.listens(t, "")
		cluster.blinksAfter(t, 0)
		first, _ := s.next()
		_ = c.Close() // the connection breaks
		time.Sleep(time.Minute)
		s, _ = p.listens(t, first.ID)
		if second, _ := s.next(); second.Code != "node_back" {
			t.Errorf("%+v", second)
		}
		for _, unknown := range []string{"otherlife-5", "garbage", strings.Split(first.ID, "-")[0] + "-99", strings.Split(first.ID, "-")[0] + "--1"} {
			s, _ = p.listens(t, unknown)
			if again, _ := s.next(); again.ID != first.ID {
				t.Errorf("after %s: %+v", unknown, again)
			}
		}
	})
}

func TestAStreamEndsWhenTheNodeStops(t *testing.T) {
	listening(t, newNodes(attic()), func(t *testing.T, h *house, p *pipes, stop func() error) {
		_, c := p.listens(t, "")
		var reading sync.WaitGroup
		reading.Go(func() {
			if !c.ended() {
				t.Error("the stream was cut off")
			}
		})
		began := time.Now()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Second { // of the test's own time: nothing was waited for
			t.Errorf("stopping took %s", took)
		}
		reading.Wait()
	})
}

func TestAListenerThatReadsNothingIsGivenUpAndHoldsUpNobody(t *testing.T) {
	cluster := newNodes(attic())
	listening(t, cluster, func(t *testing.T, h *house, p *pipes, _ func() error) {
		for range 64 {
			c := p.dial(t)
			c.says("GET /api/v1/events")
			c.hears() // and nothing after the head
		}
		c := p.dial(t)
		c.says("GET /api/v1/events")
		if answer := c.hears(); answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
			t.Errorf("the 65th listener: %d", answer.StatusCode)
		}
		for range 10 {
			cluster.blinks()
		}
		if got := len(h.happened()); got != 20 {
			t.Errorf("%d events", got)
		}
		time.Sleep(time.Minute) // the silent ones are cut off
		s, _ := p.listens(t, "")
		cluster.blinksAfter(t, 0)
		if e, _ := s.next(); e.Code != "node_suspect" {
			t.Errorf("%+v", e)
		}
	})
}

func TestAHeadOfTheStreamEnds(t *testing.T) {
	w := newHouse(t).asks("HEAD", "/api/v1/events", "")
	if want(t, w, http.StatusOK); w.Header().Get("Content-Type") != "text/event-stream" {
		t.Errorf("%v", w.Header())
	}
}

func TestTitlesDoNotBreakTheStream(t *testing.T) {
	h := newHouse(t)
	look := h.Watch()
	h.clock.move(time.Second)
	film := h.addFilm("x.mkv")
	if _, err := h.library.Rename(t.Context(), film.id, `</script> "data: {}" \n`); err != nil {
		t.Fatal(err)
	}
	look()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.serveOn(l)
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+l.Addr().String()+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", "all of them")
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	s := &listener{t, bufio.NewReader(answer.Body)}
	e, _ := s.next()
	if diff := cmp.Diff(fmt.Sprintf("“%s” is ready to watch.", `</script> "data: {}" \n`), e.Message); diff != "" {
		t.Error(diff)
	}
	if line, err := s.lines.ReadString('\n'); line != "\n" || err != nil {
		t.Errorf("behind the event comes %q, %v", line, err)
	}
}
