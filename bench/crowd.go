package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	slowReaders = 1000
	halfSenders = 4000
	crowdTime   = 15 * time.Second
	// slowBytes are read at a time, readPause apart: 20 kB/s.
	slowBytes = 5000
	readPause = 250 * time.Millisecond
	// sendPause is how long a half sender waits before it goes on with its header.
	sendPause = time.Second
	askers    = 4
)

// crowd is many clients of one node, of whom most are up to no good.
type crowd struct {
	address  string // host and port
	movie    string
	segments []string

	mu sync.Mutex
	// all guarded by mu
	refused, cut, closed int
	latest               time.Duration // how long the last half sender stayed
	asked                []time.Duration
	failed               error
}

// measureCrowd watches what a crowd does to a node and its well-behaved clients.
func measureCrowd(l *lab) error {
	source, err := l.film(fullHD())
	if err != nil {
		return err
	}
	b, err := l.startBox("")
	if err != nil {
		return err
	}
	defer b.stop()
	id, err := b.addReady(source)
	if err != nil {
		return err
	}
	c := &crowd{address: strings.TrimPrefix(b.base, "http://"), movie: "/stream/" + id + ".mp4"}
	paths, err := b.files(id)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if strings.HasSuffix(path, ".m4s") {
			c.segments = append(c.segments, path)
		}
	}
	ctx, cancel := context.WithTimeout(l.ctx, crowdTime)
	defer cancel()
	most, err := c.gather(ctx, b)
	if err != nil {
		return err
	}
	return c.report(l, most)
}

// gather lets all clients at the node and returns the most memory that it had meanwhile, in bytes.
func (c *crowd) gather(ctx context.Context, b *box) (most float64, err error) {
	var clients sync.WaitGroup
	defer clients.Wait()
	for range slowReaders {
		clients.Go(func() { c.readSlowly(ctx) })
	}
	for range halfSenders {
		clients.Go(func() { c.sendHalf(ctx) })
	}
	for i := range askers {
		clients.Go(func() { c.ask(ctx, i) })
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return most, nil
		case <-tick.C:
		}
		memory, err := b.memory("VmRSS")
		if err != nil {
			return 0, err
		}
		most = max(most, memory)
	}
}

func (c *crowd) report(l *lab, most float64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return c.failed
	}
	if c.refused+c.cut > 0 {
		l.say("  %d connections were refused, %d slow readers were cut off", c.refused, c.cut)
	}
	p95 := percentile(c.asked, 0.95)
	l.table.single("1,000 slow readers + 4,000 half-sent requests: most memory", inMB(most), atMost(most/1e6, 300, " MB"))
	l.table.single(fmt.Sprintf("… segment asked for meanwhile, 95 %% of %d within", len(c.asked)), inMillis(p95), atMost(float64(p95.Milliseconds()), 500, " ms"))
	all := aim{"all, ≤ 10 s", c.closed == halfSenders && c.latest <= 10*time.Second}
	l.table.single("… half-sent requests closed", fmt.Sprintf("%d, the last after %s", c.closed, inSeconds(c.latest)), all)
	return nil
}

// note changes what is guarded by mu.
func (c *crowd) note(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// dial opens a connection that is closed with the context.
func (c *crowd) dial(ctx context.Context) (net.Conn, func(), error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.address)
	if err != nil {
		if ctx.Err() == nil {
			c.note(func() { c.refused++ })
		}
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return conn, func() { stop(); conn.Close() }, nil
}

// readSlowly reads a film at 20 kB/s.
func (c *crowd) readSlowly(ctx context.Context) {
	conn, hangUp, err := c.dial(ctx)
	if err != nil {
		return
	}
	defer hangUp()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(8 << 10) // the node must feel that nobody reads
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", c.movie, c.address)
	buffer := make([]byte, slowBytes)
	for {
		if _, err := io.ReadFull(conn, buffer); err != nil {
			if ctx.Err() == nil {
				c.note(func() { c.cut++ })
			}
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(readPause):
		}
	}
}

// sendHalf sends a request line by line and never comes to its end.
func (c *crowd) sendHalf(ctx context.Context) {
	conn, hangUp, err := c.dial(ctx)
	if err != nil {
		return
	}
	defer hangUp()
	began := time.Now()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n", c.address)
	for buffer := make([]byte, 256); ; {
		_ = conn.SetReadDeadline(time.Now().Add(sendPause))
		_, err := conn.Read(buffer)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			continue // an answer that says goodbye
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			c.note(func() { c.closed++; c.latest = max(c.latest, time.Since(began)) })
			return
		}
		fmt.Fprint(conn, "X-Slow: yes\r\n")
	}
}

// ask gets one segment after the other, as a browser would.
func (c *crowd) ask(ctx context.Context, from int) {
	for i := from; ctx.Err() == nil; i += askers {
		began := time.Now()
		err := c.getSegment(ctx, c.segments[i%len(c.segments)])
		if ctx.Err() != nil {
			return
		}
		c.note(func() {
			c.asked = append(c.asked, time.Since(began))
			c.failed = errors.Join(c.failed, err)
		})
		if err != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (c *crowd) getSegment(ctx context.Context, path string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.address+path, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, res.Status)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}
