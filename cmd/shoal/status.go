package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// status is what the API says of a node, as far as people are told.
type status struct {
	Node struct {
		Name, State, Version, URL string
		Capacity, Used, Free      int64
	}
	Cluster struct{ Nodes, Alive, Copies int }
	Library struct {
		Videos int
		Bytes  int64
	}
	Repair  repair
	Viewers []json.RawMessage
	Ingest  []struct {
		ID, Stage string
		Progress  float64
	}
	Warnings []json.RawMessage
}

func statusCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "status", Short: "Say how the node is", Args: cobra.NoArgs}
	asJSON := cmd.Flags().Bool("json", false, "print what the API says")
	a.runWithNode(cmd, func(ctx context.Context, c *client, _ []string) error {
		s, raw, err := c.status(ctx)
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(a.stdout, raw)
		}
		var nodes []peerNode
		if s.Cluster.Nodes > 1 {
			if nodes, _, err = c.nodes(ctx); err != nil {
				return err
			}
		}
		return writeStatus(a.stdout, s, nodes, time.Now())
	})
	return cmd
}

// writeStatus tells how a node is, and how the others are where there are nodes to list.
func writeStatus(w io.Writer, s status, nodes []peerNode, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(label, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", label, printable(fmt.Sprintf(format, args...)))
	}
	line("Node", "%s, %s, version %s", s.Node.Name, s.Node.State, s.Node.Version)
	if s.Node.URL != "" {
		line("Address", "%s", s.Node.URL)
	}
	line("Library", "%s, %s", count(s.Library.Videos, "video"), bytesText(s.Library.Bytes))
	line("Disk", "%s used of %s, %s free", bytesText(s.Node.Used), bytesText(s.Node.Capacity), bytesText(s.Node.Free))
	line("Copies", "%d wanted, %d of %s alive", s.Cluster.Copies, s.Cluster.Alive, count(s.Cluster.Nodes, "node"))
	if len(nodes) > 0 {
		line("Repair", "%s", s.Repair.text())
	}
	line("Watching", "%s", count(len(s.Viewers), "viewer"))
	for _, job := range s.Ingest {
		line("Preparing", "%s: %s, %.0f%%", job.ID, job.Stage, 100*job.Progress)
	}
	for _, warning := range s.Warnings {
		line("Warning", "%s", warningText(warning))
	}
	if err := table.Flush(); err != nil || len(nodes) == 0 {
		return err
	}
	return writeNodes(w, nodes, now)
}

func writeNodes(w io.Writer, nodes []peerNode, now time.Time) error {
	short := shortIDs(nodes)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nNODE\tID\tSTATE\tZONE\tUSED\tFREE\tLAST SEEN")
	for _, n := range nodes {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s of %s\t%s\t%s\n", printable(n.Name), printable(short[n.ID]), n.stateText(), printable(cmp.Or(n.Zone, "–")),
			bytesText(n.Used), bytesText(n.Capacity), bytesText(n.Free), n.seenText(now))
	}
	return table.Flush()
}

// stateText adds how far a node is drained.
func (n peerNode) stateText() string {
	switch {
	case n.Drain != nil && n.Drain.Safe:
		return "drained, safe to switch off"
	case n.Drain != nil:
		return fmt.Sprintf("%s %.0f%%", printable(n.State), 100*n.Drain.Progress)
	}
	return printable(n.State)
}

func (n peerNode) seenText(now time.Time) string {
	if n.Self {
		return "this node"
	}
	return agoText(n.LastSeen, now)
}

// warningText reads a warning, which is a text or an object with a message.
func warningText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var object struct{ Message string }
	if json.Unmarshal(raw, &object) == nil && object.Message != "" {
		return object.Message
	}
	return string(raw)
}
