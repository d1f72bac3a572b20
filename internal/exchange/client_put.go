package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// put has a node take a chunk. It is durable there when err is nil; fresh tells that it was not there before. Data is not used any more
// when put returns.
func (c *Client) put(ctx context.Context, node placement.NodeID, info chunk.Info, data []byte) (fresh bool, err error) {
	limited, cancel := context.WithTimeout(ctx, putLimit)
	defer cancel()
	err = patiently(limited, func() error {
		fresh, err = c.putOnce(limited, node, info, data)
		return err
	})
	switch {
	case err == nil, ctx.Err() != nil:
	case errors.Is(err, chunk.ErrFull):
		c.peers.filled(node, time.Now())
	case !errors.Is(err, errBusy):
		c.peers.doubt(node, time.Now(), doubtFor)
	}
	return fresh, err
}

func (c *Client) putOnce(ctx context.Context, node placement.NodeID, info chunk.Info, data []byte) (fresh bool, err error) {
	l, err := c.ask(ctx, node, ChunkProtocol, request{Op: opPut, Names: packRefs(info.Ref), Size: info.Size}, putPatience)
	if err != nil {
		return false, err
	}
	defer l.close()
	a, err := l.receiveAnswer()
	if err == nil && a.Status == isSend {
		if err = l.write(data); err == nil {
			a, err = l.whenDone()
		}
	}
	if err != nil {
		return false, err
	}
	switch a.Status {
	case isStored:
		return true, nil
	case isKnown:
		return false, nil
	}
	return false, fmt.Errorf("answer %d to a put: %w", a.Status, errRefused)
}

// whenDone returns the answer after those that ask for patience.
func (l *link) whenDone() (answer, error) {
	for {
		a, err := l.receiveAnswer()
		if err != nil || a.Status != isWorking {
			return a, err
		}
	}
}
