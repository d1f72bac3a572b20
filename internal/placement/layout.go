// Package placement decides which nodes hold which chunks. It is pure: the same rows give the same answer on every node
// and every machine, so nobody has to ask anybody where a chunk lies. Carrying out what it decides is left to others.
//
// Chunks fall into groups by the first bits of their hash, and each group has its holders: by weighted rendezvous
// hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998), so that a node that goes
// changes only the groups that it held, and a node that comes takes groups from others but moves none between them.
// The first holders of a group are spread over as many zones as there are.
package placement

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
)

// NodeID names a node; it is compared and hashed as it is.
type NodeID string

// Node is what a layout knows of a node.
type Node struct {
	ID NodeID
	// Zone is where the node stands: nodes of one zone may fail together. A node without one is a zone of its own.
	Zone string
	// Capacity is how many bytes the node promises; its share of the groups follows it. 0 promises nothing.
	Capacity int64
	// Draining nodes hold nothing for the future, and give away what they have.
	Draining bool
}

// MaxNodes is how many nodes one cluster has at most.
const MaxNodes = 256

// MaxCopies is how many copies of a chunk may be wanted at most.
const MaxCopies = 16

// Version names a layout: two layouts with the same version are the same.
type Version [sha256.Size]byte

func (v Version) String() string { return hex.EncodeToString(v[:8]) }

// Layout says which nodes hold which groups. It is made once and never changes, so it may be read by many goroutines.
type Layout struct {
	copies  int
	nodes   []Node // by id
	version Version
	// able are the nodes that may hold something, zones how many zones those stand in.
	able  []candidate
	zones int
}

// NewLayout returns the layout of the given nodes, in any order, with the wanted number of copies. When fewer nodes
// promise room, each of those holds everything.
func NewLayout(copies int, nodes []Node) (*Layout, error) {
	if copies < 1 || copies > MaxCopies {
		return nil, fmt.Errorf("make layout: %d copies, want 1 to %d", copies, MaxCopies)
	}
	if len(nodes) > MaxNodes {
		return nil, fmt.Errorf("make layout: %d nodes, at most %d", len(nodes), MaxNodes)
	}
	l := &Layout{copies: copies, nodes: slices.Clone(nodes)}
	slices.SortFunc(l.nodes, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
	for i, n := range l.nodes {
		if n.Capacity < 0 {
			return nil, fmt.Errorf("make layout: node %s promises %d bytes", n.ID, n.Capacity)
		}
		if i > 0 && l.nodes[i-1].ID == n.ID {
			return nil, fmt.Errorf("make layout: node %s stands in it twice", n.ID)
		}
	}
	l.version = l.hash()
	l.enlist()
	return l, nil
}

// hash covers everything that decides who holds what.
func (l *Layout) hash() Version {
	var text []byte
	text = binary.AppendUvarint(text, uint64(l.copies))
	for _, n := range l.nodes {
		for _, word := range []string{string(n.ID), n.Zone} {
			text = binary.AppendUvarint(text, uint64(len(word)))
			text = append(text, word...)
		}
		text = binary.AppendUvarint(text, uint64(n.Capacity))
		draining := byte(0)
		if n.Draining {
			draining = 1
		}
		text = append(text, draining)
	}
	return sha256.Sum256(text)
}
