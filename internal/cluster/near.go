package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/zeroconf/v2"
	ma "github.com/multiformats/go-multiaddr"

	"shoal/internal/placement"
)

const (
	// nearService is what nodes say they are by mDNS (RFC 6762, RFC 6763).
	nearService = "_shoal._udp"
	nearDomain  = "local"
	// nearTTL is how long a node is believed to be there, in seconds; it is heard of again before.
	nearTTL = 60
	// maxNear bounds the nodes near by that are remembered.
	maxNear = 64
	// maxNearAddresses keeps the announcement in one packet.
	maxNearAddresses = 4
)

// ErrNotNear says that a node was not found near by.
var ErrNotNear = errors.New("the node was not found near by; use an invite instead")

// Near is a node near by that is no member. Nothing of what it says of itself is proved, except to who asks to join.
type Near struct {
	ID   placement.NodeID
	Name string
	// Addresses are HOST:PORT.
	Addresses []string
	// Cluster is the one it belongs to; "" when it does not say.
	Cluster ID
	// Asks says that it wants to join this node's cluster and waits for Approve; Code is what it shows there.
	Asks bool
	Code string
	// Seen is when it was heard of last.
	Seen time.Time
}

// near remembers the nodes near by.
type near struct {
	now func() time.Time
	mu  sync.Mutex
	all map[placement.NodeID]Near // guarded by mu
}

func newNear(now func() time.Time) *near {
	return &near{now: now, all: make(map[placement.NodeID]Near)}
}

func (n *near) saw(found Near) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, old := range n.all {
		if n.now().Sub(old.Seen) > 3*nearTTL*time.Second {
			delete(n.all, id)
		}
	}
	if _, known := n.all[found.ID]; !known && len(n.all) >= maxNear {
		return
	}
	found.Seen = n.now()
	n.all[found.ID] = found
}

func (n *near) list() []Near {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []Near
	for _, found := range n.all {
		if n.now().Sub(found.Seen) <= 3*nearTTL*time.Second {
			all = append(all, found)
		}
	}
	return all
}

// Near returns the nodes near by that are no members, and those that ask to join, in the order of their names.
func (h *Host) Near() []Near {
	all := make(map[placement.NodeID]Near)
	for _, found := range h.near.list() {
		all[found.ID] = found
	}
	for _, asking := range h.asks.list() {
		found := all[asking.Node]
		found.ID, found.Asks, found.Code, found.Seen = asking.Node, true, Code(h.ID(), asking.Node), asking.seen
		if found.Name == "" {
			found.Name = asking.Name
		}
		if len(found.Addresses) == 0 {
			found.Addresses = []string{asking.Address}
		}
		all[asking.Node] = found
	}
	var list []Near
	for id, found := range all {
		if !h.members.Has(id) {
			list = append(list, found)
		}
	}
	slices.SortFunc(list, func(a, b Near) int {
		return strings.Compare(a.Name+"\n"+string(a.ID), b.Name+"\n"+string(b.ID))
	})
	return list
}

// Approve lets a node join that asks to. Errors: ErrNotAsking, and those of Invite.
func (h *Host) Approve(id placement.NodeID) error {
	_, err := h.issuer(id)
	if err == nil {
		err = h.asks.approve(id)
	}
	if err != nil {
		return fmt.Errorf("approve node %s: %w", id, err)
	}
	return nil
}

// Ask asks a node near by to be taken into its cluster, and waits until somebody there approves, or ctx ends. Code(h.ID(), id) is what
// people compare. Errors: ErrNotNear, and those of Join.
func (h *Host) Ask(ctx context.Context, id placement.NodeID, facts []byte) (*Welcome, error) {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		w, err := h.askOnce(ctx, id, facts)
		if err == nil || !errors.Is(err, errWaits) {
			return w, err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("ask node %s to join: %w", id, ctx.Err())
		}
	}
}

