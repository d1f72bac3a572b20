package repair

import (
	"fmt"

	"shoal/internal/placement"
)

// Kind says what happened.
type Kind string

// The kinds of events.
const (
	// Began and Ended frame the pulling of chunks. At Ended, Chunks and Bytes were pulled and Left could not be.
	Began Kind = "repair_began"
	Ended Kind = "repair_ended"
	// Full says that the disk has no room for Chunks and Bytes that this node is to hold.
	Full Kind = "repair_full"
	// Lost says that nobody has Chunks that videos need, Returned that all of them are back.
	Lost     Kind = "chunks_lost"
	Returned Kind = "chunks_returned"
	// Freed says that Chunks and Bytes were given back, which others hold now.
	Freed Kind = "surplus_freed"
	// Drained says that others hold everything that this node has.
	Drained Kind = "drained"
	// Nonsense says that what Node answers breaks the rules.
	Nonsense Kind = "node_nonsense"
)

// Event is something that happened; its String is a sentence or two for a person.
type Event struct {
	Kind   Kind             `json:"kind"`
	Node   placement.NodeID `json:"node,omitempty"`
	Chunks int              `json:"chunks,omitempty"`
	Bytes  int64            `json:"bytes,omitempty"`
	Left   int              `json:"left,omitempty"`
}

func (e Event) String() string {
	switch e.Kind {
	case Began:
		return fmt.Sprintf("Copying %s (%s) to this node, which is to hold them.", chunks(e.Chunks), size(e.Bytes))
	case Ended:
		text := fmt.Sprintf("%s (%s) were copied to this node.", chunks(e.Chunks), size(e.Bytes))
		if e.Left > 0 {
			text += fmt.Sprintf(" %s could not be: they are tried again.", chunks(e.Left))
		}
		return text
	case Full:
		return fmt.Sprintf("The disk has no room for %s (%s) that this node is to hold. Free some space, or lower the capacity that it promises.", chunks(e.Chunks), size(e.Bytes))
	case Lost:
		return fmt.Sprintf("No node that answers has %s that videos need. Start the nodes that are away, or add the files again.", chunks(e.Chunks))
	case Returned:
		return "The chunks that were lost are back."
	case Freed:
		return fmt.Sprintf("%s (%s) were deleted here, because other nodes hold them and have checked their copies.", chunks(e.Chunks), size(e.Bytes))
	case Drained:
		return "Other nodes hold everything that this node has. It is safe to switch off."
	case Nonsense:
		return fmt.Sprintf("The node %s answers what cannot be, and is passed over. It may run another version of Shoal.", e.Node)
	}
	return string(e.Kind)
}

func chunks(n int) string {
	if n == 1 {
		return "1 chunk"
	}
	return fmt.Sprintf("%d chunks", n)
}

// size is a number of bytes for people, in units of a thousand.
func size(bytes int64) string {
	value, unit := float64(bytes), "bytes"
	for _, next := range []string{"KB", "MB", "GB", "TB"} {
		if value < 1000 {
			break
		}
		value, unit = value/1000, next
	}
	if unit == "bytes" {
		return fmt.Sprintf("%d bytes", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
