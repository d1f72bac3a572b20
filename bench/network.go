package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// network is a TCP proxy that makes the loopback as slow as a network: one rate in each direction that all
// connections share, and a round trip.
type network struct {
	net.Listener
	target    string
	trip      time.Duration
	down, up  *wire
	mu        sync.Mutex
	open      map[net.Conn]bool // guarded by mu; nil once closed
	connected sync.WaitGroup
}

// wire is one direction.
type wire struct {
	bytesPerSecond float64
	// slack is how late somebody may be for their turn and still catch up, as on a busy machine.
	slack time.Duration
	mu    sync.Mutex
	free  time.Time // guarded by mu; when the last byte that was promised has left
}

// startNetwork puts a network with a rate in bits a second and a round trip before a target.
func startNetwork(target string, rate float64, trip time.Duration) (*network, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n := &network{Listener: l, target: target, trip: trip, open: make(map[net.Conn]bool),
		down: &wire{bytesPerSecond: rate / 8}, up: &wire{bytesPerSecond: rate / 8}}
	n.connected.Go(n.accept)
	return n, nil
}

// stop ends all connections and returns when nothing of the network runs any more.
func (n *network) stop() {
	n.Close()
	n.mu.Lock()
	for conn := range n.open {
		conn.Close()
	}
	n.open = nil
	n.mu.Unlock()
	n.connected.Wait()
}

func (n *network) accept() {
	for {
		conn, err := n.Accept()
		if err != nil {
			return
		}
		n.connected.Go(func() { n.serve(conn) })
	}
}

// keep notes a connection for stop, unless that has begun.
func (n *network) keep(conn net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open == nil {
		return false
	}
	n.open[conn] = true
	return true
}

func (n *network) serve(client net.Conn) {
	defer client.Close()
	if !n.keep(client) {
		return
	}
	time.Sleep(n.trip) // a connection takes a round trip before anything can be said on it
	server, err := net.Dial("tcp", n.target)
	if err != nil {
		return
	}
	defer server.Close()
	if !n.keep(server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { n.up.carry(server, client, n.trip/2) })
	both.Go(func() { n.down.carry(client, server, n.trip/2) })
	both.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, client)
	delete(n.open, server)
}

// packet is what is on its way, and when it arrives.
type packet struct {
	data []byte
	due  time.Time
}

// carry moves bytes at the wire's rate; each arrives delay after it has left.
func (w *wire) carry(to, from net.Conn, delay time.Duration) {
	flying := make(chan packet, 256)
	var arriving sync.WaitGroup
	arriving.Go(func() {
		for p := range flying {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.data); err != nil {
				from.Close() // the other end is gone, so nobody waits for more
			}
		}
		if tcp, ok := to.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	})
	for {
		data := make([]byte, 4<<10)
		n, err := from.Read(data)
		if n > 0 {
			begins, ends := w.reserve(n)
			flying <- packet{data[:n], ends.Add(delay)}
			// Connections take turns: none reserves the wire before its last packet has begun to leave.
			time.Sleep(time.Until(begins))
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				to.Close()
			}
			break
		}
	}
	close(flying)
	arriving.Wait()
}

// reserve returns when n bytes begin and end to leave.
func (w *wire) reserve(n int) (begins, ends time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	begins = time.Now().Add(-w.slack)
	if w.free.After(begins) {
		begins = w.free
	}
	w.free = begins.Add(time.Duration(float64(n) / w.bytesPerSecond * float64(time.Second)))
	return begins, w.free
}
