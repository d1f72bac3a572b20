package ingest

import "sync"

// hasherBlocks is how many blocks a hasher has: one is filled, one is written, one is hashed.
const hasherBlocks = 3

// hasher hashes blocks in their order while its owner fills the next ones. It is used by one goroutine.
type hasher struct {
	hash  keptHash
	full  chan []byte
	empty chan []byte
	ended sync.WaitGroup
}

// newHasher goes on with a hash, which is its own from now on; close it.
func newHasher(hash keptHash) *hasher {
	h := &hasher{hash: hash, full: make(chan []byte, hasherBlocks), empty: make(chan []byte, hasherBlocks)}
	for range hasherBlocks {
		h.empty <- make([]byte, receiveBlock)
	}
	h.ended.Go(func() {
		for block := range h.full {
			h.hash.Write(block)
			h.empty <- block[:cap(block)]
		}
	})
	return h
}

// block waits for a block to fill. Every block goes back by add.
func (h *hasher) block() []byte { return <-h.empty }

// add hashes the start of what block returned.
func (h *hasher) add(block []byte) { h.full <- block }

// state returns what is to be kept of the hash of all that was added.
func (h *hasher) state() ([]byte, error) {
	var all [hasherBlocks][]byte
	for i := range all {
		all[i] = <-h.empty
	}
	defer func() {
		for _, block := range all {
			h.empty <- block
		}
	}()
	return h.hash.MarshalBinary()
}

func (h *hasher) close() {
	close(h.full)
	h.ended.Wait()
}
