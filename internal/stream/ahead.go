package stream

import (
	"context"

	"shoal/internal/chunk"
)

// ahead is a chunk that is being opened in the background.
type ahead struct {
	index  int
	cancel context.CancelFunc
	// done is closed when reader and err are set; they are not touched before.
	done   chan struct{}
	reader chunk.Reader
	err    error
}

// open begins to open a chunk. Whoever gets the result waits for done, and cancels when the reader is
// closed.
func (c *Content) open(i int) *ahead {
	ctx, cancel := context.WithCancel(c.ctx)
	a := &ahead{index: i, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.reader, a.err = c.load(ctx, i)
	}()
	return a
}

// readAhead opens a chunk in the background, unless that is under way.
func (c *Content) readAhead(i int) error {
	if c.next != nil && c.next.index == i {
		return nil
	}
	if err := c.dropNext(); err != nil {
		return err
	}
	c.next = c.open(i)
	return nil
}

// take returns the chunk at s, which may have been opened ahead.
func (c *Content) take(s span) (*opened, error) {
	if c.next == nil || c.next.index != s.index {
		if err := c.dropNext(); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithCancel(c.ctx)
		reader, err := c.load(ctx, s.index)
		if err != nil {
			cancel()
			return nil, err
		}
		return &opened{s, reader, cancel}, nil
	}
	a := c.next
	c.next = nil
	<-a.done
	if a.err != nil {
		a.cancel()
		return nil, a.err
	}
	return &opened{s, a.reader, a.cancel}, nil
}

// dropNext gives up what is being opened ahead, and waits until nothing of it runs or is open any more.
func (c *Content) dropNext() error {
	if c.next == nil {
		return nil
	}
	a := c.next
	c.next = nil
	a.cancel()
	<-a.done
	if a.reader == nil {
		return nil // what went wrong with a chunk that nobody wants is of no interest
	}
	return c.wrapChunk(a.index, a.reader.Close())
}
