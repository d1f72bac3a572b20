package main

import (
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// uplink is what stands between viewers and a server: one rate for all that it sends, and a count of it by the path
// that was asked for. Viewers and server cannot tell that it is there.
type uplink struct {
	net.Listener
	wire    *wire
	server  *http.Server
	running sync.WaitGroup
	all     atomic.Int64 // bytes sent in all, headers and messages included
	mu      sync.Mutex
	bodies  map[string]int64 // guarded by mu; bytes of content sent, by path
}

// startUplink listens on a host for a server, with a rate in bits a second, which may be infinite.
func startUplink(host, server string, rate float64) (*uplink, error) {
	target, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	u := &uplink{Listener: l, wire: &wire{bytesPerSecond: rate / 8, slack: 50 * time.Millisecond}, bodies: make(map[string]int64)}
	u.server = &http.Server{Handler: u.proxyTo(target), ErrorLog: log.New(io.Discard, "", 0)}
	u.running.Go(func() { _ = u.server.Serve(u) }) // it returns when it is closed
	return u, nil
}

// stop ends all connections.
func (u *uplink) stop() {
	u.server.Close()
	u.running.Wait()
}

func (u *uplink) proxyTo(target *url.URL) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Second},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler) // the connection breaks, as that to the server did
		},
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode != http.StatusSwitchingProtocols {
				r.Body = &countedBody{r.Body, u, r.Request.URL.Path}
			}
			return nil
		},
	}
}

// sent returns how many bytes were sent so far: of content by path, and in all.
func (u *uplink) sent() (bodies map[string]int64, all int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.bodies), u.all.Load()
}

// countedBody is the content of one answer.
type countedBody struct {
	io.ReadCloser
	uplink *uplink
	path   string
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.uplink.mu.Lock()
	defer b.uplink.mu.Unlock()
	b.uplink.bodies[b.path] += int64(n)
	return n, err
}

// Accept returns connections that send at the uplink's rate.
func (u *uplink) Accept() (net.Conn, error) {
	conn, err := u.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &slowConn{conn, u}, nil
}

// slowConn waits for its turn on the wire with every few bytes, so that connections share it fairly.
type slowConn struct {
	net.Conn
	uplink *uplink
}

func (c *slowConn) Write(b []byte) (done int, err error) {
	for done < len(b) && err == nil {
		part := b[done:min(len(b), done+4<<10)]
		_, ends := c.uplink.wire.reserve(len(part))
		time.Sleep(time.Until(ends))
		var n int
		n, err = c.Conn.Write(part)
		done += n
		c.uplink.all.Add(int64(n))
	}
	return done, err
}
