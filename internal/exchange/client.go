package exchange

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

const (
	// dialPatience is how long a stream may take to be opened.
	dialPatience = 3 * time.Second
	// patience is how long the next frame or piece may take; where another node could answer, it is asked long before.
	patience = 10 * time.Second
	// putPatience is the same where a node takes a chunk: it tells each second that it is still writing, for as long as putLimit.
	putPatience = 3 * time.Second
	putLimit    = 30 * time.Second
	// accusePatience is how long a node that sent wrong bytes may take to check its copy.
	accusePatience = 5 * time.Second

	// busyTries is how often a busy node is asked again, busyPause how long the first pause is; each is twice the one before.
	busyTries = 4
	busyPause = 50 * time.Millisecond
	// hasBatch is how many chunks are asked for together, hasPatience how long the answer may take: a slow disk needs a moment for each.
	hasBatch    = 256
	hasPatience = 3 * time.Second
)

// Dial opens a stream to a node; ctx bounds the opening only. Close before the end was read gives the stream up at both sides.
type Dial func(ctx context.Context, to placement.NodeID, protocol string) (net.Conn, error)

// Client asks other nodes. Its methods may be called from many goroutines at once, end when ctx does, and each waits a bounded time for
// a node that says nothing. What comes is checked: chunks against their names, lists against what was asked for.
type Client struct {
	dial  Dial
	log   *slog.Logger
	peers *peers
	got   atomic.Int64
	bytes atomic.Int64
}

func newClient(dial Dial, log *slog.Logger) *Client {
	return &Client{dial: dial, log: log, peers: newPeers()}
}

