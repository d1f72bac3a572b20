package rows

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

const (
	// maxServedFrom and maxServed bound the streams that are answered at one time, of one node and in all.
	maxServedFrom = 8
	maxServed     = 1024
	helloWithin   = 10 * time.Second
	// turnWithin is how long an exchange waits for its turn; who asked waits longer for an answer.
	turnWithin = frameWithin / 2
)

// What a stream is for.
const (
	forExchange = 1
	forPushes   = 2
)

// hello is a stream's first frame.
type hello struct {
	What  uint64 `cbor:"1,keyasint"`
	Table string `cbor:"2,keyasint"`
}

func (h hello) encode() []byte { return must(canonical.Marshal(h)) }

func decodeHello(text []byte) (hello, error) {
	var h hello
	if err := strict.Unmarshal(text, &h); err != nil {
		return h, fmt.Errorf("read hello: %w: %w", err, ErrRefused)
	}
	return h, nil
}

// Serve answers a stream that another node has opened. It returns when the stream has ended or ctx ends.
func (s *Spread) Serve(ctx context.Context, from string, conn net.Conn) {
	if !s.enter(from) {
		return
	}
	defer s.leave(from)
	stream := newBound(ctx, conn, func() {})
	defer stream.unhook()
	if err := s.serve(ctx, from, newLink(stream), stream); err != nil && ctx.Err() == nil {
		s.cfg.Log.Debug("a stream of rows ended early", "node", from, "error", err)
	}
}

func (s *Spread) enter(from string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.served[from] >= maxServedFrom || s.total >= maxServed {
		return false
	}
	s.served[from]++
	s.total++
	return true
}

func (s *Spread) leave(from string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.served[from]--; s.served[from] == 0 {
		delete(s.served, from)
	}
}

func (s *Spread) serve(ctx context.Context, from string, l *link, stream *bound) error {
	text, err := l.receiveWithin(helloWithin)
	if err != nil {
		return err
	}
	h, err := decodeHello(text)
	if err != nil {
		return err
	}
	table, there := s.table(h.Table)
	switch {
	case !there:
		return fmt.Errorf("no table %q: %w", h.Table, ErrRefused)
	case h.What == forExchange:
		return s.answer(ctx, from, h.Table, table, l, stream)
	case h.What == forPushes:
		return s.takePushes(ctx, from, h.Table, table, l)
	}
	return fmt.Errorf("a stream for %d: %w", h.What, ErrRefused)
}

// answer answers an exchange when it is its turn.
func (s *Spread) answer(ctx context.Context, from, name string, table *Table, l *link, stream *bound) error {
	waiting, cancel := context.WithTimeout(ctx, turnWithin)
	lane, err := s.answered.enter(waiting)
	cancel()
	if err != nil {
		return err
	}
	defer s.answered.leave(lane)
	stream.moved = lane.move
	ctx, cancel = context.WithTimeout(ctx, exchangeWithin)
	defer cancel()
	defer context.AfterFunc(ctx, stream.expire)()
	done, err := table.answer(ctx, l)
	s.merged(from, name, done.Taken, err)
	if (err == nil || errors.Is(err, ErrRefused)) && !done.More && name == s.lastTable() {
		s.settle(from)
	}
	return err
}

// settle notes that a node has exchanged all tables.
func (s *Spread) settle(from string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.partners[from]; p != nil {
		s.settleLocked(p, time.Now())
	}
}

// takePushes merges rows as they come, those that came together at once.
func (s *Spread) takePushes(ctx context.Context, from, name string, table *Table, l *link) error {
	for {
		batch, ended, err := l.pushed()
		if len(batch) > 0 {
			taken, err := table.Merge(ctx, batch)
			s.merged(from, name, taken, err)
			if err != nil && !errors.Is(err, ErrRefused) {
				s.owe(from) // such as a full disk
				return err
			}
		}
		if err != nil || ended {
			return err
		}
	}
}

// pushed receives the next row and what has come with it.
func (l *link) pushed() (batch [][]byte, ended bool, err error) {
	text, err := l.receiveWithin(pushAnswerIdle)
	for size := 0; err == nil && len(text) > 0; text, err = l.receive() {
		batch = append(batch, text)
		size += len(text)
		if l.r.Buffered() == 0 || size >= batchBytes || len(batch) >= batchRows {
			return batch, false, nil
		}
	}
	return batch, err == nil, err
}
