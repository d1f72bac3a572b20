package exchange

import (
	"context"
	"errors"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// flight is a chunk on its way to all who want it.
type flight struct {
	cancel context.CancelFunc
	// ownErr is why the own disk does not have it.
	ownErr error
	// callers wait for it; guarded by Store.mu
	callers int
	// unwanted says that the chunk was deleted meanwhile, landed that done is closed; guarded by Store.mu
	unwanted, landed bool

	// done is closed when block and err are set. The flight holds the block until its last caller has left.
	done  chan struct{}
	block *block
	err   error
}

// fetch returns a chunk that the own disk does not have, for the reason ownErr. The caller holds the block.
func (s *Store) fetch(ctx context.Context, ref chunk.Ref, ownErr error) (*block, error) {
	// That the own disk does not have it says nothing when nobody else was asked.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, f, err := s.board(ref, ownErr)
	if b != nil || err != nil {
		return b, err
	}
	defer s.leave(ref, f)
	select {
	case <-f.done:
		if f.err != nil {
			return nil, f.err
		}
		s.stats.node.Add(1)
		return f.block.hold(), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// board returns what is in memory, or joins the flight of a chunk, or begins one.
func (s *Store) board(ref chunk.Ref, ownErr error) (*block, *flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, ErrClosed
	}
	if b, found := s.recent.Lookup(ref); found {
		s.stats.memory.Add(1)
		return b.hold(), nil, nil
	}
	f := s.flights[ref]
	if f == nil {
		ctx, cancel := context.WithCancel(s.life)
		f = &flight{cancel: cancel, ownErr: ownErr, done: make(chan struct{})}
		s.flights[ref] = f
		s.tasks.Go(func() { s.fly(ctx, ref, f) })
	} else {
		s.stats.shared.Add(1)
	}
	f.callers++
	return nil, f, nil
}

// leave ends a caller's wait; the last one to leave ends the transfer.
func (s *Store) leave(ref chunk.Ref, f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.callers--; f.callers > 0 {
		return
	}
	f.cancel()
	if s.flights[ref] == f {
		delete(s.flights, ref)
	}
	if f.landed && f.block != nil {
		f.block.release()
	}
}

// fly brings the chunk, and puts it back where the own copy went bad.
func (s *Store) fly(ctx context.Context, ref chunk.Ref, f *flight) {
	defer f.cancel()
	b, err := s.race(ctx, ref, f.ownErr)
	if err == nil {
		defer b.hold().release()
	}
	unwanted := s.land(ref, f, b, err)
	if err == nil && !unwanted && errors.Is(f.ownErr, chunk.ErrCorrupt) {
		s.heal(ref, b.data)
	}
}

// land hands the block to all who wait, and keeps it for those who come soon.
func (s *Store) land(ref chunk.Ref, f *flight, b *block, err error) (unwanted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flights[ref] == f {
		delete(s.flights, ref)
	}
	f.block, f.err, f.landed = b, err, true
	close(f.done)
	if err != nil {
		return f.unwanted
	}
	if !f.unwanted {
		b.hold()
		if !s.recent.Put(ref, b, b.cost()) {
			b.release()
		}
	}
	if f.callers == 0 {
		b.release()
	}
	return f.unwanted
}

// forget keeps nothing of a chunk in memory.
func (s *Store) forget(ref chunk.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recent.Remove(ref)
	if f := s.flights[ref]; f != nil {
		f.unwanted = true
	}
}

// heal puts a chunk back that went bad on the own disk, if this node is to hold it.
func (s *Store) heal(ref chunk.Ref, data []byte) {
	if !s.cfg.Layouts()[0].Holds(s.cfg.Self, placement.GroupOf(ref)) {
		return
	}
	if _, err := s.cfg.Disk.Put(s.life, data); err != nil {
		s.log.Warn("chunk that went bad could not be put back", "chunk", ref, "err", err)
		return
	}
	s.stats.healed.Add(1)
	s.log.Info("chunk that went bad was put back from another node", "chunk", ref)
}
