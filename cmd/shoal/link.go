package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func linkCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "link",
		Short: "Print a new admin link",
		Long:  "Print a new admin link. Who opens it may add and remove videos. It works once.",
		Args:  cobra.NoArgs,
	}
	a.runWithNode(cmd, func(ctx context.Context, c *client, _ []string) error {
		link, expires, err := c.adminLink(ctx)
		if err != nil {
			return explain("cannot make an admin link", err)
		}
		fmt.Fprintln(a.stdout, printable(link))
		if t, err := time.Parse(time.RFC3339, expires); err == nil && a.stderrTTY {
			fmt.Fprintln(a.stderr, "It works once, until "+t.Local().Format("15:04")+".")
		}
		return nil
	})
	return cmd
}
