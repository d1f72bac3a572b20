package system_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"shoal/internal/node"
	"shoal/test/film"
)

// pooled is a node among others, as the API shows it.
type pooled struct {
	ID, Name, State string
	Self            bool
	Drain           *struct{ Safe bool }
}

// bootPool starts nodes that belong together and see each other.
func bootPool(t testing.TB, count int) []*machine {
	t.Helper()
	var all []*machine
	for i := range count {
		cfg := node.Config{
			Data: t.TempDir(), Name: fmt.Sprintf("box-%d", i), P2P: "127.0.0.1:0", NoMDNS: true, RepairAfter: time.Second, Capacity: 10 << 30,
		}
		if i > 0 {
			cfg.Join = all[0].invite()
		}
		all = append(all, bootWith(t, cfg))
	}
	for _, m := range all {
		await(t, "all to be alive", func() bool {
			alive := 0
			for _, n := range m.nodes() {
				if n.State == "alive" && n.Name != "" {
					alive++
				}
			}
			return alive == count
		})
	}
	return all
}

func (m *machine) invite() string {
	m.t.Helper()
	a := m.do("POST", "/api/v1/invites", strings.NewReader(`{"expires":3600}`), "Content-Type", "application/json")
	if a.status != http.StatusOK && a.status != http.StatusCreated {
		m.t.Fatalf("invite: %d %s", a.status, a.body)
	}
	return decode[struct{ Link string }](m.t, a.body).Link
}

func (m *machine) nodes() []pooled {
	m.t.Helper()
	return decode[struct{ Nodes []pooled }](m.t, m.get("/api/v1/nodes").body).Nodes
}

func (m *machine) named(name string) pooled {
	m.t.Helper()
	for _, n := range m.nodes() {
		if n.Name == name {
			return n
		}
	}
	return pooled{}
}

// await asks again and again until ok, for two minutes at most.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited for %s", what)
		}
	}
}

// lists tells whether a node has heard of a video.
func (m *machine) lists(id string) bool {
	a, err := m.try("GET", "/api/v1/videos/"+id, nil)
	return err == nil && a.status == http.StatusOK
}

// leastCopies is how many nodes that answer have the chunk of a video that the fewest have.
func (m *machine) leastCopies(id string) int {
	m.t.Helper()
	answer := decode[struct {
		Chunks []struct{ Nodes []string }
	}](m.t, m.get("/api/v1/videos/"+id+"/holders").body)
	least := len(m.nodes())
	for _, c := range answer.Chunks {
		least = min(least, len(c.Nodes))
	}
	return least
}

func aFilm(t testing.TB, seconds int) string {
	return film.Make(t, "A film.mp4", film.Source(640, 360, seconds), film.H264())
}

func TestFilmAddedOnOneNodePlaysOnAnotherWhenAThirdIsGone(t *testing.T) {
	all := bootPool(t, 3)
	a, b, c := all[0], all[1], all[2]
	v := a.ended(a.add(aFilm(t, 12)).ID)
	if v.State != "ready" || a.leastCopies(v.ID) != 2 {
		t.Fatalf("%d copies of %+v", a.leastCopies(v.ID), v)
	}
	await(t, "the film", func() bool { return c.lists(v.ID) })
	checkPlays(t, c, c.ended(v.ID), 12)
	b.stop()
	checkPlays(t, c, c.ended(v.ID), 12)
	checkPlays(t, a, a.ended(v.ID), 12)
}

func TestWhatANodeHeldThatStaysAwayIsCopiedToOthers(t *testing.T) {
	all := bootPool(t, 4)
	v := all[0].ended(all[0].add(aFilm(t, 30)).ID)
	all[3].stop()
	await(t, "two copies again", func() bool { return all[0].leastCopies(v.ID) == 2 })
	checkPlays(t, all[1], all[1].ended(v.ID), 30)
}

func TestFilmPlaysElsewhereWhileItIsPrepared(t *testing.T) {
	all := bootPool(t, 2)
	v := all[0].add(film.Make(t, "Old.mkv", film.Source(640, 360, 60), []string{"-c:v", "mpeg4", "-q:v", "5", "-c:a", "aac"}))
	other := all[1]
	await(t, "the film", func() bool { return other.lists(v.ID) })
	early := other.await(v.ID, func(v video) bool { return v.Playable })
	if early.State == "processing" && (early.Node == nil || early.Node.Name != "box-0") {
		t.Errorf("who prepares it: %+v", early.Node)
	}
	other.get("/hls/" + v.ID + "/master.m3u8")
	checkPlays(t, other, other.ended(v.ID), 60)
}

