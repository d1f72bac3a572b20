package exchange

import (
	"context"
	"errors"
	"sync"
	"time"

	"shoal/internal/chunk"
)

// put takes a chunk from another node, unless it is here or cannot be taken: then its bytes are not sent at all.
func (s *Server) put(ctx context.Context, l *link, info chunk.Info) error {
	if err := chunk.CheckSize(info.Size); err != nil {
		return s.refuse(l, errors.Join(errRefused, err))
	}
	leave, err := s.puts.enter(ctx)
	if err != nil {
		return s.sendError(l, "put", info.Ref, err)
	}
	defer leave()
	err = s.cfg.Disk.Renew(ctx, info)
	if err == nil {
		return l.send(answer{Status: isKnown})
	}
	if !errors.Is(err, chunk.ErrNotFound) {
		return s.sendError(l, "put", info.Ref, err)
	}
	if err := l.send(answer{Status: isSend}); err != nil {
		return err
	}
	return s.take(ctx, l, info)
}

// take receives the bytes and stores them.
func (s *Server) take(ctx context.Context, l *link, info chunk.Info) error {
	data := chunk.Buffer()[:info.Size]
	defer chunk.Release(data)
	if err := l.read(data, func([]byte) {}); err != nil {
		return err
	}
	stored, err := s.keep(ctx, l, data)
	switch {
	case err != nil:
		return s.sendError(l, "put", info.Ref, err)
	case stored.Ref != info.Ref:
		// It lies under its true name, which somebody may rely on by now. Nobody else does, so it goes as garbage.
		return s.sendError(l, "put", info.Ref, chunk.ErrCorrupt)
	case !stored.New:
		return l.send(answer{Status: isKnown})
	}
	s.stats.taken.Add(1)
	s.stats.takenBytes.Add(stored.Size)
	return l.send(answer{Status: isStored})
}

// keep stores data, and meanwhile tells the other side that this takes its time, so that a slow disk is not taken for a frozen node.
func (s *Server) keep(ctx context.Context, l *link, data []byte) (chunk.Stored, error) {
	done := make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		tick := time.NewTicker(workEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if l.send(answer{Status: isWorking}) != nil {
					return
				}
			}
		}
	})
	defer telling.Wait()
	defer close(done)
	return s.cfg.Disk.Put(ctx, data)
}
