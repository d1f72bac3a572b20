package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// scrubPoll is how often --wait looks how far the check is.
const scrubPoll = time.Second

func scrubCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scrub",
		Short: "Read all stored data and check it",
		Long: "Read all stored data from the disk and check it against its hashes, as the node does by itself once\n" +
			"a month. It is read slowly, so that playing goes on; shoal status shows how far it is.",
		Args: cobra.NoArgs,
	}
	wait := cmd.Flags().Bool("wait", false, "wait for the end; exit 1 if something went bad")
	a.runWithNode(cmd, func(ctx context.Context, c *client, _ []string) error {
		s, err := c.scrub(ctx, http.MethodPost)
		if err != nil {
			return explain("cannot check the stored data", err)
		}
		if !*wait {
			fmt.Fprintf(a.stdout, "checking: %s\n", scrubText(s))
			return nil
		}
		if s, err = awaitScrub(ctx, c, s); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "checked: %s\n", scrubText(s))
		if s.Damaged+s.Unreadable > 0 {
			return problem("stored data went bad", "shoal status names the videos that no longer play whole.",
				"check the disk; delete those videos with shoal rm --purge and add them again")
		}
		return nil
	})
	return cmd
}

func awaitScrub(ctx context.Context, c *client, s scrub) (scrub, error) {
	tick := time.NewTicker(scrubPoll)
	defer tick.Stop()
	for s.State == "running" {
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-tick.C:
		}
		var err error
		if s, err = c.scrub(ctx, http.MethodGet); err != nil {
			return s, err
		}
	}
	return s, nil
}

func scrubText(s scrub) string {
	return fmt.Sprintf("%d of %d chunks, %s of %s; %d went bad, %d could not be read", s.CheckedChunks, s.TotalChunks,
		bytesText(s.CheckedBytes), bytesText(s.TotalBytes), s.Damaged, s.Unreadable)
}
