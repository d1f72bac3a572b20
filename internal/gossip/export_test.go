package gossip

import (
	"bytes"

	"shoal/internal/placement"
)

// Plain and ReadHead decide what memberlist gets to read.
func Plain(from placement.NodeID, packet []byte) bool { return plain(from, packet) }
func ReadHead(text []byte) error                      { return readHead(bytes.NewReader(text)) }

// AddressOf is by what a node is known.
func AddressOf(id placement.NodeID) ([]byte, uint16) { return ip(id), port }
