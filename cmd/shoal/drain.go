package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

func drainCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drain [NODE]",
		Short: "Move everything off a node before it is switched off",
		Long: "Have the other nodes take over what a node keeps, so that it can be switched off and nothing is lost. NODE is its name\n" +
			"or the beginning of its id; the node that is asked when left out. It goes on playing meanwhile. On a terminal the command\n" +
			"waits for the end; the work goes on without it.",
		Args: cobra.MaximumNArgs(1),
	}
	undo := cmd.Flags().Bool("undo", false, "have the node keep what it kept again")
	wait := cmd.Flags().Bool("wait", false, "wait until the node is safe to switch off, without a terminal too")
	a.runWithNode(cmd, func(ctx context.Context, c *client, args []string) error {
		n, err := c.findNode(ctx, args)
		if err != nil {
			return err
		}
		if *undo {
			return a.undrain(ctx, c, n)
		}
		return a.drain(ctx, c, n, *wait || a.stderrTTY)
	})
	return cmd
}

// findNode returns the node that the only argument names, the asked one without any.
func (c *client) findNode(ctx context.Context, args []string) (peerNode, error) {
	nodes, _, err := c.nodes(ctx)
	if err != nil {
		return peerNode{}, err
	}
	given := ""
	if len(args) > 0 {
		given = args[0]
	}
	return findNode(nodes, given)
}

func (a *app) undrain(ctx context.Context, c *client, n peerNode) error {
	if _, err := c.drain(ctx, n.ID, true); err != nil {
		return explain("cannot take back the draining of "+n.Name, err)
	}
	fmt.Fprintf(a.stdout, "%s stays, and keeps what it kept.\n", printable(n.Name))
	return nil
}

func (a *app) drain(ctx context.Context, c *client, n peerNode, wait bool) error {
	now, err := c.drain(ctx, n.ID, false)
	if err != nil {
		return explain("cannot drain "+n.Name, err)
	}
	if !wait && (now.Drain == nil || !now.Drain.Safe) {
		fmt.Fprintf(a.stdout, "The others take over what %s keeps. shoal status says how far they are, shoal drain --wait waits for the end.\n", printable(n.Name))
		return nil
	}
	if err := a.awaitDrain(ctx, c, now); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, "Safe to switch off.")
	return nil
}

// awaitDrain draws a bar until n may be switched off.
func (a *app) awaitDrain(ctx context.Context, c *client, n peerNode) error {
	bars := a.newBars()
	defer bars.end()
	err := follow(ctx, func() (done bool, err error) {
		if n.Drain != nil {
			bars.part("drain "+n.Name, n.Drain.Progress)
		}
		if n.Drain != nil && n.Drain.Safe {
			return true, nil
		}
		n, err = c.drained(ctx, n)
		return false, err
	})
	if errors.Is(err, context.Canceled) {
		return problem("interrupted", n.Name+" is drained further without this command.", "shoal drain --undo takes it back")
	}
	return err
}

// drained looks at a node that is being drained again.
func (c *client) drained(ctx context.Context, n peerNode) (peerNode, error) {
	nodes, _, err := c.nodes(ctx)
	if err != nil {
		return n, err
	}
	i := slices.IndexFunc(nodes, func(other peerNode) bool { return other.ID == n.ID })
	switch {
	case i < 0:
		return n, problem(n.Name+" was removed meanwhile", "", "")
	case nodes[i].Drain == nil && n.Drain != nil:
		return n, problem("the draining of "+n.Name+" was taken back meanwhile", "", "")
	case nodes[i].State == "dead":
		return n, problem(n.Name+" does not answer any more", "What only it has cannot be taken over.", "switch it on again")
	}
	return nodes[i], nil
}

// follow calls look again and again until it is done or fails, or ctx ends.
func follow(ctx context.Context, look func() (done bool, err error)) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if done, err := look(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func removeCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove NODE",
		Short: "Shut a node out of the cluster for good",
		Long: "Shut a node out of the cluster for good, one that is drained or does not come back. The others talk to it no more and\n" +
			"copy what it kept from each other. What is on its disk stays there. To come back it is invited anew.",
		Args: cobra.ExactArgs(1),
	}
	force := cmd.Flags().Bool("force", false, "also one that is in use, and lose what only it has")
	a.runWithNode(cmd, func(ctx context.Context, c *client, args []string) error {
		n, err := c.findNode(ctx, args)
		if err != nil {
			return err
		}
		if err := c.removeNode(ctx, n.ID, *force); err != nil {
			return explainRemoval(n, err)
		}
		fmt.Fprintf(a.stdout, "%s belongs to the cluster no more.\n", printable(n.Name))
		return nil
	})
	return cmd
}

// explainRemoval says in words of the command line what the node says in those of its API.
func explainRemoval(n peerNode, err error) error {
	what := "cannot remove " + n.Name
	var refusal *apiError
	if !errors.As(err, &refusal) || refusal.Status != http.StatusConflict {
		return explain(what, err)
	}
	switch refusal.Code {
	case "this_node":
		return problem(what, "A node cannot remove itself.", "the same command on another machine, or --node with the URL of another node")
	case "node_in_use":
		return problem(what, "It is in use, and may have the only copy of something.", "shoal drain "+n.Name+" first, or --force to lose what only it has")
	}
	return explain(what, err)
}
