package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/record"
	ma "github.com/multiformats/go-multiaddr"

	"shoal/internal/placement"
)

const (
	addressBucket = "addresses"
	// maxRecord is how many bytes a signed peer record has at most.
	maxRecord = 4096
	// maxWorked is how many addresses are remembered at which a member was reached.
	maxWorked = 2
)

// ErrRecord says that a record of addresses is not what it claims.
var ErrRecord = errors.New("the record of addresses is not valid")

// book knows where the members answer: by what each signed itself (libp2p's signed peer records), and where one was reached last.
// It is durable. Its methods may be called from many goroutines at once.
type book struct {
	records Records

	mu      sync.Mutex
	entries map[placement.NodeID]entry // guarded by mu
}

type entry struct {
	seq    uint64
	signed []ma.Multiaddr
	worked []ma.Multiaddr
	// text is the record as it was signed; nil while only an address is known.
	text []byte
}

// wireEntry is what is kept of a member.
type wireEntry struct {
	Record []byte   `cbor:"1,keyasint"`
	Worked []string `cbor:"2,keyasint"`
}

// openBook reads what is known. What cannot be read is left out: members tell it again.
func openBook(ctx context.Context, records Records) (*book, error) {
	b := &book{records: records, entries: make(map[placement.NodeID]entry)}
	err := records.Each(ctx, addressBucket, func(key string, value []byte) error {
		var w wireEntry
		if decode(value, &w) != nil {
			return nil
		}
		var e entry
		if node, read, err := readRecord(w.Record); err == nil && string(node) == key {
			e = read
		}
		for _, text := range w.Worked {
			if address, err := ma.NewMultiaddr(text); err == nil {
				e.worked = append(e.worked, address)
			}
		}
		b.entries[placement.NodeID(key)] = e
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read addresses of members: %w", err)
	}
	return b, nil
}

// readRecord checks a signed peer record and says whose it is.
func readRecord(text []byte) (placement.NodeID, entry, error) {
	if len(text) > maxRecord {
		return "", entry{}, fmt.Errorf("read record: %d bytes: %w", len(text), ErrRecord)
	}
	var r peer.PeerRecord
	envelope, err := record.ConsumeTypedEnvelope(text, &r)
	if err != nil {
		return "", entry{}, fmt.Errorf("read record: %w: %w", err, ErrRecord)
	}
	if !r.PeerID.MatchesPublicKey(envelope.PublicKey) {
		return "", entry{}, fmt.Errorf("read record of %s: somebody else signed it: %w", r.PeerID, ErrRecord)
	}
	if len(r.Addrs) > 2*maxAddresses || slices.ContainsFunc(r.Addrs, func(a ma.Multiaddr) bool { return !isDialable(a) }) {
		return "", entry{}, fmt.Errorf("read record of %s: its addresses: %w", r.PeerID, ErrRecord)
	}
	return nodeOf(r.PeerID), entry{seq: r.Seq, signed: r.Addrs, text: slices.Clone(text)}, nil
}

// isDialable tells whether an address is a host, and a port of TCP or QUIC.
func isDialable(address ma.Multiaddr) bool {
	var form string
	for _, part := range address {
		switch part.Protocol().Code {
		case ma.P_IP4, ma.P_IP6, ma.P_DNS, ma.P_DNS4, ma.P_DNS6:
			form += "host "
		default:
			form += part.Protocol().Name + " "
		}
	}
	return form == "host tcp " || form == "host udp quic-v1 "
}

// seal signs a record of this node's addresses. Its number is higher than that of the one before, also when the clock went back.
func seal(key crypto.PrivKey, self peer.ID, addresses []ma.Multiaddr, before uint64, now time.Time) ([]byte, error) {
	seq := max(before+1, uint64(max(now.UnixNano(), 0)))
	envelope, err := record.Seal(&peer.PeerRecord{PeerID: self, Addrs: addresses, Seq: seq}, key)
	if err != nil {
		return nil, fmt.Errorf("sign addresses: %w", err)
	}
	return envelope.Marshal()
}

// learn takes a record over that is newer than what is known, and tells whose it is and whether it is newer. isMember says whose
// are of interest.
func (b *book) learn(ctx context.Context, text []byte, isMember func(placement.NodeID) bool) (node placement.NodeID, news bool, err error) {
	node, read, err := readRecord(text)
	if err != nil {
		return "", false, err
	}
	if !isMember(node) {
		return node, false, fmt.Errorf("learn addresses of node %s: %w", node, ErrNotMember)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.entries[node]
	if old.text != nil && old.seq >= read.seq {
		return node, false, nil
	}
	read.worked = old.worked
	err = b.put(ctx, node, read)
	return node, err == nil, err
}

// reached notes where a member answered.
func (b *book) reached(ctx context.Context, node placement.NodeID, at ma.Multiaddr) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[node]
	if len(e.worked) > 0 && e.worked[0].Equal(at) {
		return nil
	}
	others := slices.DeleteFunc(slices.Clone(e.worked), at.Equal)
	e.worked = append([]ma.Multiaddr{at}, others[:min(len(others), maxWorked-1)]...)
	return b.put(ctx, node, e)
}

func (b *book) put(ctx context.Context, node placement.NodeID, e entry) error {
	w := wireEntry{Record: e.text, Worked: []string{}}
	for _, address := range e.worked {
		w.Worked = append(w.Worked, address.String())
	}
	if err := b.records.Save(ctx, addressBucket, string(node), encode(w)); err != nil {
		return fmt.Errorf("save addresses of node %s: %w", node, err)
	}
	b.entries[node] = e
	return nil
}

func (b *book) forget(ctx context.Context, node placement.NodeID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, there := b.entries[node]; !there {
		return nil
	}
	delete(b.entries, node)
	return b.records.Delete(ctx, addressBucket, string(node))
}

// addresses returns where to look for a node, where it was last found first.
func (b *book) addresses(node placement.NodeID) []ma.Multiaddr {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[node]
	return distinct(slices.Concat(e.worked, e.signed))
}

// distinct leaves out what was there before.
func distinct(addresses []ma.Multiaddr) []ma.Multiaddr {
	var all []ma.Multiaddr
	for _, address := range addresses {
		if !slices.ContainsFunc(all, address.Equal) {
			all = append(all, address)
		}
	}
	return all
}

// record returns what a node signed of its addresses, and the number of that; nil when that is not known.
func (b *book) record(node placement.NodeID) ([]byte, uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[node]
	return e.text, e.seq
}

// all returns the records of all but one node, up to so many bytes.
func (b *book) all(except placement.NodeID, limit int) [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := [][]byte{}
	for node, e := range b.entries {
		if node == except || e.text == nil || len(e.text) > limit {
			continue
		}
		all = append(all, e.text)
		limit -= len(e.text)
	}
	return all
}
