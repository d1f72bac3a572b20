package cluster_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shoal/internal/cluster"
	"shoal/internal/placement"
)

// stranger is somebody who knows where a node is, and nothing else.
func stranger(t testing.TB, name string, of *node) *cluster.Stranger {
	t.Helper()
	s, err := cluster.NewStranger(keyOf(name), of.ID(), of.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestJoiningBringsWhatTheOtherGives(t *testing.T) {
	type newcomer struct {
		id    placement.NodeID
		facts string
	}
	came, admitted := make(chan newcomer, 1), make(chan placement.NodeID, 1)
	a := start(t, func(c *cluster.Config) {
		c.Welcome = func(_ context.Context, id placement.NodeID, facts []byte) ([][]byte, error) {
			came <- newcomer{id, string(facts)}
			return [][]byte{[]byte("rows"), bytes.Repeat([]byte{1}, 1<<20)}, nil
		}
		c.Admitted = func(_ context.Context, c *cluster.Certificate) error { admitted <- c.Node(); return nil }
	})
	b := start(t, func(c *cluster.Config) { c.Name = "attic" })
	w := b.join(t, a)
	if len(w.Blobs) != 2 || string(w.Blobs[0]) != "rows" || len(w.Blobs[1]) != 1<<20 {
		t.Errorf("%d pieces", len(w.Blobs))
	}
	if got, want := <-came, (newcomer{b.ID(), "facts of attic"}); got != want {
		t.Errorf("welcomed %v, want %v", got, want)
	}
	if got := <-admitted; got != b.ID() {
		t.Errorf("admitted %s", got)
	}
}

func TestAnInviteWorksOnceButForWhomItWorkedAgain(t *testing.T) {
	a := start(t)
	link := a.invite(t)
	eve, ben := stranger(t, "eve", a), stranger(t, "ben", a)
	first, err := eve.Join(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ben.Join(t.Context(), link); !errors.Is(err, cluster.ErrUsedInvite) {
		t.Errorf("the second: %v", err)
	}
	// Her first answer may have been lost.
	again, err := eve.Join(t.Context(), link)
	if err != nil || again.Serial() != first.Serial() {
		t.Errorf("the first again: %v", err)
	}
	r, err := a.Members().Removal(eve.ID())
	if err != nil {
		t.Fatal(err)
	}
	a.Members().Remove(r)
	if _, err := stranger(t, "eve", a).Join(t.Context(), link); !errors.Is(err, cluster.ErrUsedInvite) {
		t.Errorf("after she was removed: %v", err)
	}
}

func TestAnInviteIsUsedOnceAlsoWhenManyUseItTogether(t *testing.T) {
	a := start(t)
	link := a.invite(t)
	var in atomic.Int32
	var all sync.WaitGroup
	for i := range 2 {
		s := stranger(t, fmt.Sprint("stranger ", i), a)
		all.Go(func() {
			if _, err := s.Join(t.Context(), link); err == nil {
				in.Add(1)
			} else if !errors.Is(err, cluster.ErrUsedInvite) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d joined", in.Load())
	}
}

func TestInvitesSurviveARestart(t *testing.T) {
	a := start(t)
	used, fresh := a.invite(t), a.invite(t)
	if _, err := stranger(t, "ben", a).Join(t.Context(), used); err != nil {
		t.Fatal(err)
	}
	a.restart(t)
	if _, err := stranger(t, "cyd", a).Join(t.Context(), used); !errors.Is(err, cluster.ErrUsedInvite) {
		t.Errorf("the used one: %v", err)
	}
	if _, err := stranger(t, "dot", a).Join(t.Context(), fresh); err != nil {
		t.Errorf("the other: %v", err)
	}
}

func TestSecretsAreNotKept(t *testing.T) {
	a := start(t)
	link := a.invite(t)
	secret := cluster.SecretOf(link)
	a.records.mu.Lock()
	defer a.records.mu.Unlock()
	for bucket, values := range a.records.data {
		for key, value := range values {
			if bytes.Contains(value, secret) || strings.Contains(key, string(secret)) {
				t.Errorf("it lies in %s", bucket)
			}
		}
	}
}

// wrongly returns why a node may not join.
func wrongly(t *testing.T, n *node, link string) error {
	t.Helper()
	w, err := n.Join(t.Context(), link, nil)
	if err == nil {
		t.Fatalf("joined %v", w)
	}
	return err
}

func TestWhoMayNotJoinIsToldWhy(t *testing.T) {
	var clock atomic.Int64
	a, b := start(t, func(c *cluster.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(clock.Load())) }
	}), start(t)
	unknown, short := a.invite(t), a.invite(t)
	for key := range a.records.data["invites"] {
		if key == cluster.KeyOf(unknown) {
			delete(a.records.data["invites"], key)
		}
	}
	if err := wrongly(t, b, unknown); !errors.Is(err, cluster.ErrUnknownInvite) {
		t.Errorf("one that is not known: %v", err)
	}
	if err := wrongly(t, a, a.invite(t)); !errors.Is(err, cluster.ErrOwnInvite) {
		t.Errorf("one of its own: %v", err)
	}
	if err := wrongly(t, b, "shoal"); !errors.Is(err, cluster.ErrNotLink) {
		t.Errorf("no link: %v", err)
	}
	clock.Store(int64(2 * time.Hour))
	if err := wrongly(t, b, short); !errors.Is(err, cluster.ErrExpired) {
		t.Errorf("an expired one: %v", err)
	}
	clock.Store(0)
	b.join(t, a)
	if err := wrongly(t, b, a.invite(t)); !errors.Is(err, cluster.ErrAlreadyMember) {
		t.Errorf("a member: %v", err)
	}
	elsewhere := start(t)
	if err := wrongly(t, b, elsewhere.invite(t)); !errors.Is(err, cluster.ErrHasCluster) {
		t.Errorf("who has others: %v", err)
	}
	// The inviter has gone over to another cluster since.
	moved, c := start(t), start(t)
	link := moved.invite(t)
	moved.join(t, elsewhere)
	if err := wrongly(t, c, link); !errors.Is(err, cluster.ErrOtherCluster) {
		t.Errorf("an invite of another cluster: %v", err)
	}
	moved.stop(t)
	if err := wrongly(t, c, link); !errors.Is(err, cluster.ErrUnreachable) {
		t.Errorf("of a node that is off: %v", err)
	}
}

func TestTheLinkOfOneNodeIsNotAnsweredByAnother(t *testing.T) {
	a, b, c := start(t), start(t), start(t)
	if err := wrongly(t, b, cluster.Redirect(a.invite(t), c.Addresses()[0])); !errors.Is(err, cluster.ErrUnreachable) {
		t.Errorf("%v", err)
	}
}

func TestNobodyIsTakenInWhenItCannotBeKept(t *testing.T) {
	a, b := start(t), start(t)
	link := a.invite(t)
	a.records.failWith(errors.New("no room"))
	if err := wrongly(t, b, link); !errors.Is(err, cluster.ErrLater) || a.Members().Has(b.ID()) {
		t.Errorf("%v", err)
	}
	a.records.failWith(nil)
	if _, err := b.Join(t.Context(), link, nil); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestAnyMemberMayInvite(t *testing.T) {
	a, b, c := start(t), start(t), start(t)
	b.join(t, a)
	c.join(t, b)
	// a learns of c when that says hello.
	c.echo(t, a)
	if got, is := a.Members().Certificate(c.ID()); !is || got.Issuer() != b.ID() {
		t.Errorf("%+v", got)
	}
	a.echo(t, c)
}

func TestAStrangerGetsNothingButJoining(t *testing.T) {
	a := start(t)
	eve := stranger(t, "eve", a)
	for _, protocol := range []string{"/shoal/echo/1", "/shoal/none/1", "/ipfs/id/1.0.0", "/multistream/1.0.0"} {
		c, err := eve.Open(t.Context(), protocol)
		if err == nil {
			_, err = c.Read(make([]byte, 1))
			c.Close()
		}
		if !errors.Is(err, cluster.ErrRefused) {
			t.Errorf("%s: %v", protocol, err)
		}
	}
	if err := eve.Hello(t.Context(), chain(t, "elsewhere", "eve").Encode()); !errors.Is(err, cluster.ErrOtherCluster) {
		t.Errorf("with a certificate of another cluster: %v", err)
	}
	own, _ := a.Members().Certificate(a.ID())
	for name, certificate := range map[string][]byte{"another's": own.Encode(), "no": nil, "half a": own.Encode()[:40]} {
		if err := eve.Hello(t.Context(), certificate); !errors.Is(err, cluster.ErrInvalid) {
			t.Errorf("with %s certificate: %v", name, err)
		}
	}
	if _, err := a.Dial(t.Context(), eve.ID(), "/shoal/echo/1"); !errors.Is(err, cluster.ErrNotMember) {
		t.Errorf("dialling her: %v", err)
	}
}

func TestARemovedNodeIsCutOffAndComesBackOnlyByANewInvite(t *testing.T) {
	a, b, c := trio(t)
	old, _ := b.Members().Certificate(b.ID())
	s := b.dial(t, c, "/shoal/echo/1")
	if _, err := s.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(s, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	r, err := a.Members().Removal(b.ID())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []*node{a, c} {
		n.Members().Remove(r)
		n.here.wait(t, b.ID(), false)
	}
	if _, err := s.Read(make([]byte, 1)); err == nil {
		t.Error("its stream lives on")
	}
	if _, err := c.Dial(t.Context(), b.ID(), "/shoal/echo/1"); !errors.Is(err, cluster.ErrNotMember) {
		t.Errorf("dialling it: %v", err)
	}
	for !b.Removed() { // until somebody has told it
		_, _ = b.Dial(t.Context(), c.ID(), "/shoal/echo/1")
	}
	b.stop(t)
	if err := c.admitAgain(old); !errors.Is(err, cluster.ErrRemoved) {
		t.Errorf("with its old certificate: %v", err)
	}
	b.open(t)
	b.join(t, a)
	introduce(t, a, b, c)
	c.echo(t, b)
	b.echo(t, c)
}

func TestARemovedNodeMayJoinAnotherCluster(t *testing.T) {
	a, b, elsewhere := start(t), start(t), start(t)
	b.join(t, a)
	a.here.wait(t, b.ID(), true)
	r, err := a.Members().Removal(b.ID())
	if err != nil {
		t.Fatal(err)
	}
	a.Members().Remove(r)
	for !b.Removed() {
		_, _ = b.Dial(t.Context(), a.ID(), "/shoal/echo/1")
	}
	b.join(t, elsewhere)
	b.echo(t, elsewhere)
	if b.Members().Has(a.ID()) {
		t.Error("it still knows the cluster before")
	}
}

func TestSilentAndOversizedNewcomersAreSentAway(t *testing.T) {
	a := start(t, func(c *cluster.Config) { c.Patience = 100 * time.Millisecond })
	for name, says := range map[string][]byte{
		"nothing":             nil,
		"half a length":       {0, 0},
		"4 GiB":               {0xff, 0xff, 0xff, 0xff},
		"a byte too many":     binary.BigEndian.AppendUint32(nil, cluster.MaxJoin+1),
		"much less than told": append(binary.BigEndian.AppendUint32(nil, cluster.MaxJoin), 1),
		"no message":          append(binary.BigEndian.AppendUint32(nil, 3), 1, 2, 3),
	} {
		s, err := stranger(t, name, a).Open(t.Context(), cluster.JoinProtocol)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write(says); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := io.Copy(io.Discard, s); errors.Is(err, cluster.ErrBusy) {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
	// The connections of strangers end too, whatever they do.
	eve := stranger(t, "eve", a)
	for eve.Connected() || true {
		c, err := eve.Open(t.Context(), cluster.JoinProtocol)
		if err != nil {
			break
		}
		if _, err := io.Copy(io.Discard, c); err != nil {
			break
		}
	}
}

func TestAFloodOfStrangersLeavesRoomForMembers(t *testing.T) {
	a, b := start(t), start(t)
	b.join(t, a)
	link := a.invite(t)
	var all sync.WaitGroup
	var turnedAway, refused atomic.Int32
	for i := range 40 {
		s := stranger(t, fmt.Sprint("flood ", i), a)
		all.Go(func() {
			switch _, err := s.Join(t.Context(), cluster.Guess(link)); {
			case errors.Is(err, cluster.ErrUnknownInvite):
				refused.Add(1)
			case err == nil:
				t.Error("a guess was right")
			default:
				turnedAway.Add(1)
			}
		})
	}
	b.echo(t, a)
	all.Wait()
	b.echo(t, a)
	if refused.Load() > 10 {
		t.Errorf("%d guesses were answered", refused.Load())
	}
	t.Logf("%d guesses answered, %d turned away", refused.Load(), turnedAway.Load())
}
