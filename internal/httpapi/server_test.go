package httpapi_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"shoal/internal/httpapi"
	"shoal/internal/library"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServeLetsRequestsEndWhenItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		l := newPipes()
		stop := h.serveOn(l)
		c := l.dial(t)
		c.says("POST /api/v1/videos", upload(10)...)
		c.sends("first")
		synctest.Wait()
		ended := make(chan error)
		go func() { ended <- stop() }()
		time.Sleep(4 * time.Second)
		c.sends(" last")
		if got := c.hears(); got.StatusCode != http.StatusCreated {
			t.Errorf("the upload under way: %d", got.StatusCode)
		}
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if !c.ended() {
			t.Error("the connection goes on")
		}
	})
}

func TestServeCutsOffWhatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		l := newPipes()
		stop := h.serveOn(l)
		c := l.dial(t)
		c.says("POST /api/v1/videos", upload(10)...)
		c.sends("first")
		synctest.Wait()
		began := time.Now()
		if err := stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("Serve ended after %v", took)
		}
		if got := h.library.Totals().States[library.Receiving]; got != 0 {
			t.Error("the handler still runs")
		}
		if !c.ended() {
			t.Error("the connection goes on")
		}
	})
}

func TestServeDoesNotWaitForConnectionsInReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		l := newPipes()
		stop := h.serveOn(l)
		l.dial(t)
		used := l.dial(t)
		used.says("GET /healthz")
		if _, err := io.Copy(io.Discard, used.hears().Body); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("Serve ended after %v", took)
		}
	})
}

func TestServeTellsWhyItCannotGoOn(t *testing.T) {
	h := newHouse(t)
	l := newPipes()
	_ = l.Close()
	if err := h.Serve(t.Context(), l); err == nil {
		t.Error("Serve on a closed listener returned nil")
	}
}

func TestClientsThatDawdleAreCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		l := newPipes()
		h.serveOn(l)
		for name, c := range map[string]struct {
			sends string
			after time.Duration
		}{
			"a slow head":   {"GET / HTTP/1.1\r\nHost: a\r\nX-Slow", 5 * time.Second},
			"a silent body": {"PATCH /api/v1/videos/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + token + "\r\nContent-Length: 10\r\n\r\n{", 10 * time.Second},
			"an idle line":  {"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 60 * time.Second},
		} {
			conn := l.dial(t)
			began := time.Now()
			conn.sends(c.sends)
			if !conn.ended() {
				t.Errorf("%s: it goes on", name)
			}
			// A connection that is closed before its request is read lingers for half a second.
			if took := time.Since(began); took < c.after || took > c.after+time.Second {
				t.Errorf("%s: cut off after %v, want %v", name, took, c.after)
			}
		}
	})
}

func TestALargeHeadIsRefused(t *testing.T) {
	c := dial(t, newHouse(t).serve())
	c.says("GET /", "X-Large: "+strings.Repeat("x", 24<<10))
	if got := c.hears(); got.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("answer %d", got.StatusCode)
	}
}

func TestConnectionsAreBoundedInNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(cfg *httpapi.Config) { cfg.MaxConns = 2 })
		l := newPipes()
		h.serveOn(l)
		first, second := l.dial(t), l.dial(t)
		synctest.Wait()
		select {
		case l.conns <- first.Conn:
			t.Fatal("a third connection was accepted")
		default:
		}
		_ = first.Close()
		third := l.dial(t)
		for _, c := range []*client{second, third} {
			c.says("GET /healthz")
			if got := c.hears(); got.StatusCode != http.StatusOK {
				t.Errorf("answer %d", got.StatusCode)
			}
		}
	})
}

