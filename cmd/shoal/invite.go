package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

const (
	usualInvite = 24 * time.Hour
	// shortInvite and longInvite are the bounds that a node sets.
	shortInvite = time.Minute
	longInvite  = 30 * 24 * time.Hour
)

func inviteCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "invite",
		Short: "Print a link that lets another machine join",
		Long: "Print a link that lets one other machine join, once. There, type shoal serve --join 'LINK'. Keep the link to\n" +
			"yourself: who has it can join first. The other machine must reach this one's port 9004 (TCP).",
		Args: cobra.NoArgs,
	}
	expires := cmd.Flags().Duration("expires", usualInvite, "how long the link is good, 1m to 720h")
	a.runWithNode(cmd, func(ctx context.Context, c *client, _ []string) error {
		if *expires < shortInvite || *expires > longInvite {
			return misuse("cannot use --expires "+expires.String(), "An invite is good for a minute to 30 days.", "--expires 24h")
		}
		link, until, err := c.invite(ctx, *expires)
		if err != nil {
			return explain("cannot make an invite", err)
		}
		fmt.Fprintln(a.stdout, printable(link))
		fmt.Fprintf(a.stderr, "On the other machine type shoal serve --join 'LINK', with this line in the place of LINK; it works once, until %s.\n",
			until.Local().Format("Mon 2 Jan 15:04"))
		return nil
	})
	return cmd
}
