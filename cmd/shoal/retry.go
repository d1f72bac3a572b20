package main

import (
	"context"
	"net/http"

	"github.com/spf13/cobra"
)

func retryCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retry ID",
		Short: "Prepare a failed video again",
		Long: "Prepare a failed video again, from the file that was added. The node keeps that for seven days where another\n" +
			"try may help, and while the disk has room.",
		Args: cobra.ExactArgs(1),
	}
	wait := cmd.Flags().Bool("wait", false, "wait until the video is ready")
	a.runWithNode(cmd, func(ctx context.Context, c *client, args []string) error {
		v, err := c.order(ctx, args[0], "retry")
		if err != nil || !*wait {
			return explain("cannot try "+args[0]+" again", err)
		}
		d := adder{app: a, client: c, bars: a.newBars(), wait: true}
		err = d.watch(ctx, args[0], v)
		d.bars.end()
		return err
	})
	return cmd
}

func cancelCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "Stop preparing a video",
		Long: "Stop the work on a video. One that was being prepared has failed then: shoal retry takes it up again,\n" +
			"shoal rm puts it into the trash. A ready video stays ready.",
		Args: cobra.ExactArgs(1),
	}
	a.runWithNode(cmd, func(ctx context.Context, c *client, args []string) error {
		_, err := c.order(ctx, args[0], "cancel")
		return explain("cannot stop "+args[0], err)
	})
	return cmd
}

// order has the node do something with a video, and returns the video after it, if it is still there.
func (c *client) order(ctx context.Context, id, what string) (v video, err error) {
	return v, c.call(ctx, http.MethodPost, videoPath(id)+"/"+what, nil, &v)
}
