package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	headerTime = 5 * time.Second
	idleTime   = 60 * time.Second
	maxHeader  = 16 << 10
	// drainTime is how long requests under way have to end at a shutdown.
	drainTime = 5 * time.Second
)

// Serve answers requests on l until ctx ends. Then it takes no more, lets those under way end for a few
// seconds, cuts off the rest, and returns nil when nothing of it runs any more. It closes l.
func (h *Handler) Serve(ctx context.Context, l net.Listener) error {
	limited := newLimitListener(l, h.cfg.MaxConns)
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer limited.drain()
	defer cut()
	server := &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            headerTime,
		IdleTimeout:                  idleTime,
		MaxHeaderBytes:               maxHeader,
		DisableGeneralOptionsHandler: true,
		TLSConfig:                    h.cfg.TLS,
		BaseContext:                  func(net.Listener) context.Context { return base },
		ConnState:                    limited.watch,
		ErrorLog:                     slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
	}
	viewing, sendAway := context.WithCancel(base)
	var viewers sync.WaitGroup
	viewers.Go(func() { h.rooms.run(viewing) })
	viewers.Go(func() { h.watchChanges(viewing) })
	// Viewers are sent away, and streams of events end, while the other requests do.
	defer viewers.Wait()
	defer sendAway()
	ended := make(chan error, 1)
	go func() {
		if h.cfg.TLS != nil {
			ended <- server.ServeTLS(limited, "", "")
			return
		}
		ended <- server.Serve(limited)
	}()
	select {
	case err := <-ended:
		return errors.Join(fmt.Errorf("serve http on %s: %w", l.Addr(), err), server.Close())
	case <-ctx.Done():
	}
	sendAway()
	limited.closeFresh()
	err := h.shutDown(server, base)
	<-ended
	return err
}

// shutDown lets requests end, and cuts off those that take too long.
func (h *Handler) shutDown(server *http.Server, base context.Context) error {
	patience, cancel := context.WithTimeout(base, drainTime)
	defer cancel()
	if err := server.Shutdown(patience); err == nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	h.log.Info("requests were cut off at shutdown", "after", drainTime)
	return server.Close()
}

// limitListener accepts no more connections than it has room for; the others wait in the system's queue. It
// hands connections on as they are, since only a bare TCP connection is sent files by the kernel.
type limitListener struct {
	net.Listener
	room   slots
	once   sync.Once
	closed chan struct{}

	mu    sync.Mutex
	fresh map[net.Conn]bool // guarded by mu; connections that have sent nothing yet
}

func newLimitListener(l net.Listener, most int) *limitListener {
	return &limitListener{Listener: l, room: make(slots, most), closed: make(chan struct{}), fresh: make(map[net.Conn]bool)}
}

func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case l.room <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		l.room.give()
	}
	return conn, err
}

func (l *limitListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// watch frees the place of a connection that has ended.
func (l *limitListener) watch(conn net.Conn, state http.ConnState) {
	l.mu.Lock()
	if state == http.StateNew {
		l.fresh[conn] = true
	} else {
		delete(l.fresh, conn)
	}
	l.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		l.room.give()
	}
}

// closeFresh closes the connections that browsers opened in case they need them. A shutdown would wait for
// their first request.
func (l *limitListener) closeFresh() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.fresh {
		_ = conn.Close() // nothing was said on it
	}
}

// drain returns when all connections have ended, and with them all handlers; none is accepted any more.
func (l *limitListener) drain() {
	for range cap(l.room) {
		l.room <- struct{}{}
	}
}
