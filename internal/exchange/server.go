package exchange

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

const (
	// getsAtOnce and putsAtOnce bound the memory of answering: a piece for each get, a chunk for each put.
	getsAtOnce = 64
	putsAtOnce = 16
	// looksAtOnce bounds what only looks at names, readsAtOnce what reads copies anew.
	looksAtOnce = 16
	readsAtOnce = 2
	// maxWaiting bounds the streams that are answered or wait for it.
	maxWaiting = 256
	// slotWait is how long a request waits for its turn before it is told that this node is busy.
	slotWait = time.Second
	// serverPatience is how long the next frame or piece may take.
	serverPatience = 10 * time.Second
	// workEvery is how often a node tells that it is still writing; see putPatience.
	workEvery = time.Second
)

// Disk is this node's own store; disk.Chunks has it all.
type Disk interface {
	chunk.Store
	Names
	// Renew vouches for a chunk that is there and makes it young, as Put of its bytes would, or returns chunk.ErrNotFound.
	Renew(ctx context.Context, info chunk.Info) error
	// Verify reads a chunk anew. Errors: chunk.ErrNotFound; chunk.ErrCorrupt, and then it was given up.
	Verify(ctx context.Context, ref chunk.Ref) error
}

// ServerConfig says what a Server answers from.
type ServerConfig struct {
	Disk   Disk
	Groups *Groups
	// Vouch reads a copy anew for another node, with the errors of Disk.Verify, which it is when nil.
	Vouch func(ctx context.Context, ref chunk.Ref) error
	// Log is told what an operator should know; nil for nowhere.
	Log *slog.Logger
}

// Server answers other nodes from this node's own disk alone, so that no request goes round in circles. It starts nothing that
// outlives a call; its methods may be called from many goroutines at once.
type Server struct {
	cfg                       ServerConfig
	gets, puts, looks, verify slots
	// pieces has buffers for what is sent.
	pieces sync.Pool
	stats  serverStats
}

type serverStats struct {
	waiting                                                    atomic.Int64
	sent, sentBytes, taken, takenBytes, busy, nonsense, failed atomic.Int64
}

// ServerStats counts what a Server did since it was made.
type ServerStats struct {
	// Sent and SentBytes count chunks that other nodes got, Taken and TakenBytes the new ones that they put.
	Sent, SentBytes, Taken, TakenBytes int64
	// Busy counts requests that were sent away, Refused those that broke the rules, Failed those that the disk failed.
	Busy, Refused, Failed int64
	// Waiting is how many requests are being answered now.
	Waiting int64
}

