package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// Put implements chunk.Store: the chunk is durable on as many nodes as copies are wanted when err is nil, the first ones in the order of its
// group that can take it, this one among them if its turn comes, or at last. Where fewer can, fewer copies exist: Stats and
// Config.UnderCopied tell, and it is no error. ErrFull says that nobody had room.
func (s *Store) Put(ctx context.Context, data []byte) (chunk.Stored, error) {
	layout := s.cfg.Layouts()[0]
	if s.alone() {
		stored, err := s.cfg.Disk.Put(ctx, data)
		if err == nil {
			s.count(stored.Info, 1, layout.Copies())
		}
		return stored, err
	}
	if err := chunk.CheckSize(int64(len(data))); err != nil {
		return chunk.Stored{}, fmt.Errorf("put chunk: %w", err)
	}
	info := chunk.Info{Ref: chunk.Sum(data), Size: int64(len(data))}
	fresh, err := s.put(ctx, layout, info, data)
	if err != nil {
		return chunk.Stored{}, fmt.Errorf("put chunk %s: %w", info.Ref, err)
	}
	return chunk.Stored{Info: info, New: fresh}, nil
}

// put tells whether no node that has the chunk now had it before.
func (s *Store) put(ctx context.Context, layout *placement.Layout, info chunk.Info, data []byte) (fresh bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if err := s.putting.Lock(ctx, info.Ref); err != nil {
		return false, err
	}
	defer s.putting.Unlock(info.Ref)
	// A copy that lies here and need not is not ours to call new: who takes a new chunk back deletes it.
	_, err = s.cfg.Disk.Stat(ctx, info.Ref)
	fresh = errors.Is(err, chunk.ErrNotFound)
	p := s.spread(ctx, layout, info, data)
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if p.copies == 0 {
		return false, p.err()
	}
	s.count(info, p.copies, layout.Copies())
	return fresh && p.known == 0, nil
}

// count tells when a chunk has fewer copies than wanted.
func (s *Store) count(info chunk.Info, copies, wanted int) {
	if copies < wanted {
		s.stats.underCopied.Add(1)
		s.cfg.UnderCopied(info, copies)
	}
}

// placed says what came of putting a chunk to nodes.
type placed struct {
	// copies is how many have it, known how many of those had it before, full how many had no room.
	copies, known, full int
	// errs are the other reasons.
	errs []error
}

// err is why nobody took the chunk.
func (p *placed) err() error {
	if len(p.errs) == 0 {
		return fmt.Errorf("no room on any of %d nodes: %w", p.full, chunk.ErrFull)
	}
	return errors.Join(p.errs...)
}

// took is what one node answered to a put.
type took struct {
	node  placement.NodeID
	fresh bool
	err   error
}

// spread puts a chunk to as many nodes as wanted at once, and to the next one for each that does not take it. It returns when nobody uses
// data any more.
func (s *Store) spread(ctx context.Context, layout *placement.Layout, info chunk.Info, data []byte) *placed {
	takers, full := s.takers(layout, placement.GroupOf(info.Ref))
	p := &placed{full: full}
	answers := make(chan took)
	for running := 0; ; {
		for ; p.copies+running < layout.Copies() && len(takers) > 0 && ctx.Err() == nil; running++ {
			node := takers[0]
			takers = takers[1:]
			go func() {
				fresh, err := s.putTo(ctx, node, info, data)
				answers <- took{node, fresh, err}
			}()
		}
		if running == 0 {
			return p
		}
		a := <-answers
		running--
		p.note(a)
		if a.err != nil && ctx.Err() == nil {
			s.log.Debug("a node did not take a chunk", "node", a.node, "chunk", info.Ref, "err", a.err)
		}
	}
}

func (p *placed) note(a took) {
	switch {
	case a.err == nil && a.fresh:
		p.copies++
	case a.err == nil:
		p.copies++
		p.known++
	case errors.Is(a.err, chunk.ErrFull):
		p.full++
	default:
		p.errs = append(p.errs, fmt.Errorf("node %s: %w", a.node, a.err))
	}
}

func (s *Store) putTo(ctx context.Context, node placement.NodeID, info chunk.Info, data []byte) (fresh bool, err error) {
	if node != s.cfg.Self {
		return s.client.put(ctx, node, info, data)
	}
	stored, err := s.cfg.Disk.Put(ctx, data)
	return stored.New, err
}

// takers returns who may take a chunk, in the order to ask in, without those that are dead or full; those that failed a moment
// ago come after the others. This node is always among them, and last where the layout would not have it.
func (s *Store) takers(layout *placement.Layout, g placement.Group) (ids []placement.NodeID, full int) {
	now, self := time.Now(), false
	var doubted []placement.NodeID
	for _, id := range layout.Rank(g) {
		switch {
		case id == s.cfg.Self:
			self = true
			ids = append(ids, id)
		case !s.cfg.Alive(id):
		case s.cfg.Full(id) || s.client.peers.full(id, now):
			full++
		case s.client.peers.doubted(id, now):
			doubted = append(doubted, id)
		default:
			ids = append(ids, id)
		}
	}
	ids = append(ids, doubted...)
	if !self {
		ids = append(ids, s.cfg.Self)
	}
	return ids, full
}
