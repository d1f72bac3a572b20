package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// repairPlan is what a repair would do. Nodes are named by their ids.
type repairPlan struct {
	Chunks, Bytes int64
	Moves         []struct {
		From, To      string
		Chunks, Bytes int64
	}
	SurplusChunks int64 `json:"surplus_chunks"`
	SurplusBytes  int64 `json:"surplus_bytes"`
	LostChunks    int64 `json:"lost_chunks"`
	// Silent are the nodes that could not be asked.
	Silent []string
}

func repairCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "repair",
		Short: "Bring every chunk back to its number of copies",
		Long: "Bring every chunk back to its number of copies now, though nodes that are gone may come back. By itself that happens\n" +
			"once a node was away for as long as serve's --repair-after says; when half of the nodes or more are gone at once, only\n" +
			"this command does it. On a terminal it waits for the end; the work goes on without it.",
		Args: cobra.NoArgs,
	}
	dryRun := cmd.Flags().Bool("dry-run", false, "print what would be copied, and copy nothing")
	wait := cmd.Flags().Bool("wait", false, "wait for the end, without a terminal too")
	asJSON := cmd.Flags().Bool("json", false, "print what the API says of the plan; with --dry-run")
	a.runWithNode(cmd, func(ctx context.Context, c *client, _ []string) error {
		switch {
		case *dryRun:
			return a.planRepair(ctx, c, *asJSON)
		case *asJSON:
			return misuse("cannot repair with --json", "It is for the plan.", "shoal repair --dry-run --json")
		}
		return a.repair(ctx, c, *wait || a.stderrTTY)
	})
	return cmd
}

func (a *app) planRepair(ctx context.Context, c *client, asJSON bool) error {
	raw, err := c.repairPlan(ctx)
	if err != nil {
		return explain("cannot plan a repair", err)
	}
	if asJSON {
		return writeJSON(a.stdout, raw)
	}
	var plan repairPlan
	if err := json.Unmarshal(raw, &plan); err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	nodes, _, err := c.nodes(ctx)
	if err != nil {
		return err
	}
	return writePlan(a.stdout, plan, nodes)
}

func writePlan(w io.Writer, plan repairPlan, nodes []peerNode) error {
	if len(plan.Moves) == 0 {
		fmt.Fprintln(w, "There is nothing to copy.")
	} else {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "FROM\tTO\tCHUNKS\tSIZE")
		for _, m := range plan.Moves {
			fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", printable(nameOf(nodes, m.From)), printable(nameOf(nodes, m.To)), m.Chunks, bytesText(m.Bytes))
		}
		fmt.Fprintf(table, "together\t\t%d\t%s\n", plan.Chunks, bytesText(plan.Bytes))
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if plan.SurplusChunks > 0 {
		fmt.Fprintf(w, "Surplus, which goes a day after it became that: %s (%s).\n", chunksText(plan.SurplusChunks), bytesText(plan.SurplusBytes))
	}
	if plan.LostChunks > 0 {
		fmt.Fprintf(w, "Lost, on no node that answers: %s. Videos made of that do not play whole.\n", chunksText(plan.LostChunks))
	}
	for _, id := range plan.Silent {
		fmt.Fprintf(w, "%s could not be asked: what only it has is not in this plan.\n", printable(nameOf(nodes, id)))
	}
	return nil
}

func chunksText(n int64) string { return count(int(n), "chunk") }

func (a *app) repair(ctx context.Context, c *client, wait bool) error {
	r, err := c.repairNow(ctx)
	if err != nil {
		return explain("cannot repair", err)
	}
	if wait {
		if r, err = a.awaitRepair(ctx, c, r); err != nil {
			return err
		}
	}
	switch {
	case r.State != "idle":
		fmt.Fprintf(a.stdout, "Repair: %s. shoal status says how far it is.\n", r.text())
	case r.UnderCopied > 0:
		return problem("not every chunk has its copies", chunksText(r.UnderCopied)+" with fewer than wanted.", "shoal status says why")
	default:
		fmt.Fprintln(a.stdout, "Every chunk has its copies.")
	}
	return nil
}

// awaitRepair draws a bar until nothing is left to be copied.
func (a *app) awaitRepair(ctx context.Context, c *client, r repair) (repair, error) {
	bars := a.newBars()
	defer bars.end()
	most := r.BytesLeft
	err := follow(ctx, func() (done bool, err error) {
		if most = max(most, r.BytesLeft); most > 0 {
			bars.part("repair", 1-float64(r.BytesLeft)/float64(most))
		}
		if r.State == "idle" {
			return true, nil
		}
		s, _, err := c.status(ctx)
		r = s.Repair
		return false, err
	})
	if errors.Is(err, context.Canceled) {
		return r, problem("interrupted", "The repair goes on without this command.", "")
	}
	return r, err
}

// text says how far a repair is.
func (r repair) text() string {
	short := chunksText(r.UnderCopied) + " with fewer copies than wanted"
	switch r.State {
	case "running":
		text := fmt.Sprintf("running, %s left (%s)", chunksText(r.QueuedChunks), bytesText(r.BytesLeft))
		if r.ETA > 0 {
			text += ", about " + durationText(r.ETA)
		}
		return text
	case "waiting":
		if r.Begins != nil {
			short += ", begins " + r.Begins.Local().Format("15:04")
		}
		return "waiting for a node to come back, " + short
	case "held":
		return "held because so many nodes are gone, " + short + "; shoal repair goes ahead"
	}
	if r.UnderCopied > 0 {
		return short
	}
	return "nothing to do"
}