// NewServer returns a Server.
func NewServer(cfg ServerConfig) *Server {
	if cfg.Vouch == nil {
		cfg.Vouch = cfg.Disk.Verify
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{
		cfg: cfg, gets: newSlots(getsAtOnce), puts: newSlots(putsAtOnce), looks: newSlots(looksAtOnce), verify: newSlots(readsAtOnce),
		pieces: sync.Pool{New: func() any { return new([headRoom + pieceSize]byte) }},
	}
}

// Stats is cheap.
func (s *Server) Stats() ServerStats {
	return ServerStats{
		Sent: s.stats.sent.Load(), SentBytes: s.stats.sentBytes.Load(), Taken: s.stats.taken.Load(), TakenBytes: s.stats.takenBytes.Load(),
		Busy: s.stats.busy.Load(), Refused: s.stats.nonsense.Load(), Failed: s.stats.failed.Load(), Waiting: s.stats.waiting.Load(),
	}
}

// Serve answers the one request of a stream of ChunkProtocol, and returns when that is done or ctx has ended. The caller closes conn.
func (s *Server) Serve(ctx context.Context, from placement.NodeID, conn net.Conn) {
	s.serve(ctx, from, conn, maxRequest, answer{Status: isBusy}, s.answer)
}

// ServeGroups answers the one request of a stream of GroupsProtocol, as Serve does.
func (s *Server) ServeGroups(ctx context.Context, from placement.NodeID, conn net.Conn) {
	s.serve(ctx, from, conn, maxGroupsRequest, part{Status: isBusy}, s.answerGroups)
}

func (s *Server) serve(ctx context.Context, from placement.NodeID, conn net.Conn, limit int, busy any, answer func(context.Context, *link, request) error) {
	l := attach(ctx, conn, serverPatience)
	defer l.detach()
	defer s.stats.waiting.Add(-1)
	var err error
	if s.stats.waiting.Add(1) > maxWaiting {
		s.stats.busy.Add(1)
		err = l.send(busy)
	} else {
		var req request
		if err = l.receive(&req, limit); err == nil {
			err = answer(ctx, l, req)
		}
	}
	if errors.Is(err, errRefused) {
		s.stats.nonsense.Add(1)
		s.cfg.Log.Warn("request of a node refused", "node", from, "err", err)
	} else if err != nil {
		s.cfg.Log.Debug("answer to a node ended early", "node", from, "err", err)
	}
}

func (s *Server) answer(ctx context.Context, l *link, req request) error {
	refs, err := unpackRefs(req.Names)
	if err != nil || req.Op != opHas && len(refs) != 1 {
		return s.refuse(l, fmt.Errorf("operation %d with %d bytes of names: %w", req.Op, len(req.Names), errRefused))
	}
	switch req.Op {
	case opGet:
		return s.get(ctx, l, refs[0])
	case opPut:
		return s.put(ctx, l, chunk.Info{Ref: refs[0], Size: req.Size})
	case opHas:
		return s.has(ctx, l, refs)
	case opVerify:
		return s.vouch(ctx, l, refs[0])
	}
	return s.refuse(l, fmt.Errorf("operation %d: %w", req.Op, errRefused))
}

func (s *Server) refuse(l *link, err error) error {
	return errors.Join(err, l.send(answer{Status: isRefused}))
}

// headRoom is more than the frame before a chunk has.
const headRoom = 64

func (s *Server) get(ctx context.Context, l *link, ref chunk.Ref) error {
	leave, err := s.gets.enter(ctx)
	if err != nil {
		return s.sendError(l, "get", ref, err)
	}
	defer leave()
	r, err := s.cfg.Disk.Open(ctx, ref)
	if err != nil {
		return s.sendError(l, "get", ref, err)
	}
	defer r.Close()
	if err := s.sendChunk(l, r); err != nil {
		return err
	}
	s.stats.sent.Add(1)
	s.stats.sentBytes.Add(r.Size())
	return nil
}

// sendChunk writes the frame and the bytes, the first of them in one piece.
func (s *Server) sendChunk(l *link, r chunk.Reader) error {
	buf := s.pieces.Get().(*[headRoom + pieceSize]byte)
	defer s.pieces.Put(buf)
	out, err := appendFrame(buf[:0], answer{Status: isSending, Size: r.Size()})
	if err != nil {
		return err
	}
	for at := int64(0); at < r.Size(); {
		piece := buf[len(out):min(int64(len(buf)), int64(len(out))+r.Size()-at)]
		n, err := r.ReadAt(piece, at)
		if n < len(piece) {
			return unexpected(err)
		}
		if err := l.write(buf[:len(out)+n]); err != nil {
			return err
		}
		at += int64(n)
		out = buf[:0]
	}
	return nil
}

// has answers with the sizes of what is here.
func (s *Server) has(ctx context.Context, l *link, refs []chunk.Ref) error {
	leave, err := s.looks.enter(ctx)
	if err != nil {
		return s.sendError(l, "has", refs[0], err)
	}
	defer leave()
	sizes := make([]int64, len(refs))
	for i, ref := range refs {
		info, err := s.cfg.Disk.Stat(ctx, ref)
		if err != nil && !errors.Is(err, chunk.ErrNotFound) {
			return s.sendError(l, "has", ref, err)
		}
		sizes[i] = info.Size
	}
	return l.send(answer{Status: isStored, Sizes: sizes})
}

func (s *Server) vouch(ctx context.Context, l *link, ref chunk.Ref) error {
	leave, err := s.verify.enter(ctx)
	if err == nil {
		defer leave()
		err = s.cfg.Vouch(ctx, ref)
	}
	if err != nil {
		return s.sendError(l, "verify", ref, err)
	}
	return l.send(answer{Status: isStored})
}

// sendError answers with what an error means to others.
func (s *Server) sendError(l *link, what string, ref chunk.Ref, err error) error {
	status := statusOf(err)
	switch status {
	case isBusy:
		s.stats.busy.Add(1)
	case isFailed:
		s.stats.failed.Add(1)
		s.cfg.Log.Warn("request of a node failed", "operation", what, "chunk", ref, "err", err)
	}
	return l.send(answer{Status: status})
}

func statusOf(err error) status {
	switch {
	case errors.Is(err, errBusy):
		return isBusy
	case errors.Is(err, chunk.ErrNotFound):
		return isNotFound
	case errors.Is(err, chunk.ErrCorrupt):
		return isCorrupt
	case errors.Is(err, chunk.ErrFull):
		return isFull
	case errors.Is(err, chunk.ErrSize), errors.Is(err, errRefused):
		return isRefused
	}
	return isFailed
}

// slots bounds how much is done at once.
type slots chan struct{}

func newSlots(n int) slots { return make(slots, n) }

// enter waits for a turn, or returns errBusy; leave ends the turn.
func (s slots) enter(ctx context.Context) (leave func(), err error) {
	select {
	case s <- struct{}{}:
		return s.leave, nil
	default:
	}
	wait := time.NewTimer(slotWait)
	defer wait.Stop()
	select {
	case s <- struct{}{}:
		return s.leave, nil
	case <-wait.C:
		return nil, errBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s slots) leave() { <-s }
