package cluster

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"shoal/internal/placement"
)

// Errors of admission that callers branch on.
var (
	ErrOtherCluster = errors.New("the node belongs to another cluster")
	ErrRemoved      = errors.New("the node was removed from the cluster; it comes back with a new invite")
	ErrNotMember    = errors.New("the node is not a member of this cluster")
	ErrFull         = fmt.Errorf("the cluster has %d nodes, and that is the most", placement.MaxNodes)
)

// Removal takes a node out of the cluster. It beats every certificate of that node up to a serial, and never expires. Of the nodes
// that it had admitted those stay that were known when it was removed; whom it certifies afterwards is nobody.
type Removal struct {
	Node   placement.NodeID
	Serial uint64
	// Kept are the nodes it had certified itself, with the serials that they had.
	Kept map[placement.NodeID]uint64
}

// maxRemoval is more bytes than any encoded removal has.
const maxRemoval = 64 << 10

type wireRemoval struct {
	Node   placement.NodeID `cbor:"1,keyasint"`
	Serial uint64           `cbor:"2,keyasint"`
	Kept   []wireKept       `cbor:"3,keyasint"`
}

type wireKept struct {
	_      struct{} `cbor:",toarray"`
	Node   placement.NodeID
	Serial uint64
}

// Encode returns the removal's canonical bytes, at most 64 KiB.
func (r Removal) Encode() []byte {
	w := wireRemoval{Node: r.Node, Serial: r.Serial, Kept: []wireKept{}}
	for _, id := range slices.Sorted(maps.Keys(r.Kept)) {
		w.Kept = append(w.Kept, wireKept{Node: id, Serial: r.Kept[id]})
	}
	return encode(w)
}

// ReadRemoval reads what Encode wrote. Who may write one is checked elsewhere. Errors: ErrInvalid.
func ReadRemoval(text []byte) (Removal, error) {
	if len(text) > maxRemoval {
		return Removal{}, fmt.Errorf("read removal: %d bytes: %w", len(text), ErrInvalid)
	}
	var w wireRemoval
	if err := decode(text, &w); err != nil {
		return Removal{}, fmt.Errorf("read removal: %w: %w", err, ErrInvalid)
	}
	r := Removal{Node: w.Node, Serial: w.Serial, Kept: make(map[placement.NodeID]uint64, len(w.Kept))}
	before := placement.NodeID("")
	for _, k := range w.Kept {
		if k.Node <= before {
			return Removal{}, fmt.Errorf("read removal: out of order: %w", ErrInvalid)
		}
		r.Kept[k.Node], before = k.Serial, k.Node
	}
	if _, err := publicKey(r.Node); err != nil || r.Serial == 0 || r.Serial > maxSerial {
		return Removal{}, fmt.Errorf("read removal: of %.80q up to serial %d: %w", string(r.Node), r.Serial, ErrInvalid)
	}
	return r, nil
}

// Members is what this node knows of who belongs to its cluster: certificates, and removals, which win. It is in memory; where both
// come from and are kept is for others. Its methods may be called from many goroutines at once.
type Members struct {
	mu           sync.RWMutex
	self         placement.NodeID
	cluster      ID                                // guarded by mu
	certificates map[placement.NodeID]*Certificate // guarded by mu; the best of each node
	removals     map[placement.NodeID]Removal      // guarded by mu
	changed      func(gained, lost []placement.NodeID)
}

// newMembers returns those of own's cluster: own's node alone. changed is told who comes and goes, never under a lock.
func newMembers(own *Certificate, changed func(gained, lost []placement.NodeID)) *Members {
	m := &Members{self: own.Node(), changed: changed}
	m.begin(own)
	return m
}

// begin forgets everything for the cluster that own is of.
func (m *Members) begin(own *Certificate) {
	m.mu.Lock()
	lost := m.ids()
	m.cluster = own.Cluster()
	m.certificates = map[placement.NodeID]*Certificate{own.Node(): own}
	m.removals = make(map[placement.NodeID]Removal)
	m.mu.Unlock()
	m.tell(nil, slices.DeleteFunc(lost, func(id placement.NodeID) bool { return id == m.self }))
}

// Cluster is whose members these are.
func (m *Members) Cluster() ID {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.cluster
}

// Has tells whether a node is a member.
func (m *Members) Has(id placement.NodeID) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.has(id)
}

func (m *Members) has(id placement.NodeID) bool {
	c, there := m.certificates[id]
	return there && m.holds(c) == nil
}

