package cluster

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"shoal/internal/placement"
)

const (
	// maxAsks bounds the nodes that wait to be approved.
	maxAsks = 16
	// askEvery is how often a node that waits asks again; who has not for askLasts is forgotten.
	askEvery = 6 * time.Second
	askLasts = time.Minute
	// approvalLasts is how long an approval waits for its node.
	approvalLasts = 10 * time.Minute
)

// ErrNotAsking says that a node cannot be approved because it does not want to join.
var ErrNotAsking = errors.New("the node has not asked to join; start it with --join near, or give it an invite")

// errWaits says that somebody has to approve first.
var errWaits = errors.New("the node waits to be approved")

// ask is a node that wants to join without an invite.
type ask struct {
	Node          placement.NodeID
	Name, Address string
	seen          time.Time
	approved      time.Time
	serial        uint64
}

// asks are the nodes that wait to be approved. They are forgotten with the process: who still wants to, asks again.
type asks struct {
	now func() time.Time
	mu  sync.Mutex
	all map[placement.NodeID]ask // guarded by mu
}

func newAsks(now func() time.Time) *asks { return &asks{now: now, all: make(map[placement.NodeID]ask)} }

// use notes that a node asks, and returns the serial that it gets once it was approved.
func (a *asks) use(asking ask, next uint64, isMember bool, again func(serial uint64) bool) (uint64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweep()
	old, waits := a.all[asking.Node]
	switch {
	case old.serial > 0 && again(old.serial):
		return old.serial, nil
	case isMember:
		return 0, ErrAlreadyMember
	case !waits && len(a.all) >= maxAsks:
		return 0, ErrTooOften
	}
	asking.seen, asking.approved = a.now(), old.approved
	if approved := !old.approved.IsZero() && old.serial == 0; approved {
		asking.serial = next
	}
	a.all[asking.Node] = asking
	if asking.serial == 0 {
		return 0, errWaits
	}
	return next, nil
}

// approve lets a node in that asks.
func (a *asks) approve(node placement.NodeID) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweep()
	asking, waits := a.all[node]
	if !waits {
		return ErrNotAsking
	}
	asking.approved, asking.serial = a.now(), 0
	a.all[node] = asking
	return nil
}

// list returns those that wait.
func (a *asks) list() []ask {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweep()
	var all []ask
	for _, asking := range a.all {
		if asking.approved.IsZero() {
			all = append(all, asking)
		}
	}
	slices.SortFunc(all, func(x, y ask) int { return strings.Compare(string(x.Node), string(y.Node)) })
	return all
}

func (a *asks) sweep() {
	now := a.now()
	for node, asking := range a.all {
		if now.Sub(asking.seen) > askLasts && now.Sub(asking.approved) > approvalLasts {
			delete(a.all, node)
		}
	}
}

// Code returns the letters that two nodes show, one that asks and one that approves, so that people see that it is the same two: eight
// of base32, which hold 40 bits of both names.
func Code(a, b placement.NodeID) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "shoal code 1\n%s\n%s", min(a, b), max(a, b)))
	text := strings.ToUpper(idText.EncodeToString(sum[:5]))
	return text[:4] + "-" + text[4:]
}

// cleanName returns what of a name can be shown: one line, of at most 64 bytes.
func cleanName(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name)
	for len(clean) > maxName {
		runes := []rune(clean)
		clean = string(runes[:len(runes)-1])
	}
	return strings.TrimSpace(clean)
}