// ask opens a stream and sends the request. The caller closes the link.
func (c *Client) ask(ctx context.Context, node placement.NodeID, protocol string, req request, patience time.Duration) (*link, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	opening, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	conn, err := c.dial(opening, node, protocol)
	if err != nil {
		return nil, err
	}
	l := attach(ctx, conn, patience)
	if err := l.send(req); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// receive reads an answer of the chunk protocol, and returns what it says as an error where it is one.
func (l *link) receiveAnswer() (answer, error) {
	var a answer
	if err := l.receive(&a, maxAnswer); err != nil {
		return a, err
	}
	return a, errorOf(a.Status)
}

// patiently tries again while a node is busy. It returns ctx's error where that has ended, since then the link's own says nothing.
func patiently(ctx context.Context, try func() error) error {
	for i := 0; ; i++ {
		err := try()
		if ctx.Err() != nil && err != nil {
			return ctx.Err()
		}
		if i == busyTries || !errors.Is(err, errBusy) {
			return err
		}
		if err := sleep(ctx, busyPause<<i); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wanted is a chunk to get.
type wanted struct {
	ref chunk.Ref
	// size is 0 when it is not known.
	size int64
	// room returns where to put that many bytes.
	room func(size int64) []byte
	// seen is called each time bytes came.
	seen func()
}

// get asks one node for a chunk, and returns it verified.
func (c *Client) get(ctx context.Context, node placement.NodeID, w wanted) (data []byte, err error) {
	c.peers.asked(node)
	defer c.peers.answered(node)
	err = patiently(ctx, func() error {
		data, err = c.getOnce(ctx, node, w)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.got.Add(1)
	c.bytes.Add(int64(len(data)))
	return data, nil
}

func (c *Client) getOnce(ctx context.Context, node placement.NodeID, w wanted) ([]byte, error) {
	begin := time.Now()
	l, err := c.ask(ctx, node, ChunkProtocol, request{Op: opGet, Names: packRefs(w.ref)}, patience)
	if err != nil {
		return nil, err
	}
	defer l.close()
	a, err := l.receiveAnswer()
	if err != nil {
		return nil, err
	}
	if a.Status != isSending || chunk.CheckSize(a.Size) != nil || w.size != 0 && a.Size != w.size {
		return nil, fmt.Errorf("answer %d, %d bytes: %w", a.Status, a.Size, errLie)
	}
	data := w.room(a.Size)[:a.Size]
	hash, began := sha256.New(), false
	err = l.read(data, func(came []byte) {
		if !began {
			began = true
			c.peers.began(node, time.Since(begin))
		}
		w.seen()
		hash.Write(came)
	})
	if err != nil {
		return nil, err
	}
	if chunk.Ref(hash.Sum(nil)) != w.ref {
		return nil, errLie
	}
	c.peers.whole.add(time.Since(begin))
	return data, nil
}

// judge draws the conclusions from the answer of a node that was not given up.
func (c *Client) judge(node placement.NodeID, ref chunk.Ref, err error) {
	switch {
	case err == nil, lacks(err), errors.Is(err, errBusy):
	case errors.Is(err, errLie):
		c.peers.lied(node, time.Now())
		c.log.Warn("a node sent wrong bytes and is told to check its copy", "node", node, "chunk", ref)
	default:
		c.peers.doubt(node, time.Now(), doubtFor)
		c.log.Debug("a node did not send a chunk", "node", node, "chunk", ref, "err", err)
	}
}

// accuse tells a node that sent wrong bytes to check its copy, and waits for that.
func (c *Client) accuse(ctx context.Context, node placement.NodeID, ref chunk.Ref) {
	checking, cancel := context.WithTimeout(ctx, accusePatience)
	defer cancel()
	if err := c.Verify(checking, node, ref); err != nil && !lacks(err) && ctx.Err() == nil {
		c.log.Warn("a node that sent wrong bytes did not check its copy", "node", node, "chunk", ref, "err", err)
	}
}

// Fetch returns a chunk from the first of some nodes that sends it, verified; they are asked one after another. The caller may give
// the bytes to chunk.Release. The error is a *Missing when no node sent it.
func (c *Client) Fetch(ctx context.Context, from []placement.NodeID, info chunk.Info) ([]byte, error) {
	missing := &Missing{Ref: info.Ref}
	buf := chunk.Buffer()
	w := wanted{ref: info.Ref, size: info.Size, room: func(int64) []byte { return buf[:chunk.MaxSize] }, seen: func() {}}
	for _, node := range from {
		data, err := c.get(ctx, node, w)
		if err == nil {
			return data, nil
		}
		if err := ctx.Err(); err != nil {
			chunk.Release(buf)
			return nil, fmt.Errorf("fetch chunk %s: %w", info.Ref, err)
		}
		c.judge(node, info.Ref, err)
		if errors.Is(err, errLie) {
			c.accuse(ctx, node, info.Ref)
		}
		missing.note(node, err)
	}
	chunk.Release(buf)
	return nil, fmt.Errorf("fetch chunk %s: %w", info.Ref, missing)
}

// note counts what a node answered.
func (m *Missing) note(node placement.NodeID, err error) {
	if lacks(err) {
		m.Asked++
	} else {
		m.Silent = append(m.Silent, node)
	}
}

// Verify has a node read its copy of a chunk anew; nil says that it is whole. Errors: chunk.ErrNotFound; chunk.ErrCorrupt, and then it
// was given up.
func (c *Client) Verify(ctx context.Context, node placement.NodeID, ref chunk.Ref) error {
	err := patiently(ctx, func() error {
		_, err := c.question(ctx, node, request{Op: opVerify, Names: packRefs(ref)}, patience)
		return err
	})
	if err != nil {
		return fmt.Errorf("have node %s verify chunk %s: %w", node, ref, err)
	}
	return nil
}

// question asks for one frame, which says isStored.
func (c *Client) question(ctx context.Context, node placement.NodeID, req request, within time.Duration) (answer, error) {
	l, err := c.ask(ctx, node, ChunkProtocol, req, within)
	if err != nil {
		return answer{}, err
	}
	defer l.close()
	a, err := l.receiveAnswer()
	if err == nil && a.Status != isStored {
		err = fmt.Errorf("answer %d: %w", a.Status, errRefused)
	}
	return a, err
}

// Has returns the size of each of refs at a node, in their order, 0 for what is not there. The node has only looked at the names.
func (c *Client) Has(ctx context.Context, node placement.NodeID, refs []chunk.Ref) ([]int64, error) {
	sizes := make([]int64, 0, len(refs))
	for len(refs) > 0 {
		some := refs[:min(len(refs), hasBatch)]
		refs = refs[len(some):]
		err := patiently(ctx, func() error {
			a, err := c.question(ctx, node, request{Op: opHas, Names: packRefs(some...)}, hasPatience)
			if err == nil && !possible(a.Sizes, len(some)) {
				err = fmt.Errorf("%d sizes of %d chunks: %w", len(a.Sizes), len(some), errRefused)
			}
			sizes = append(sizes, a.Sizes...)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("ask node %s what it has: %w", node, err)
		}
	}
	return sizes, nil
}

// possible tells whether sizes are those of n chunks, or 0.
func possible(sizes []int64, n int) bool {
	for _, size := range sizes {
		if size < 0 || size > chunk.MaxSize {
			return false
		}
	}
	return len(sizes) == n
}
