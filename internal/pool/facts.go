package pool

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"shoal/internal/placement"
	"shoal/internal/repair"
)

// Limits of what a node says of itself.
const (
	maxText   = 256
	maxRecord = 8 << 10
	maxFacts  = 16 << 10
)

// facts are what a node says of itself, and seldom changes.
type facts struct {
	Name     string `cbor:"1,keyasint"`
	Zone     string `cbor:"2,keyasint"`
	Capacity int64  `cbor:"3,keyasint"`
	URL      string `cbor:"4,keyasint"`
	Version  string `cbor:"5,keyasint"`
	// Record has the node's addresses, signed by it (cluster.Host.Record).
	Record []byte `cbor:"6,keyasint"`
}

// report is how a node is at the moment; it travels with gossip, so it is small.
type report struct {
	Used  int64 `cbor:"1,keyasint"`
	Free  int64 `cbor:"2,keyasint"`
	State byte  `cbor:"3,keyasint"`
	// Queued and Left are chunks and bytes to be copied, ETA how long that takes in seconds, 0 when unknown.
	Queued int64 `cbor:"4,keyasint"`
	Left   int64 `cbor:"5,keyasint"`
	ETA    int64 `cbor:"6,keyasint"`
	Under  int64 `cbor:"7,keyasint"`
	Lost   int64 `cbor:"8,keyasint"`
	// Safe of Held chunks are with others, while the node drains.
	Safe int64 `cbor:"9,keyasint"`
	Held int64 `cbor:"10,keyasint"`
}

// repairStates are the states as they travel, by number; a number is never used again for another.
var repairStates = []repair.State{
	repair.StateIdle, repair.StateChecking, repair.StateRepairing, repair.StateWaiting, repair.StateDraining, repair.StateDrained,
}

var (
	canonical = must(cbor.CoreDetEncOptions().EncMode())
	strict    = must(cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxNestedLevels: 8, MaxMapPairs: 64, MaxArrayElements: 1 << 16,
	}.DecMode())
)

// must is for options that are constant.
func must[Mode any](mode Mode, err error) Mode {
	if err != nil {
		panic(err)
	}
	return mode
}

// encode is for values that can be.
func encode(value any) []byte {
	text, err := canonical.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

func readFacts(text []byte) (f facts, err error) {
	if len(text) > maxFacts {
		return f, fmt.Errorf("read a node's facts: %d bytes: %w", len(text), errRow)
	}
	if err := strict.Unmarshal(text, &f); err != nil {
		return f, fmt.Errorf("read a node's facts: %w", err)
	}
	if len(f.Name) > maxText || len(f.Zone) > maxText || len(f.URL) > maxText || len(f.Version) > maxText || len(f.Record) > maxRecord || f.Capacity < 0 {
		return f, fmt.Errorf("read a node's facts: out of bounds: %w", errRow)
	}
	return f, nil
}

func readReport(text []byte) (r report, err error) {
	if err := strict.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read a node's report: %w", err)
	}
	if int(r.State) >= len(repairStates) || min(r.Used, r.Free, r.Queued, r.Left, r.ETA, r.Under, r.Lost, r.Safe, r.Held) < 0 {
		return r, errors.New("read a node's report: out of bounds")
	}
	return r, nil
}

// hear takes in what a node says of itself.
func (p *Pool) hear(id placement.NodeID, text []byte) {
	f, err := readFacts(text)
	if err != nil {
		p.log.Warn("what a node says of itself was passed over", "node", id, "err", err)
		return
	}
	if _, err := p.host.Learn(context.Background(), f.Record); err != nil && id != p.ID() {
		p.log.Debug("a node's addresses were passed over", "node", id, "err", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.facts[id] = f
}

// introduce writes what this node says of itself, and what it knows of who belongs, where that is not written yet.
func (p *Pool) introduce(ctx context.Context) error {
	for _, id := range p.host.Members().All() {
		if c, is := p.host.Members().Certificate(id); is {
			if err := p.keepAdmission(ctx, c); err != nil {
				return err
			}
		}
	}
	if err := p.tellFacts(ctx); err != nil {
		return err
	}
	return p.tellCopies(ctx)
}

func (p *Pool) tellFacts(ctx context.Context) error {
	known, err := p.membership.Load(ctx, nodes, string(p.ID()))
	var before facts
	if err == nil {
		before, _ = readFacts(known) // what is damaged is written anew
	}
	own := encode(facts{
		Name: p.cfg.Name, Zone: p.cfg.Zone, Capacity: steady(before.Capacity, p.cfg.Usage().Capacity), URL: cmp.Or(p.cfg.URL(), before.URL),
		Version: p.cfg.Version, Record: p.host.Record(),
	})
	if err == nil && bytes.Equal(known, own) {
		return nil
	}
	if err := p.membership.Save(ctx, nodes, string(p.ID()), own); err != nil {
		return fmt.Errorf("say what this node is: %w", err)
	}
	p.hear(p.ID(), own)
	return nil
}

// steady keeps a capacity while the new one differs by little: what is free on a disk changes all the time, and each change of a
// capacity moves chunks.
func steady(before, now int64) int64 {
	if off := max(before, now) - min(before, now); before > 0 && off <= before/10 {
		return before
	}
	return now
}

// tellCopies writes how many copies are wanted, when this node was told so.
func (p *Pool) tellCopies(ctx context.Context) error {
	if p.cfg.Copies == 0 || p.Copies() == p.cfg.Copies {
		return nil
	}
	if err := p.membership.Save(ctx, settings, copiesKey, encode(p.cfg.Copies)); err != nil {
		return fmt.Errorf("set the number of copies: %w", err)
	}
	return nil
}

const (
	copiesKey     = "copies"
	defaultCopies = 2
)

// Copies is how many nodes are to hold each chunk.
func (p *Pool) Copies() int {
	text, err := p.membership.Load(context.Background(), settings, copiesKey)
	if err != nil {
		return defaultCopies
	}
	var n int
	if err := strict.Unmarshal(text, &n); err != nil || n < 1 || n > placement.MaxCopies {
		return defaultCopies
	}
	return n
}

// reportEvery is how often a node tells the others how it is.
const reportEvery = 2 * time.Second

// report tells the others how this node is, until ctx ends.
func (p *Pool) report(ctx context.Context) error {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	var last []byte
	for {
		now := encode(p.ownReport())
		if !bytes.Equal(now, last) {
			if err := p.gossip.SetFacts(now); err != nil {
				return err
			}
			last = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (p *Pool) ownReport() report {
	usage, s := p.cfg.Usage(), p.repair.Status()
	r := report{
		Used: usage.Used, Free: max(0, usage.Free), Queued: int64(s.Queued), Left: s.BytesLeft, ETA: int64(s.ETA / time.Second),
		Under: int64(s.UnderCopied), Lost: int64(s.Lost), Safe: int64(s.Safe), Held: int64(s.Held),
	}
	for i, state := range repairStates {
		if state == s.State {
			r.State = byte(i)
		}
	}
	return r
}
