package exchange

import (
	"errors"
	"fmt"
	"strings"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

var (
	// ErrUnreachable says that a chunk may exist, on a node that cannot be asked now.
	ErrUnreachable = errors.New("a node that may have the chunk cannot be reached")
	// errDead says that a node is not asked because it is thought not to answer.
	errDead = errors.New("the node is dead")
	// errBusy says that a node has too much to do.
	errBusy = errors.New("the node is busy")
	// errFailed says that a node could not do what it was asked for, and why is in its own log.
	errFailed = errors.New("the node's own disk failed")
	// errLie says that a node sent other bytes than were asked for.
	errLie = errors.New("the node sent other bytes")
)

// Missing says that nobody who could be asked has a chunk. It is chunk.ErrNotFound when every node said so that might have it, and
// ErrUnreachable otherwise.
type Missing struct {
	Ref chunk.Ref
	// Asked is how many nodes said that they do not have it, this one included.
	Asked int
	// Silent are the nodes that may have it and gave no answer, the likeliest first. When one of them is back, it may help.
	Silent []placement.NodeID
}

// maxNamed is how many nodes are named in a message.
const maxNamed = 3

// Error names the nodes that may help.
func (m *Missing) Error() string {
	if len(m.Silent) == 0 {
		return fmt.Sprintf("none of the %d nodes asked has it: %v", m.Asked, chunk.ErrNotFound)
	}
	var names []string
	for _, id := range m.Silent[:min(len(m.Silent), maxNamed)] {
		names = append(names, string(id))
	}
	if more := len(m.Silent) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("none of the %d nodes asked has it, and %s gave no answer: %v", m.Asked, strings.Join(names, ", "), ErrUnreachable)
}

// Holders names the silent nodes for those who speak of nodes as texts.
func (m *Missing) Holders() []string {
	names := make([]string, len(m.Silent))
	for i, id := range m.Silent {
		names[i] = string(id)
	}
	return names
}

// Unwrap returns chunk.ErrNotFound or ErrUnreachable.
func (m *Missing) Unwrap() error {
	if len(m.Silent) == 0 {
		return chunk.ErrNotFound
	}
	return ErrUnreachable
}

// lacks tells whether an error says for sure that a node does not have a chunk, or not any more.
func lacks(err error) bool {
	return errors.Is(err, chunk.ErrNotFound) || errors.Is(err, chunk.ErrCorrupt)
}

// errorOf is what a status means to who asked; nil for one that is no error.
func errorOf(s status) error {
	switch s {
	case isSending, isSend, isWorking, isStored, isKnown, isMore, isEnd:
		return nil
	case isNotFound:
		return chunk.ErrNotFound
	case isCorrupt:
		return chunk.ErrCorrupt
	case isBusy:
		return errBusy
	case isFull:
		return chunk.ErrFull
	case isFailed:
		return errFailed
	}
	return fmt.Errorf("answer %d: %w", s, errRefused)
}
