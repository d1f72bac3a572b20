package swarm_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/swarm"
)

// golden is an entry of testdata/protocol/messages.json.
type golden struct {
	Name, Direction, Text, Means, Why string
	Canonical                         bool
	Message                           map[string]any
}

func readGolden(t testing.TB, file string) []golden {
	t.Helper()
	text, err := os.ReadFile("../../testdata/protocol/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("%s has only %d entries", file, len(all))
	}
	return all
}

// asJSON returns what a JSON text says.
func asJSON(t testing.TB, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// onWire turns the runs in a decoded message, which are objects there, into the arrays that they are when sent.
func onWire(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if count, isRun := v["count"]; isRun {
			return []any{v["rendition"], v["first"], count}
		}
		wire := map[string]any{}
		for name, member := range v {
			wire[name] = onWire(member)
		}
		return wire
	case []any:
		for i := range v {
			v[i] = onWire(v[i])
		}
	}
	return v
}

func TestMessagesOfViewersAreReadAsTheyAreMeant(t *testing.T) {
	for _, g := range readGolden(t, "messages.json") {
		if g.Direction != "viewer" {
			continue
		}
		m, err := swarm.Decode([]byte(g.Text))
		if err != nil {
			t.Errorf("%s: %v", g.Name, err)
			continue
		}
		if diff := cmp.Diff(onWire(g.Message), asJSON(t, swarm.Encode(m))); diff != "" {
			t.Errorf("%s (-file +read):\n%s", g.Name, diff)
		}
	}
}

func TestMessagesOfRoomsAreWrittenAsTheyAreMeant(t *testing.T) {
	const a, b = "mzxw6ytboi2a", "abcdefgh2345"
	const epoch = 1795000000123
	candidate := `{"candidate":"candidate:1 1 udp 2122260223 192.168.1.7 51234 typ host","sdpMid":"0","sdpMLineIndex":0}`
	written := map[string]swarm.Message{
		"welcome": &swarm.Welcome{Viewer: a, Epoch: epoch, Viewers: 6, StateMS: 2000, HaveMS: 500, LeaseMS: 8000},
		"room":    &swarm.RoomSize{Viewers: 7},
		"peers come and go": &swarm.Peers{Add: []swarm.Peer{{Viewer: b, Name: "Küche 📺", Near: true, Offer: true}, {Viewer: "zzzzzzzzzzzz"}},
			Remove: []swarm.ID{"234567abcdef"}},
		"peers go":         &swarm.Peers{Remove: []swarm.ID{b}},
		"signal offer":     &swarm.Signalled{From: b, Kind: "offer", Data: "v=0\r\n"},
		"signal answer":    &swarm.Signalled{From: b, Kind: "answer", Data: "v=0\r\n"},
		"signal candidate": &swarm.Signalled{From: b, Kind: "candidate", Data: candidate},
		"signal bye":       &swarm.Signalled{From: b, Kind: "bye"},
		"leases": &swarm.Leases{Epoch: epoch, Granted: swarm.Runs{{Rendition: "v0", First: 30, Count: 2}},
			Held:  swarm.Runs{{Rendition: "v0", First: 32, Count: 1}},
			Ready: swarm.Runs{{Rendition: "v0", First: 33, Count: 1}, {Rendition: "a0", First: 7, Count: 1}}},
		"a lease that fell to this viewer": &swarm.Leases{Epoch: epoch, Granted: swarm.Runs{{Rendition: "v0", First: 32, Count: 1}}},
		"banned":                           &swarm.PeerBanned{Peer: b},
	}
	for _, g := range readGolden(t, "messages.json") {
		if g.Direction != "room" || !g.Canonical {
			continue
		}
		m := written[g.Name]
		if m == nil {
			t.Errorf("nothing is written for %q", g.Name)
			continue
		}
		delete(written, g.Name)
		if diff := cmp.Diff(asJSON(t, []byte(g.Text)), asJSON(t, swarm.Encode(m))); diff != "" {
			t.Errorf("%s (-file +written):\n%s", g.Name, diff)
		}
	}
	if len(written) > 0 {
		t.Errorf("the file lacks %v", reflect.ValueOf(written).MapKeys())
	}
}

func TestBadMessagesAreRefused(t *testing.T) {
	for _, g := range readGolden(t, "bad-messages.json") {
		if g.Direction != "viewer" {
			continue
		}
		if m, err := swarm.Decode([]byte(g.Text)); err == nil {
			t.Errorf("%s: read as %+v, but %s", g.Name, m, g.Why)
		}
	}
	if _, err := swarm.Decode([]byte("{\"t\":\"share\",\"share\":\"all\",\"x\":\"\xff\"}")); err == nil {
		t.Error("a text that is no UTF-8 was read")
	}
}

func FuzzDecode(f *testing.F) {
	for _, file := range []string{"messages.json", "bad-messages.json"} {
		for _, g := range readGolden(f, file) {
			f.Add([]byte(g.Text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > swarm.MaxMessage {
			return
		}
		m, err := swarm.Decode(text)
		if err != nil {
			return
		}
		// What was read is within all limits, so it can be written and read again.
		again, err := swarm.Decode(swarm.Encode(m))
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Errorf("%s: %+v, then %+v, %v", text, m, again, err)
		}
	})
}

func TestATicketIsGoodForItsVideoOnly(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	tickets := swarm.NewTickets(key, strings.NewReader(strings.Repeat("some random bytes", 10)))
	_, ticket := tickets.Issue("film")
	id, ok := tickets.Open(ticket, "film")
	if _, valid := swarm.ParseID(string(id)); !ok || !valid || !strings.HasPrefix(ticket, string(id)+".") {
		t.Fatalf("ticket %q opens as %q, %v", ticket, id, ok)
	}
	_, second := tickets.Issue("film")
	if second == ticket {
		t.Error("two viewers have the same ticket")
	}
	_, proof, _ := strings.Cut(second, ".")
	for name, bad := range map[string]string{
		"nothing": "", "no proof": string(id), "an empty proof": string(id) + ".", "another's proof": string(id) + "." + proof,
		"more": ticket + "A", "an id in capitals": strings.ToUpper(ticket[:12]) + ticket[12:], "a proof alone": ticket[12:],
	} {
		if _, ok := tickets.Open(bad, "film"); ok {
			t.Errorf("%s: %q is good", name, bad)
		}
	}
	if _, ok := tickets.Open(ticket, "other"); ok {
		t.Error("the ticket is good for another video")
	}
}

func TestATicketOutlivesTheNodeAndIsKnownToBeOld(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	before := swarm.NewTickets(key, strings.NewReader(strings.Repeat("a", 100)))
	after := swarm.NewTickets(key, strings.NewReader(strings.Repeat("b", 100)))
	_, ticket := before.Issue("film")
	id, ok := after.Open(ticket, "film")
	if !ok || !after.Returns(id) || before.Returns(id) {
		t.Errorf("opened %v, returns %v after and %v before the restart", ok, after.Returns(id), before.Returns(id))
	}
	if _, ok := swarm.NewTickets([]byte("another key"), strings.NewReader(strings.Repeat("c", 100))).Open(ticket, "film"); ok {
		t.Error("a ticket of another node is good")
	}
}
