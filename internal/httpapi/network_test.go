package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// pipes is a listener inside the process, whose connections know deadlines of a test's own time.
type pipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// dial returns the client's end of a new connection.
func (p *pipes) dial(t testing.TB) *client {
	t.Helper()
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
	case <-p.closed:
		t.Fatal("dial: the listener is closed")
	}
	return newClient(t, ours)
}

// client speaks HTTP/1.1 by hand.
type client struct {
	net.Conn
	t      testing.TB
	reader *bufio.Reader
}

func newClient(t testing.TB, conn net.Conn) *client {
	t.Cleanup(func() { _ = conn.Close() }) // it may be closed already
	return &client{Conn: conn, t: t, reader: bufio.NewReader(conn)}
}

// dial connects to a house that serves at url.
func dial(t testing.TB, url string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, conn)
}

// says writes a request's head: its line, then headers, each as "Name: value".
func (c *client) says(line string, headers ...string) {
	c.t.Helper()
	head := line + " HTTP/1.1\r\n"
	if !strings.Contains(strings.Join(headers, "\n"), "Host:") {
		head += "Host: " + local + "\r\n"
	}
	for _, h := range headers {
		head += h + "\r\n"
	}
	c.sends(head + "\r\n")
}

func (c *client) sends(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// hears reads an answer; its body is read from the connection later.
func (c *client) hears() *http.Response {
	c.t.Helper()
	answer, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		c.t.Fatalf("read answer: %v", err)
	}
	return answer
}

// ended reads to the end of the connection and tells whether it ended.
func (c *client) ended() bool {
	_, err := io.Copy(io.Discard, c.reader)
	return err == nil || !strings.Contains(err.Error(), "timeout")
}

// upload is the head of an upload with the admin token.
func upload(length int) []string {
	return []string{"Authorization: Bearer " + token, fmt.Sprintf("Content-Length: %d", length)}
}
