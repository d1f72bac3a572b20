package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

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
		raw, err := c.status(ctx)
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(a.stdout, raw)
		}
		var s status
		if err := json.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("read the status: %w", err)
		}
		return writeStatus(a.stdout, s)
	})
	return cmd
}

func writeStatus(w io.Writer, s status) error {
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
	line("Watching", "%s", count(len(s.Viewers), "viewer"))
	for _, job := range s.Ingest {
		line("Preparing", "%s: %s, %.0f%%", job.ID, job.Stage, 100*job.Progress)
	}
	for _, warning := range s.Warnings {
		line("Warning", "%s", warningText(warning))
	}
	return table.Flush()
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
