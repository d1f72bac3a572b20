package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func lsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "ls", Short: "List the library", Args: cobra.NoArgs}
	asJSON := cmd.Flags().Bool("json", false, "print what the API says of every video")
	a.runWithNode(cmd, func(ctx context.Context, c *client, _ []string) error {
		videos, err := c.videos(ctx, "")
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(a.stdout, map[string]any{"videos": videos})
		}
		return writeTable(a.stdout, videos)
	})
	return cmd
}

func writeTable(w io.Writer, videos []json.RawMessage) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSTATE\tLENGTH\tSIZE\tTITLE")
	for _, raw := range videos {
		var v video
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("read the list of videos: %w", err)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", printable(v.ID), stateText(v), durationText(v.Duration),
			bytesText(v.Size), printable(v.Title))
	}
	return table.Flush()
}

// stateText adds how far the work is, where it is under way.
func stateText(v video) string {
	if v.State == "processing" || v.State == "receiving" {
		return fmt.Sprintf("%s %.0f%%", v.State, 100*v.Progress)
	}
	return printable(v.State)
}
