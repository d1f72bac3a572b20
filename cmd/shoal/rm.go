package main

import (
	"context"

	"github.com/spf13/cobra"
)

func rmCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "rm ID", Short: "Put a video into the trash", Args: cobra.ExactArgs(1)}
	purge := cmd.Flags().Bool("purge", false, "delete it for good")
	a.runWithNode(cmd, func(ctx context.Context, c *client, args []string) error {
		return explain("cannot remove "+args[0], c.remove(ctx, args[0], *purge))
	})
	return cmd
}
