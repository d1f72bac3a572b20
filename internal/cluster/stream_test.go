package cluster_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"shoal/internal/cluster"
	"shoal/internal/placement"
)

// pair returns two nodes of one cluster, connected over TCP or QUIC; what comes at /shoal/test/1 of the second is served.
func pair(t testing.TB, over string, perPeer int, serve func(ctx context.Context, from placement.NodeID, c net.Conn)) (asks, answers *node) {
	t.Helper()
	asks, answers = start(t), start(t)
	answers.join(t, asks)
	if over == "udp" {
		goOverQUIC(t, asks, answers)
	}
	answers.Handle("/shoal/test/1", perPeer, serve)
	return asks, answers
}

// goOverQUIC has two members forget how they were connected, and one find the other by QUIC.
func goOverQUIC(t testing.TB, a, b *node) {
	t.Helper()
	a.stop(t)
	b.stop(t)
	a.forget(b)
	b.forget(a)
	a.open(t)
	b.open(t)
	if _, err := a.Learn(context.Background(), b.QUICRecord()); err != nil {
		t.Fatal(err)
	}
	c := a.dial(t, b, "/shoal/echo/1")
	defer c.Close()
	if got := c.RemoteAddr().Network(); got != "udp" {
		t.Fatalf("they are connected over %s", got)
	}
}

// overBoth runs a test over both.
func overBoth(t *testing.T, test func(t *testing.T, over string)) {
	for _, over := range []string{"tcp", "udp"} {
		t.Run(over, func(t *testing.T) { test(t, over) })
	}
}

// hand returns a handler that hands its stream out and ends when told.
func hand() (serve func(context.Context, placement.NodeID, net.Conn), got chan net.Conn, end chan struct{}) {
	got, end = make(chan net.Conn), make(chan struct{})
	return func(ctx context.Context, _ placement.NodeID, c net.Conn) {
		select {
		case got <- c:
			select {
			case <-end:
			case <-ctx.Done():
			}
		case <-ctx.Done():
		}
	}, got, end
}

// gentle is the dialling side without what its Close does beyond that of others: giving the stream up.
type gentle struct{ net.Conn }

func (g gentle) Close() error {
	_ = g.Conn.(interface{ CloseWrite() error }).CloseWrite() // over QUIC it is an error when the other side has closed
	return g.SetReadDeadline(time.Unix(1, 0))
}

func TestAStreamIsANetConn(t *testing.T) {
	served, done := make(chan net.Conn), make(chan chan struct{})
	a, b := pair(t, "tcp", 0, func(ctx context.Context, _ placement.NodeID, c net.Conn) {
		end := make(chan struct{})
		select {
		case served <- c:
			done <- end
		case <-ctx.Done():
			return
		}
		select {
		case <-end:
		case <-ctx.Done():
		}
	})
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		c2, err = a.Dial(t.Context(), b.ID(), "/shoal/test/1")
		if err != nil {
			return nil, nil, nil, err
		}
		c1 = <-served
		end := <-done
		return c1, gentle{c2}, func() { c1.Close(); c2.Close(); close(end) }, nil
	})
}

func TestClosingADialledStreamBeforeItsEndCancelsTheOtherSide(t *testing.T) {
	overBoth(t, func(t *testing.T, over string) {
		serve, got, end := hand()
		defer close(end)
		a, b := pair(t, over, 0, serve)
		c := a.dial(t, b, "/shoal/test/1")
		there := <-got
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := there.Read(make([]byte, 1)); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("reading: %v", err)
			}
		})
		both.Go(func() {
			var err error
			for err == nil { // the window of the stream lets some through
				_, err = there.Write(make([]byte, 64<<10))
			}
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("writing: %v", err)
			}
		})
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		both.Wait()
		if err := c.Close(); err != nil {
			t.Errorf("closing again: %v", err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("reading what was closed here: %v", err)
		}
	})
}

func TestWhatWasWrittenArrivesWhenServingEnds(t *testing.T) {
	overBoth(t, func(t *testing.T, over string) {
		want := bytes.Repeat([]byte("shoal"), 1<<20)
		a, b := pair(t, over, 0, func(_ context.Context, _ placement.NodeID, c net.Conn) { _, _ = c.Write(want) })
		got, err := io.ReadAll(a.dial(t, b, "/shoal/test/1"))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d of %d bytes, %v", len(got), len(want), err)
		}
	})
}

func TestADeadlineEndsWaiting(t *testing.T) {
	overBoth(t, func(t *testing.T, over string) {
		serve, got, end := hand()
		defer close(end)
		a, b := pair(t, over, 0, serve)
		c := a.dial(t, b, "/shoal/test/1")
		<-got
		if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

func TestAMemberGetsNoMoreStreamsThanItsShare(t *testing.T) {
	serve, got, end := hand()
	a, b := pair(t, "tcp", 2, serve)
	for range 2 {
		a.dial(t, b, "/shoal/test/1")
		<-got
	}
	if _, err := a.dial(t, b, "/shoal/test/1").Read(make([]byte, 1)); !errors.Is(err, cluster.ErrBusy) {
		t.Errorf("the third: %v", err)
	}
	close(end)
}

func TestAnUnknownProtocolIsSaidToBe(t *testing.T) {
	a, b := pair(t, "tcp", 0, nil)
	if _, err := a.dial(t, b, "/shoal/none/1").Read(make([]byte, 1)); !errors.Is(err, cluster.ErrUnknown) {
		t.Errorf("%v", err)
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	a, b := pair(t, "tcp", 0, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Dial(ctx, b.ID(), "/shoal/echo/1"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestCloseWaitsForWhatIsServed(t *testing.T) {
	overBoth(t, func(t *testing.T, over string) {
		began, mayEnd := make(chan struct{}), make(chan struct{})
		var ended bool
		a, b := pair(t, over, 0, func(ctx context.Context, _ placement.NodeID, _ net.Conn) {
			close(began)
			<-ctx.Done()
			<-mayEnd
			ended = true
		})
		c := a.dial(t, b, "/shoal/test/1")
		<-began
		closed := make(chan error)
		go func() { closed <- b.Close() }()
		// The other side sees the end while the handler is still busy.
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the stream ends with %v", err)
		}
		close(mayEnd)
		if err := <-closed; err != nil || !ended {
			t.Errorf("closed: %v, served to the end: %v", err, ended)
		}
		if err := b.Close(); err != nil {
			t.Errorf("closed again: %v", err)
		}
	})
}

func TestAClosedHostDialsNobody(t *testing.T) {
	a, b := pair(t, "tcp", 0, nil)
	a.stop(t)
	if _, err := a.Dial(t.Context(), b.ID(), "/shoal/echo/1"); err == nil {
		t.Error("it did")
	}
}
