package httpapi

import (
	"io"
	"math"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// writeStall is how long a client may take for one block before it is cut off.
	writeStall = 30 * time.Second
	// writeBlock is how much is written before the client is given more time: at less than 9 kB/s it is cut off.
	writeBlock = 256 << 10
)

// response is the ResponseWriter of every request. It gives the client more time with each block that it
// took, and counts the bytes of the body that were really written. It is used by one goroutine.
type response struct {
	http.ResponseWriter
	rc     *http.ResponseController
	head   bool
	status int
	sent   int64
	// counter counts what is sent, nil for no count.
	counter prometheus.Counter
	renewed time.Time
	// lost is true once the client could not be written to.
	lost bool
	// taken is true once the connection is no longer the server's.
	taken bool
}

func newResponse(rw http.ResponseWriter, r *http.Request) *response {
	w := &response{ResponseWriter: rw, rc: http.NewResponseController(rw), head: r.Method == http.MethodHead}
	w.renew()
	return w
}

// wrote tells whether the answer has begun.
func (w *response) wrote() bool { return w.status != 0 }

// renew gives the client writeStall from now on.
func (w *response) renew() {
	if w.taken {
		return
	}
	w.renewed = time.Now()
	_ = w.rc.SetWriteDeadline(w.renewed.Add(writeStall)) // a recorder in a test has no deadlines
}

// renewSoon is renew, at most once a second.
func (w *response) renewSoon() {
	if time.Since(w.renewed) > time.Second {
		w.renew()
	}
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.renew()
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) count(n int64) {
	if w.head {
		return
	}
	w.sent += n
	if w.counter != nil {
		w.counter.Add(float64(n))
	}
}

func (w *response) Write(p []byte) (int, error) {
	if !w.wrote() {
		w.WriteHeader(http.StatusOK)
	}
	var written int
	for {
		block := p[written:min(len(p), written+writeBlock)]
		w.renewSoon()
		n, err := w.ResponseWriter.Write(block)
		written += n
		w.count(int64(n))
		w.lost = w.lost || err != nil
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

// copier is a source that copies itself, file by file.
type copier interface {
	CopyN(w io.Writer, n int64) (int64, error)
}

// ReadFrom lets the kernel send files by itself.
func (w *response) ReadFrom(src io.Reader) (n int64, err error) {
	rest := &io.LimitedReader{R: src, N: math.MaxInt64}
	if limited, ok := src.(*io.LimitedReader); ok {
		rest = limited
	}
	if c, ok := rest.R.(copier); ok {
		n, err = c.CopyN(w, rest.N)
		rest.N -= n
		if err == io.EOF {
			err = nil
		}
		return n, err
	}
	direct, ok := w.ResponseWriter.(io.ReaderFrom)
	if _, isFile := rest.R.(syscall.Conn); ok && isFile {
		return w.sendFrom(direct, rest)
	}
	return w.copyFrom(rest)
}

// sendFrom hands a file to the server's own writer, block by block.
func (w *response) sendFrom(direct io.ReaderFrom, rest *io.LimitedReader) (sent int64, err error) {
	if !w.wrote() {
		w.WriteHeader(http.StatusOK)
	}
	for rest.N > 0 {
		block := &io.LimitedReader{R: rest.R, N: min(rest.N, writeBlock)}
		asked := block.N
		w.renewSoon()
		n, err := direct.ReadFrom(block)
		w.lost = w.lost || err != nil
		w.count(n)
		sent += n
		rest.N -= n
		if err != nil || n < asked {
			return sent, err
		}
	}
	return sent, nil
}

// copyBuffers holds buffers of copyFrom.
var copyBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// copyFrom copies what cannot be sent by the kernel.
func (w *response) copyFrom(src io.Reader) (int64, error) {
	buffer := copyBuffers.Get().(*[64 << 10]byte)
	defer copyBuffers.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{src}, buffer[:])
}
