package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func approveCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "approve [CODE]",
		Short: "Let a machine join that asks to, or list those that do",
		Long: "List the machines on this network that ask to join, or let one in. Anyone can call a machine as they like: compare\n" +
			"the code with the one that the machine itself shows, and name it by that code, or by its id.",
		Args: cobra.MaximumNArgs(1),
	}
	asJSON := cmd.Flags().Bool("json", false, "print the list as JSON")
	a.runWithNode(cmd, func(ctx context.Context, c *client, args []string) error {
		_, waiting, err := c.nodes(ctx)
		switch {
		case err != nil:
			return err
		case c.token == "":
			return problem("only the admin sees who asks to join", "", "give --data with the node's data directory, or set SHOAL_TOKEN")
		case len(args) == 1:
			return a.approve(ctx, c, waiting, args[0])
		case *asJSON:
			return writeJSON(a.stdout, map[string]any{"waiting": append([]newcomer{}, waiting...)})
		}
		return writeWaiting(a.stdout, waiting)
	})
	return cmd
}

func (a *app) approve(ctx context.Context, c *client, waiting []newcomer, given string) error {
	n, err := findWaiting(waiting, given)
	if err != nil {
		return err
	}
	if err := c.approve(ctx, n.ID); err != nil {
		return explain("cannot let "+n.Name+" join", err)
	}
	fmt.Fprintf(a.stdout, "%s joins.\n", printable(n.Name))
	return nil
}

// findWaiting returns the machine with that code or id. A name is not enough: it may be anyone's.
func findWaiting(waiting []newcomer, given string) (newcomer, error) {
	var found []newcomer
	named := false
	for _, n := range waiting {
		if strings.EqualFold(n.Code, given) || n.ID == given {
			found = append(found, n)
		}
		named = named || n.Name == given
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return newcomer{}, problem("several machines ask to join with the code "+given, "", "the whole id, which shoal approve --json lists")
	case named:
		return newcomer{}, problem("a name is not enough", "Anyone can call a machine "+given+".", "its code, once it is the one that the machine itself shows")
	}
	return newcomer{}, problem("no machine with the code "+given+" asks to join", "", "shoal approve lists those that do")
}

func writeWaiting(w io.Writer, waiting []newcomer) error {
	if len(waiting) == 0 {
		_, err := fmt.Fprintln(w, "No machine asks to join. shoal invite makes a link that needs no asking.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CODE\tNAME\tADDRESS")
	for _, n := range waiting {
		fmt.Fprintf(table, "%s\t%s\t%s\n", printable(n.Code), printable(n.Name), printable(n.Address))
	}
	return table.Flush()
}