func TestDrainedNodeIsSafeToSwitchOff(t *testing.T) {
	all := bootPool(t, 3)
	v := all[0].ended(all[0].add(aFilm(t, 30)).ID)
	leaves := all[0].named("box-2")
	if a := all[0].do("POST", "/api/v1/nodes/"+leaves.ID+"/drain", nil); a.status >= 300 {
		t.Fatalf("drain: %d %s", a.status, a.body)
	}
	await(t, "it to be safe", func() bool { n := all[0].named("box-2"); return n.Drain != nil && n.Drain.Safe })
	all[2].stop()
	if got := all[0].leastCopies(v.ID); got != 2 {
		t.Errorf("%d copies", got)
	}
	if a := all[1].do("DELETE", "/api/v1/nodes/"+leaves.ID, nil); a.status >= 300 {
		t.Fatalf("remove: %d %s", a.status, a.body)
	}
	await(t, "it to be removed", func() bool { return len(all[0].nodes()) == 2 })
	checkPlays(t, all[1], all[1].ended(v.ID), 30)
}

func TestDeletedFilmIsGoneEverywhereAndStaysSo(t *testing.T) {
	all := bootPool(t, 3)
	v := all[0].ended(all[0].add(aFilm(t, 12)).ID)
	await(t, "the film", func() bool { return all[2].lists(v.ID) })
	all[1].stop() // it sleeps through the deletion
	if a := all[2].do("DELETE", "/api/v1/videos/"+v.ID+"?purge=true", nil); a.status != http.StatusNoContent {
		t.Fatalf("%d %s", a.status, a.body)
	}
	back := bootWith(t, node.Config{Data: all[1].dir, Name: "box-1", P2P: "127.0.0.1:0", NoMDNS: true})
	for _, m := range []*machine{all[0], all[2], back} {
		await(t, "it to be gone", func() bool { return !m.lists(v.ID) })
	}
}

func TestNodeThatWasAwayHearsWhatHappened(t *testing.T) {
	all := bootPool(t, 3)
	all[2].stop()
	v := all[0].ended(all[0].add(aFilm(t, 12)).ID)
	back := bootWith(t, node.Config{Data: all[2].dir, Name: "box-2", P2P: "127.0.0.1:0", NoMDNS: true})
	await(t, "the film", func() bool { return back.lists(v.ID) })
	checkPlays(t, back, back.ended(v.ID), 12)
}

func TestInviteLetsOneNodeInOnce(t *testing.T) {
	all := bootPool(t, 1)
	link := all[0].invite()
	bootWith(t, node.Config{Data: t.TempDir(), Name: "second", P2P: "127.0.0.1:0", NoMDNS: true, Join: link})
	late, err := node.Open(t.Context(), node.Config{Data: t.TempDir(), HTTP: "127.0.0.1:0", Name: "third", P2P: "127.0.0.1:0", NoMDNS: true, Join: link})
	if err == nil {
		late.Close()
		t.Fatal("an invite was used twice")
	}
	if !strings.Contains(err.Error(), "invite") {
		t.Errorf("the reason is %q", err)
	}
}

func TestRemovedNodeSaysSoAndComesBackByANewInvite(t *testing.T) {
	all := bootPool(t, 3)
	gone := all[0].named("box-2")
	remove := func() {
		if a := all[0].do("DELETE", "/api/v1/nodes/"+gone.ID+"?force=true", nil); a.status >= 300 {
			t.Fatalf("remove: %d %s", a.status, a.body)
		}
	}
	seen := func() bool { return all[0].named("box-2").State == "alive" && all[1].named("box-2").State == "alive" }
	again := func() *machine {
		return bootWith(t, node.Config{Data: all[2].dir, Name: "box-2", P2P: "127.0.0.1:0", NoMDNS: true, Join: all[0].invite()})
	}

	remove()
	await(t, "it to say so", func() bool { return strings.Contains(string(all[2].get("/api/v1/status").body), `"code":"removed"`) })
	all[2].stop()
	back := again()
	await(t, "it to be back", seen)

	back.stop()
	remove() // it does not hear of it
	again()
	await(t, "it to be back once more", seen)
}