// Certificate returns the newest certificate of a member.
func (m *Members) Certificate(id placement.NodeID) (*Certificate, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.certificates[id], m.has(id)
}

// All returns the members, this node too while it is one, in order.
func (m *Members) All() []placement.NodeID {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ids()
}

func (m *Members) ids() []placement.NodeID {
	var all []placement.NodeID
	for id := range m.certificates {
		if m.has(id) {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	return all
}

// Admit takes a certificate over, and tells whether it is news. Errors: ErrOtherCluster, ErrRemoved, ErrFull.
func (m *Members) Admit(c *Certificate) (news bool, err error) {
	news, gained, err := m.admit(c)
	if gained {
		m.tell([]placement.NodeID{c.Node()}, nil)
	}
	return news, err
}

func (m *Members) admit(c *Certificate) (news, gained bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.accepts(c); err != nil {
		return false, false, err
	}
	was := m.has(c.Node())
	if was && m.certificates[c.Node()].Serial() >= c.Serial() {
		return false, false, nil
	}
	m.certificates[c.Node()] = c
	return true, !was, nil
}

// wouldAdmit is nil when Admit would take the certificate.
func (m *Members) wouldAdmit(c *Certificate) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.accepts(c)
}

// accepts is nil when Admit would take the certificate, or knows one as good.
func (m *Members) accepts(c *Certificate) error {
	if c.Cluster() != m.cluster {
		return fmt.Errorf("admit node %s: %w", c.Node(), ErrOtherCluster)
	}
	if err := m.holds(c); err != nil {
		return fmt.Errorf("admit node %s: %w", c.Node(), err)
	}
	// Those who were removed are counted too: they are remembered so that they can be named.
	if _, known := m.certificates[c.Node()]; !known && len(m.certificates) >= 2*placement.MaxNodes {
		return fmt.Errorf("admit node %s: %w", c.Node(), ErrFull)
	}
	return nil
}

// holds is nil unless a removal beats the certificate.
func (m *Members) holds(c *Certificate) error {
	if r, there := m.removals[c.Node()]; there && r.Serial >= c.Serial() {
		return ErrRemoved
	}
	for _, l := range c.links {
		r, there := m.removals[l.Issuer]
		if there && r.Serial >= l.IssuerSerial && r.Kept[l.Node] != l.Serial {
			return ErrRemoved
		}
	}
	return nil
}

// Removal returns what removes a node: the composition has it written and spread, and hands it to Remove.
func (m *Members) Removal(id placement.NodeID) (Removal, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if !m.has(id) {
		return Removal{}, fmt.Errorf("remove node %s: %w", id, ErrNotMember)
	}
	r := Removal{Node: id, Serial: m.certificates[id].Serial(), Kept: make(map[placement.NodeID]uint64)}
	for _, c := range m.certificates {
		// Who was admitted through one that it admitted stays with that one.
		for _, l := range c.links {
			if l.Issuer == id && m.holds(c) == nil {
				r.Kept[l.Node] = l.Serial
			}
		}
	}
	return r, nil
}

// Remove takes a removal over. One of a lower serial than is known changes nothing. What was refused because of a removal that another
// one replaces is to be handed to Admit again.
func (m *Members) Remove(r Removal) {
	m.mu.Lock()
	before := m.ids()
	if old := m.removals[r.Node]; old.Serial <= r.Serial {
		m.removals[r.Node] = r
	}
	after := m.ids()
	m.mu.Unlock()
	m.tell(missing(before, after), missing(after, before))
}

// missing returns those of all that are not in some.
func missing(some, all []placement.NodeID) []placement.NodeID {
	return slices.DeleteFunc(slices.Clone(all), func(id placement.NodeID) bool {
		_, found := slices.BinarySearch(some, id)
		return found
	})
}

// Removed tells whether a node was a member and is none any more.
func (m *Members) Removed(id placement.NodeID) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	_, there := m.removals[id]
	return there && !m.has(id)
}

// nextSerial is what a node gets that is admitted now.
func (m *Members) nextSerial(id placement.NodeID) uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	serial := m.removals[id].Serial
	if c, there := m.certificates[id]; there {
		serial = max(serial, c.Serial())
	}
	return serial + 1
}

func (m *Members) tell(gained, lost []placement.NodeID) {
	if m.changed != nil && len(gained)+len(lost) > 0 {
		m.changed(gained, lost)
	}
}
