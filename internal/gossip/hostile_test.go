package gossip_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-msgpack/v2/codec"

	"shoal/internal/gossip"
	"shoal/internal/placement"
)

// said encodes a message as memberlist does.
func said(t testing.TB, kind byte, message any) []byte {
	t.Helper()
	text := bytes.NewBuffer([]byte{kind})
	var handle codec.MsgpackHandle
	if err := codec.NewEncoder(text, &handle).Encode(message); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// together puts messages into one.
func together(messages ...[]byte) []byte {
	text := []byte{7, byte(len(messages))}
	for _, m := range messages {
		text = binary.BigEndian.AppendUint16(text, uint16(len(m)))
	}
	return append(text, bytes.Join(messages, nil)...)
}

func framed(kind byte, body []byte) []byte {
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+1)), kind), body...)
}

type alive struct {
	Incarnation uint32
	Node        string
	Addr        []byte
	Port        uint16
	Meta        []byte
	Vsn         []uint8
}

type gone struct {
	Incarnation uint32
	Node, From  string
}

func aliveAs(id placement.NodeID, incarnation uint32) alive {
	addr, port := gossip.AddressOf(id)
	return alive{incarnation, string(id), addr, port, nil, []uint8{1, 5, 2, 0, 0, 0}}
}

// opened is a stream that a member has opened to a node, and what ends when the node's answer does.
func (c *cluster) opened(from, to placement.NodeID) (conn net.Conn, answered chan struct{}) {
	here, there := net.Pipe()
	answered = make(chan struct{})
	go func() {
		defer close(answered)
		defer there.Close()
		c.nodes[to].Serve(context.Background(), from, there)
	}()
	return here, answered
}

// say sends what a member might, and reads until the node ends it or waits for more.
func (c *cluster) say(from, to placement.NodeID, text []byte) {
	conn, answered := c.opened(from, to)
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write(text)
	time.Sleep(time.Second)
	conn.Close()
	<-answered
}

func TestNobodyBringsInStrangersOrGivesOthersAnAddress(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *cluster) {
		mad, victim, other := c.names[0], c.names[1], c.names[2]
		elsewhere := aliveAs(other, 1000)
		elsewhere.Addr = []byte{10, 0, 0, 1}
		strange := aliveAs(other, 1000)
		strange.Vsn = []uint8{5, 5, 5, 0, 0, 0}
		lying := aliveAs(other, 1000)
		lying.Meta = []byte("facts")
		for _, claim := range []alive{aliveAs("stranger", 1), elsewhere, strange, lying} {
			c.say(mad, victim, append([]byte("p"), framed(0, said(t, 4, claim))...))
		}
		time.Sleep(5 * time.Second)
		if n := len(c.nodes[victim].All()); n != 2 {
			t.Errorf("it knows %d others", n)
		}
		if s := c.nodes[victim].State("stranger"); s != gossip.Dead {
			t.Errorf("a stranger is %v", s)
		}
		time.Sleep(40 * time.Second) // an exchange of all states among them
		if !c.whole() {
			t.Error("not all see all alive")
		}
	})
}

func TestWhoIsSaidToBeDeadOrGoneRefutes(t *testing.T) {
	bubble(t, 4, func(t *testing.T, c *cluster) {
		mad, victim := c.names[0], c.names[1]
		for _, claim := range []gone{{1, string(victim), string(mad)}, {50, string(victim), string(mad)}, {90, string(victim), string(victim)}} {
			for _, id := range c.names[2:] {
				c.say(mad, id, append([]byte("p"), framed(0, said(t, 5, claim))...))
			}
			until(t, "it is alive for all", 3*time.Second, c.whole)
		}
	})
}

func TestFactsAreBelievedOfWhoTellsThem(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *cluster) {
		mad, victim := c.names[0], c.names[1]
		c.say(mad, victim, append([]byte("p"), framed(1, []byte("my own"))...))
		c.say(mad, victim, append([]byte("p"), framed(1, make([]byte, gossip.MaxFacts+1))...))
		for _, p := range c.nodes[victim].All() {
			if want := map[bool]string{true: "my own"}[p.ID == mad]; string(p.Facts) != want {
				t.Errorf("%s has the facts %q", p.ID, p.Facts)
			}
		}
	})
}