func TestServeSpeaksTLS(t *testing.T) {
	lender := httptest.NewTLSServer(nil)
	defer lender.Close()
	h := newHouse(t, func(cfg *httpapi.Config) {
		cfg.TLS = &tls.Config{Certificates: lender.TLS.Certificates}
	})
	url := strings.Replace(h.serve(), "http://", "https://", 1)
	client := lender.Client()
	defer client.CloseIdleConnections()
	answer, err := client.Post(url+"/api/v1/session", "application/json", strings.NewReader(signIn(token)))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if c := answer.Cookies(); answer.StatusCode != http.StatusOK || len(c) != 1 || !c[0].Secure {
		t.Errorf("answer %d, cookies %v", answer.StatusCode, c)
	}
}

// fileWriter tells whether it was handed a file, as the server's own writer is for the kernel to send.
type fileWriter struct {
	*httptest.ResponseRecorder
	files int
}

func (w *fileWriter) ReadFrom(src io.Reader) (int64, error) {
	if limited, ok := src.(*io.LimitedReader); ok {
		if _, ok := limited.R.(interface{ Fd() uintptr }); ok {
			w.files++
		}
	}
	return io.Copy(w.ResponseRecorder, src)
}

func TestFilesReachTheServersWriterAsFiles(t *testing.T) {
	path := t.TempDir() + "/chunk"
	if err := os.WriteFile(path, make([]byte, 600<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	h.HandleForTest("GET /file", func(w http.ResponseWriter, _ *http.Request) {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		if n, err := io.Copy(w, io.LimitReader(f, 500<<10)); n != 500<<10 || err != nil {
			t.Errorf("copied %d bytes, %v", n, err)
		}
	})
	w := &fileWriter{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest("GET", "/file", nil)
	r.Host = local
	h.ServeHTTP(w, r)
	if w.files != 2 || w.Body.Len() != 500<<10 {
		t.Errorf("%d files, %d bytes; want 2 blocks", w.files, w.Body.Len())
	}
}

func TestAPanicIsAnAnswerAndALine(t *testing.T) {
	h := newHouse(t)
	h.HandleForTest("GET /panic", func(http.ResponseWriter, *http.Request) { panic(errInside) })
	h.HandleForTest("GET /late", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 10_000))
		panic(errInside)
	})
	w := h.asks("GET", "/panic", "")
	want(t, w, http.StatusInternalServerError, "internal")
	if strings.Contains(w.Body.String(), "secret") {
		t.Errorf("the answer shows the panic: %s", w.Body)
	}
	log := h.log.String()
	for _, words := range []string{"secret detail", "server_test.go", w.Header().Get("X-Request-Id")} {
		if !strings.Contains(log, words) {
			t.Errorf("the log lacks %q", words)
		}
	}
	c := dial(t, h.serve())
	c.says("GET /late")
	if _, err := io.ReadAll(c.hears().Body); err == nil {
		t.Error("an answer that broke off passed for a whole one")
	}
}

func TestALostClientIsNotTheNodesFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		l := newPipes()
		h.serveOn(l)
		c := l.dial(t)
		c.says("GET " + h.segmentPath())
		c.hears()
		_ = c.Close()
		synctest.Wait()
		if strings.Contains(h.log.String(), "level=ERROR") {
			t.Errorf("log: %s", h.log)
		}
	})
}

func TestEveryAnswerHasItsOwnRequestID(t *testing.T) {
	h := newHouse(t)
	seen := make(map[string]bool)
	for i := range 20 {
		id := h.asks("GET", fmt.Sprintf("/nothing-%d", i), "").Header().Get("X-Request-Id")
		if id == "" || seen[id] {
			t.Errorf("request id %q", id)
		}
		seen[id] = true
	}
}

func TestANodeThatIsNotReadySaysSo(t *testing.T) {
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.Ready = func() error { return errInside } })
	w := h.asks("GET", "/readyz", "")
	if want(t, w, http.StatusServiceUnavailable, "not_ready"); w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	want(t, h.asks("GET", "/healthz", ""), http.StatusOK)
	if !strings.Contains(h.log.String(), "secret detail") {
		t.Error("the log does not say why")
	}
}
