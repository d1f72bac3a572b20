package rows

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// queuedRows and queuedBytes are how much may wait to be pushed to one node.
	queuedRows  = 1024
	queuedBytes = 8 << 20
	// pushIdle is how long a stream for pushes stays without one; who answers waits longer.
	pushIdle       = 30 * time.Second
	pushAnswerIdle = 2 * time.Minute
	// grace is how long the last rows have to go.
	grace = time.Second
)

// parcel is a row on its way.
type parcel struct {
	table int
	row   []byte
}

// queue holds the rows that are to be pushed to one node.
type queue struct {
	parcels chan parcel
	mu      sync.Mutex
	size    int // guarded by mu
}

// add tells whether there was room.
func (q *queue) add(p parcel) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.size+len(p.row) > queuedBytes {
		return false
	}
	select {
	case q.parcels <- p:
		q.size += len(p.row)
		return true
	default:
		return false
	}
}

func (q *queue) taken(p parcel) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.size -= len(p.row)
}

// pushing has the streams for pushes to one node, one for each table that something was written to lately.
type pushing struct {
	spread *Spread
	to     string
	// lasting ends a moment after the node's time among the living, so that the last rows can go.
	lasting context.Context
	links   map[int]*pushLink
}

type pushLink struct {
	*link
	conn net.Conn
}

// push sends a partner's rows as they are queued.
func (s *Spread) push(ctx context.Context, p *partner) {
	lasting, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, end) })()
	out := &pushing{spread: s, to: p.id, lasting: lasting, links: make(map[int]*pushLink)}
	defer out.close()
	idle := time.NewTimer(pushIdle)
	defer idle.Stop()
	for {
		select {
		case row := <-p.queue.parcels:
			out.take(p, row)
			idle.Reset(pushIdle)
		case <-idle.C:
			out.close()
		case <-ctx.Done():
			out.drain(p)
			return
		}
	}
}

// take sends one row, and when none follows, what was sent goes out.
func (out *pushing) take(p *partner, row parcel) {
	p.queue.taken(row)
	err := out.send(row)
	if err == nil && len(p.queue.parcels) == 0 {
		err = out.flush()
	}
	if err != nil {
		out.spread.cfg.Log.Debug("a row was not pushed", "node", out.to, "error", err)
		out.spread.owe(out.to)
	}
}

// drain sends what still waits, where a stream is open.
func (out *pushing) drain(p *partner) {
	for {
		select {
		case row := <-p.queue.parcels:
			if out.links[row.table] != nil {
				out.take(p, row)
			}
		default:
			return
		}
	}
}

func (out *pushing) send(row parcel) error {
	l := out.links[row.table]
	if l == nil {
		conn, err := out.spread.dial(out.lasting, out.to, func() {})
		if err != nil {
			return err
		}
		l = &pushLink{newLink(conn), conn}
		out.links[row.table] = l
		if err := l.send(hello{forPushes, out.spread.cfg.Tables[row.table].Name}.encode()); err != nil {
			return out.drop(row.table, err)
		}
	}
	if err := l.send(row.row); err != nil {
		return out.drop(row.table, err)
	}
	return nil
}

func (out *pushing) flush() error {
	var all error
	for table, l := range out.links {
		if err := l.w.Flush(); err != nil {
			all = errors.Join(all, out.drop(table, err))
		}
	}
	return all
}

func (out *pushing) drop(table int, err error) error {
	_ = out.links[table].conn.Close()
	delete(out.links, table)
	return err
}

// close ends all streams such that what was sent arrives: the node answers an empty frame by ending its side.
func (out *pushing) close() {
	for table, l := range out.links {
		err := l.send(nil)
		if err == nil {
			_ = l.limit.SetReadDeadline(time.Now().Add(grace))
			_, err = io.Copy(io.Discard, l.r)
		}
		_ = out.drop(table, err)
	}
}
