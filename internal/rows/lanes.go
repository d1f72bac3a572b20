package rows

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxMoving is how many exchanges go on at one time in one direction: a node that was away would else be given the same rows by
	// everybody at once.
	maxMoving = 2
	// stalledAfter is after how long without a byte an exchange is not counted any more, so that a silent node holds up nobody.
	stalledAfter = time.Second
	waitForLane  = 50 * time.Millisecond
)

// lanes bound how many exchanges are moving.
type lanes struct {
	mu    sync.Mutex
	taken map[*lane]struct{} // guarded by mu
}

// lane is one exchange's.
type lane struct{ moved atomic.Int64 }

func (l *lane) move() { l.moved.Store(time.Now().UnixNano()) }

// enter waits until there is room for one more.
func (ls *lanes) enter(ctx context.Context) (*lane, error) {
	for {
		if l := ls.try(); l != nil {
			return l, nil
		}
		timer := time.NewTimer(waitForLane)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
}

func (ls *lanes) try() *lane {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	moving := 0
	for l := range ls.taken {
		if time.Since(time.Unix(0, l.moved.Load())) < stalledAfter {
			moving++
		}
	}
	if moving >= maxMoving {
		return nil
	}
	if ls.taken == nil {
		ls.taken = make(map[*lane]struct{})
	}
	l := &lane{}
	l.move()
	ls.taken[l] = struct{}{}
	return l
}

func (ls *lanes) leave(l *lane) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	delete(ls.taken, l)
}

// bound is a stream that ends with a context and tells when something moves.
type bound struct {
	net.Conn
	ctx    context.Context
	moved  func()
	unhook func() bool
}

func newBound(ctx context.Context, conn net.Conn, moved func()) *bound {
	b := &bound{Conn: conn, ctx: ctx, moved: moved}
	b.unhook = context.AfterFunc(ctx, b.expire)
	return b
}

func (b *bound) expire() { _ = b.Conn.SetDeadline(time.Unix(1, 0)) }

func (b *bound) Close() error {
	b.unhook()
	return b.Conn.Close()
}

func (b *bound) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if n > 0 {
		b.moved()
	}
	return n, err
}

func (b *bound) Write(p []byte) (int, error) {
	n, err := b.Conn.Write(p)
	if n > 0 {
		b.moved()
	}
	return n, err
}

// SetReadDeadline sets no later deadline than the context's end.
func (b *bound) SetReadDeadline(t time.Time) error { return b.within(b.Conn.SetReadDeadline(t)) }

// SetWriteDeadline is as SetReadDeadline.
func (b *bound) SetWriteDeadline(t time.Time) error { return b.within(b.Conn.SetWriteDeadline(t)) }

// within looks at the context after a deadline was set: its end sets another one.
func (b *bound) within(err error) error {
	if b.ctx.Err() != nil {
		b.expire()
	}
	return err
}