func (h *Host) askOnce(ctx context.Context, id placement.NodeID, facts []byte) (*Welcome, error) {
	var at []ma.Multiaddr
	for _, found := range h.near.list() {
		if found.ID == id {
			at = ways(found.Addresses)
		}
	}
	if len(at) == 0 {
		return nil, fmt.Errorf("ask node %s to join: %w", id, ErrNotNear)
	}
	w, err := h.joinAt(ctx, id, at, joinRequest{Name: h.cfg.Name, Facts: facts, Record: h.Record()})
	if err != nil {
		return nil, fmt.Errorf("ask node %s to join: %w", id, err)
	}
	return w, nil
}

// lookAround tells nodes near by that this one is here, and listens for them, until the host closes. Where the network has no
// multicast there is nothing to be had.
func (h *Host) lookAround() {
	for h.ctx.Err() == nil {
		told := h.announcement()
		if err := h.lookAroundWith(told); err != nil {
			h.log.Info("nodes near by are not looked for: this network has no multicast", "err", err)
			h.untilNews(told)
		}
	}
}

// lookAroundWith does so with one announcement, as long as that is true.
func (h *Host) lookAroundWith(told []string) error {
	name := string(h.ID())[len(h.ID())-16:]
	server, err := zeroconf.RegisterProxy(name, nearService, nearDomain, 1, name, h.announcedIPs(), told, nil, zeroconf.TTL(nearTTL))
	if err != nil {
		return err
	}
	defer server.Shutdown()
	ctx, cancel := context.WithCancel(h.ctx)
	var listening sync.WaitGroup
	listening.Go(func() { h.listenAround(ctx) })
	h.untilNews(told)
	cancel()
	listening.Wait()
	return nil
}

// untilNews returns when what is announced is no longer true, or the host closes.
func (h *Host) untilNews(announced []string) {
	ticker := time.NewTicker(addressesEvery)
	defer ticker.Stop()
	for slices.Equal(announced, h.announcement()) {
		select {
		case <-ticker.C:
		case <-h.ctx.Done():
			return
		}
	}
}

// announcement is what nodes near by are told, one text for each fact.
func (h *Host) announcement() []string {
	told := []string{"id=" + string(h.ID()), "name=" + cleanName(h.cfg.Name), "cluster=" + string(h.members.Cluster())}
	for _, address := range h.Addresses() {
		if len(told) < 3+maxNearAddresses {
			told = append(told, "at="+address)
		}
	}
	return told
}

// announcedIPs are of the record that mDNS wants beside the texts; nobody here reads it.
func (h *Host) announcedIPs() []string {
	var ips []string
	for _, address := range h.Addresses() {
		if host, _, err := net.SplitHostPort(address); err == nil && net.ParseIP(host) != nil {
			ips = append(ips, host)
		}
	}
	return ips
}

// listenAround hears of nodes near by until ctx ends.
func (h *Host) listenAround(ctx context.Context) {
	entries, ended := make(chan *zeroconf.ServiceEntry, 16), make(chan error, 1)
	go func() {
		ended <- zeroconf.Browse(ctx, nearService, nearDomain, entries, zeroconf.SelectIPTraffic(zeroconf.IPv4))
	}()
	for {
		select {
		case entry := <-entries:
			if entry == nil {
				entries = nil // it was closed; the reason comes
			} else if found, ok := readNear(entry.Text); ok && found.ID != h.ID() {
				h.near.saw(found)
			}
		case err := <-ended:
			if err != nil && ctx.Err() == nil {
				h.log.Info("nodes near by are not heard", "err", err)
			}
			return
		}
	}
}

// readNear reads an announcement.
func readNear(texts []string) (Near, bool) {
	var found Near
	for _, text := range texts[:min(len(texts), 16)] {
		key, value, _ := strings.Cut(text, "=")
		switch key {
		case "id":
			found.ID = placement.NodeID(value)
		case "name":
			found.Name = cleanName(value)
		case "cluster":
			if _, err := ID(value).key(); err == nil {
				found.Cluster = ID(value)
			}
		case "at":
			if isAddress(value) && len(found.Addresses) < maxNearAddresses {
				found.Addresses = append(found.Addresses, value)
			}
		}
	}
	_, err := publicKey(found.ID)
	return found, err == nil && len(found.Addresses) > 0
}
