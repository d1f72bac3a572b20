package pool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"shoal/internal/gossip"
	"shoal/internal/placement"
	"shoal/internal/repair"
)

// repairProtocol asks a node what it would do about missing copies, or has it do that now. A request is one byte; the answer is four bytes
// of length and so many of CBOR.
const repairProtocol = "/shoal/repair/1"

const (
	askPlan = 'p'
	askNow  = 'n'
)

const (
	planTime = 30 * time.Second
	maxPlan  = 1 << 20
	// listedCopies is how many chunks a plan lists for each node.
	listedCopies = 1000
)

// Plans returns what each node would do now, and which nodes did not say.
func (p *Pool) Plans(ctx context.Context) (plans []repair.Plan, silent []placement.NodeID, err error) {
	own, err := p.repair.Plan(ctx, listedCopies)
	if err != nil {
		return nil, nil, err
	}
	plans = append(plans, own)
	var mu sync.Mutex
	p.askAll(func(id placement.NodeID) {
		plan, err := p.askPlan(ctx, id)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			p.log.Info("a node did not say what it would do", "node", id, "err", err)
			silent = append(silent, id)
			return
		}
		plans = append(plans, plan)
	})
	return plans, silent, ctx.Err()
}

// RepairNow waits for no node to come back, here and on all nodes that can be reached.
func (p *Pool) RepairNow(ctx context.Context) error {
	p.repairNow()
	p.askAll(func(id placement.NodeID) {
		if _, err := p.askRepair(ctx, id, askNow); err != nil {
			p.log.Info("a node was not told to repair", "node", id, "err", err)
		}
	})
	return ctx.Err()
}

func (p *Pool) repairNow() {
	p.mu.Lock()
	p.state.forced = true
	p.mu.Unlock()
	p.repair.Now()
	signal(p.kick)
}

// askAll calls ask for each other node, at the same time, and returns when all have returned.
func (p *Pool) askAll(ask func(placement.NodeID)) {
	var asking sync.WaitGroup
	for _, peer := range p.gossip.All() {
		if peer.State == gossip.Alive || peer.State == gossip.Suspect {
			asking.Go(func() { ask(peer.ID) })
		}
	}
	asking.Wait()
}

func (p *Pool) askPlan(ctx context.Context, id placement.NodeID) (plan repair.Plan, err error) {
	text, err := p.askRepair(ctx, id, askPlan)
	if err != nil {
		return plan, err
	}
	if err := strict.Unmarshal(text, &plan); err != nil {
		return plan, fmt.Errorf("read the plan of node %s: %w", id, err)
	}
	plan.Node = id
	return plan, nil
}

func (p *Pool) askRepair(ctx context.Context, id placement.NodeID, what byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, planTime)
	defer cancel()
	conn, err := p.host.Dial(ctx, id, repairProtocol)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := conn.Write([]byte{what}); err != nil {
		return nil, fmt.Errorf("ask node %s: %w", id, err)
	}
	text, err := readFrame(conn)
	if err != nil {
		return nil, fmt.Errorf("ask node %s: %w", id, err)
	}
	return text, nil
}

func readFrame(conn io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxPlan {
		return nil, fmt.Errorf("an answer of %d bytes", size)
	}
	text := make([]byte, size)
	_, err := io.ReadFull(conn, text)
	return text, err
}

// serveRepair answers another node.
func (p *Pool) serveRepair(ctx context.Context, from placement.NodeID, conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(planTime))
	text, err := p.answerRepair(ctx, conn)
	if err == nil {
		_, err = conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
	}
	if err != nil && ctx.Err() == nil {
		p.log.Info("a node got no answer about repair", "node", from, "err", err)
	}
}

func (p *Pool) answerRepair(ctx context.Context, conn io.Reader) ([]byte, error) {
	var what [1]byte
	if _, err := io.ReadFull(conn, what[:]); err != nil {
		return nil, err
	}
	switch what[0] {
	case askPlan:
		ctx, cancel := context.WithTimeout(ctx, planTime)
		defer cancel()
		plan, err := p.repair.Plan(ctx, listedCopies)
		if err != nil {
			return nil, err
		}
		return encode(plan), nil
	case askNow:
		p.repairNow()
		return nil, nil
	}
	return nil, errors.New("an unknown question")
}
