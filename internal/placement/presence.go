package placement

import "time"

// Presence says which nodes are counted on.
type Presence struct {
	// Nodes are those of a cluster that chunks are placed on, in the order they were given.
	Nodes []Node
	// Waiting says that so many went at the same time that none of those is given up: it is more likely that this node was cut off
	// from them, and an operator is to decide.
	Waiting bool
	// Next is when the answer changes by itself, zero for never.
	Next time.Time
}

// Present leaves out the nodes that have been gone for longer than patience. A node that went within one patience of others is not left
// out when they were half of those counted on until then, or more, unless forced. gone tells since when a node is gone; who is not in
// it is here. Times are this node's own: what it noticed, by its clock.
func Present(nodes []Node, gone map[NodeID]time.Time, patience time.Duration, now time.Time, forced bool) Presence {
	var p Presence
	for _, n := range nodes {
		since, isGone := gone[n.ID]
		due := since.Add(patience)
		switch {
		case isGone && !forced && wentTogether(nodes, gone, since, patience):
			p.Waiting = true
		case isGone && !now.Before(due):
			continue
		case isGone && (p.Next.IsZero() || due.Before(p.Next)):
			p.Next = due
		}
		p.Nodes = append(p.Nodes, n)
	}
	return p
}

// wentTogether tells whether half of the nodes went about when one did, or more, of those that had not gone long before.
func wentTogether(nodes []Node, gone map[NodeID]time.Time, when time.Time, patience time.Duration) bool {
	together, before := 0, 0
	for _, n := range nodes {
		since, isGone := gone[n.ID]
		switch {
		case !isGone:
		case since.Before(when.Add(-patience)):
			before++
		case !since.After(when.Add(patience)):
			together++
		}
	}
	return 2*together >= len(nodes)-before
}