// Nothing that a member sends makes a node fall over, use much memory, or keep a stream for ever.
func TestRubbishEndsItsStreamAndNothingElse(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *cluster) {
		for name, text := range map[string][]byte{
			"nothing":             {},
			"an unknown kind":     []byte("?"),
			"an endless frame":    {'p', 0xff, 0xff, 0xff, 0xff, 0},
			"an empty frame":      {'p', 0, 0, 0, 0},
			"half a frame":        {'p', 0, 0, 0, 9, 0, 1},
			"compressed":          append([]byte("p"), framed(0, []byte{9, 1, 2, 3})...),
			"an empty packet":     append([]byte("p"), framed(0, nil)...),
			"for an application":  append([]byte("x"), said(t, 8, struct{ UserMsgLen int }{20 << 20})...),
			"a million states":    append([]byte("x"), said(t, 6, struct{ Nodes, UserStateLen int }{1 << 20, 0})...),
			"less than no states": append([]byte("x"), said(t, 6, struct{ Nodes, UserStateLen int }{-1, 0})...),
			"states and more":     append([]byte("x"), said(t, 6, struct{ Nodes, UserStateLen int }{0, 20 << 20})...),
			"states that do not come": append([]byte("x"),
				said(t, 6, struct{ Nodes, UserStateLen int }{3, 0})...),
		} {
			c.say(c.names[0], c.names[1], text)
			if !c.whole() {
				t.Errorf("%s: not all see all alive", name)
			}
		}
		conn, answered := c.opened("stranger", c.names[1])
		<-answered
		conn.Close()
	})
}

func TestSilentStreamsEnd(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *cluster) {
		for _, text := range []string{"", "p\x00\x00\x00\x09\x00", "x", "x\x06"} {
			conn, answered := c.opened(c.names[0], c.names[1])
			go func() { _, _ = io.WriteString(conn, text) }()
			begun := time.Now()
			<-answered
			if took := time.Since(begun); took > 15*time.Second {
				t.Errorf("after %q it took %v", text, took)
			}
			conn.Close()
		}
		// One that keeps opening streams has the last of them only.
		var all []chan struct{}
		for range 50 {
			conn, answered := c.opened(c.names[0], c.names[1])
			defer conn.Close()
			if _, err := conn.Write([]byte("p")); err != nil {
				t.Fatal(err)
			}
			all = append(all, answered)
			synctest.Wait()
		}
		for _, answered := range all[:49] {
			<-answered
		}
	})
}

func TestQuestionsAreAskedInOnesOwnName(t *testing.T) {
	type question struct {
		SeqNo            uint32
		Node, SourceNode string
	}
	mine, anothers := said(t, 0, question{1, "x", "me"}), said(t, 0, question{1, "x", "you"})
	for _, p := range [][]byte{mine, together(mine, []byte{2}), append([]byte{12, 0, 0, 0, 0}, together(mine)...)} {
		if !gossip.Plain("me", p) {
			t.Errorf("%x is refused", p)
		}
	}
	for _, p := range [][]byte{nil, anothers, together(mine, anothers), {7}, {7, 2, 0, 1}, {12, 0, 0, 0, 0}, together(together(together(mine))), {9}, {8}, {13}} {
		if gossip.Plain("me", p) {
			t.Errorf("%x is let through", p)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add(said(f, 0, struct{ Node, SourceNode string }{"a", "me"}))
	f.Add(together([]byte{2}, []byte{3}))
	f.Fuzz(func(t *testing.T, packet []byte) { gossip.Plain("me", packet) })
}

func FuzzReadHead(f *testing.F) {
	f.Add(said(f, 6, struct{ Nodes, UserStateLen int }{3, 0}))
	f.Fuzz(func(t *testing.T, text []byte) { _ = gossip.ReadHead(text) })
}
