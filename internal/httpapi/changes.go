package httpapi

import (
	"fmt"
	"slices"
	"time"

	"shoal/internal/library"
)

// The codes of events.
const (
	nodeJoined    = "node_joined"
	nodeSuspect   = "node_suspect"
	nodeDead      = "node_dead"
	nodeBack      = "node_back"
	nodeDraining  = "node_draining"
	nodeDrained   = "node_drained"
	nodeKept      = "node_kept"
	nodeRemoved   = "node_removed"
	repairWaiting = "repair_waiting"
	repairBegan   = "repair_began"
	repairHeld    = "repair_held"
	repairEnded   = "repair_ended"
	underCopied   = "under_copied"
	fullyCopied   = "fully_copied"
	videoReady    = "video_ready"
	videoFailed   = "video_failed"
)

// event is something that happened, in words for a person. Node and Video name what it is about, "" for nothing.
type event struct {
	Code, Message, Node, Video string
}

// glance is what can be seen at one time of the nodes, the repair and the library.
type glance struct {
	at     time.Time
	nodes  []Member
	repair Repair
	// states counts the videos of each state.
	states map[library.State]int
	// working are the videos in work, ready the newest ones that are ready, failed those of the former that failed just now.
	working, ready, failed []library.Video
}

// between tells what happened between two glances.
func between(was, is glance) (all []event) {
	for _, m := range is.nodes {
		all = append(all, nodeChanges(find(was.nodes, m.ID), m)...)
	}
	for _, m := range was.nodes {
		if m.State != NodeRemoved && find(is.nodes, m.ID) == nil {
			all = append(all, event{nodeRemoved, called(m) + " was removed.", m.ID, ""})
		}
	}
	all = append(all, repairChanges(was.repair, is.repair)...)
	if len(is.nodes) > 1 {
		all = append(all, copyChanges(was.repair, is.repair)...)
	}
	return append(all, videoChanges(was, is)...)
}

func find(nodes []Member, id string) *Member {
	if i := slices.IndexFunc(nodes, func(m Member) bool { return m.ID == id }); i >= 0 {
		return &nodes[i]
	}
	return nil
}

func called(m Member) string {
	if m.Name == "" {
		return "A node"
	}
	return m.Name
}

func nodeChanges(was *Member, is Member) (all []event) {
	tell := func(code, words string) { all = append(all, event{code, called(is) + " " + words, is.ID, ""}) }
	switch {
	case was == nil && is.State != NodeRemoved && is.State != NodeDead:
		tell(nodeJoined, "joined.")
	case was == nil, was.State == is.State:
	case is.State == NodeRemoved:
		tell(nodeRemoved, "was removed.")
	case is.State == NodeSuspect:
		tell(nodeSuspect, "does not answer. Perhaps it is only busy.")
	case is.State == NodeDead:
		tell(nodeDead, "is gone. What it keeps comes from other nodes, as far as they have copies.")
	case was.State == NodeSuspect, was.State == NodeDead, was.State == NodeRemoved:
		tell(nodeBack, "is back.")
	}
	return append(all, drainChanges(was, is)...)
}

func drainChanges(was *Member, is Member) []event {
	draining, safe := was != nil && was.Drain != nil, was != nil && was.Drain != nil && was.Drain.Safe
	switch {
	case is.State == NodeRemoved:
	case is.Drain == nil && draining:
		return []event{{nodeKept, called(is) + " keeps data again.", is.ID, ""}}
	case is.Drain != nil && is.Drain.Safe && !safe:
		return []event{{nodeDrained, called(is) + " can be switched off: other nodes have all that it kept.", is.ID, ""}}
	case is.Drain != nil && !draining:
		return []event{{nodeDraining, called(is) + " is being emptied, so that it can be switched off.", is.ID, ""}}
	}
	return nil
}

func repairChanges(was, is Repair) []event {
	if was.State == is.State {
		return nil
	}
	switch is.State {
	case RepairRunning:
		return []event{{repairBegan, "Copying began: some chunks have fewer copies than wanted, or belong on other nodes now.", "", ""}}
	case RepairHeld:
		return []event{{repairHeld, "So many nodes are gone at once that nothing is copied before somebody says so.", "", ""}}
	case RepairWaiting:
		return []event{{repairWaiting, "Copying waits, because the node that is gone may come back.", "", ""}}
	}
	if was.State == RepairRunning {
		return []event{{repairEnded, "Copying ended.", "", ""}}
	}
	return nil
}

func copyChanges(was, is Repair) []event {
	switch {
	case was.UnderCopied == 0 && is.UnderCopied > 0:
		return []event{{underCopied, fmt.Sprintf("Chunks with fewer copies than wanted: %d.", is.UnderCopied), "", ""}}
	case was.UnderCopied > 0 && is.UnderCopied == 0:
		return []event{{fullyCopied, "Every chunk has as many copies as wanted.", "", ""}}
	}
	return nil
}

// videoChanges tells of the videos that became ready or failed. One that came out of the trash is old news.
func videoChanges(was, is glance) (all []event) {
	for _, v := range is.ready {
		if !has(was.ready, v) && (has(was.working, v) || !v.Created.Before(was.at)) {
			all = append(all, event{videoReady, fmt.Sprintf("“%s” is ready to watch.", v.Title), "", string(v.ID)})
		}
	}
	for _, v := range is.failed {
		all = append(all, event{videoFailed, fmt.Sprintf("“%s” could not be prepared.", v.Title), "", string(v.ID)})
	}
	return all
}

func has(videos []library.Video, v library.Video) bool {
	return slices.ContainsFunc(videos, func(other library.Video) bool { return other.ID == v.ID })
}
