package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"shoal/internal/node"
)

func serveCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a node",
		Long:  "Run a node: keep the library, and show it to every browser that can reach this machine.",
		Args:  cobra.NoArgs,
	}
	a.addDataFlag(cmd)
	flags := cmd.Flags()
	flags.String("http", defaultHTTP, "listen on this `ADDRESS` for browsers and the API")
	flags.String("name", "", "this node's `NAME` (default: the host's)")
	flags.String("capacity", "80%", "how much to store at most: a share of the disk, or a size such as 200GB")
	flags.StringSlice("allow-host", nil, "answer under this `HOST` name too; may be repeated")
	flags.String("public-url", "", "the `URL` under which a reverse proxy shows this node")
	flags.StringSlice("trusted-proxy", nil, "believe the forwarding headers from this `CIDR`; may be repeated")
	flags.String("tls-cert", "", "serve HTTPS with the certificate in `FILE`")
	flags.String("tls-key", "", "the key of --tls-cert, in `FILE`")
	flags.String("watch", "", "add every film that appears in this `DIR`, with its subtitles")
	flags.String("max-upload", "0", "the largest file to take, such as 50GB; 0 for no limit")
	flags.String("log-format", "text", "text|json")
	flags.String("log-level", "info", "debug|info|warn|error; on a terminal warn unless given")
	flags.Bool("demo", false, "put two clips made on this machine into an empty library")
	flags.String("access", "open", "open|private: who may watch (private: not available yet)")
	addClusterFlags(flags)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.serve(cmd)
	}
	return cmd
}

// serve runs a node until the context ends.
func (a *app) serve(cmd *cobra.Command) error {
	ctx := cmd.Context()
	cfg, err := a.nodeConfig(cmd)
	if err != nil {
		return err
	}
	started := time.Now()
	n, err := node.Open(ctx, cfg)
	if err != nil {
		return explainOpen(err, cfg)
	}
	defer n.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.Run(ctx) })
	group.Go(func() error { return a.welcome(ctx, cmd, n, cfg, started) })
	err = group.Wait()
	if errors.Is(err, context.Canceled) && cmd.Context().Err() != nil {
		return nil
	}
	return err
}

// welcome tells people how to reach the node, and fills the demo's library.
func (a *app) welcome(ctx context.Context, cmd *cobra.Command, n *node.Node, cfg node.Config, started time.Time) error {
	c, err := ownClient(ctx, cfg)
	if err != nil {
		return nil // The node ended before it was up, and says why itself.
	}
	defer c.close()
	g := greeting{
		version: version, took: time.Since(started), watch: n.URL(), scheme: scheme(cfg), addr: addrPort(n.Addr()),
		adminLink: n.AdminLink(), data: cfg.Data,
	}
	g.look(ctx, c)
	a.greet(g, cfg.Log)
	if demo, _ := cmd.Flags().GetBool("demo"); demo {
		if err := addDemo(ctx, c, cfg.Log); err != nil && ctx.Err() == nil {
			cfg.Log.Warn("no sample clips", "err", err)
		}
	}
	return nil
}

// ownClient waits until the node of this process answers, and returns a client for it.
func ownClient(ctx context.Context, cfg node.Config) (*client, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, ok := tryOwnClient(ctx, cfg); ok {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

func tryOwnClient(ctx context.Context, cfg node.Config) (*client, bool) {
	at, pid, ok := runningNode(cfg.Data)
	if !ok || pid != os.Getpid() {
		return nil, false
	}
	if cfg.TLSCert != "" {
		at = secured(at, cfg.TLSCert)
	}
	token, err := readToken(cfg.Data)
	if err != nil {
		return nil, false
	}
	c := newClient(at, token)
	if c.healthy(ctx) != nil {
		c.close()
		return nil, false
	}
	return c, true
}

func explainOpen(err error, cfg node.Config) error {
	var join *node.JoinError
	switch {
	case errors.As(err, &join):
		return explainJoin(join)
	case isBusy(err) && errors.Is(err, node.ErrP2P):
		return problem("cannot listen on "+cfg.P2P+" for other nodes", "Another program uses that port, perhaps a node that runs already.", "shoal serve "+otherPort("p2p", cfg.P2P))
	case isBusy(err):
		return problem("cannot listen on "+cfg.HTTP, "Another program uses that port, perhaps a node that runs already.", "shoal serve "+otherPort("http", cfg.HTTP))
	case errors.Is(err, os.ErrPermission):
		return problem("cannot start the node", err.Error(), "a directory of your own with --data, ports above 1023 with --http and --p2p")
	}
	return fmt.Errorf("start the node: %w", err)
}

// explainJoin tells why a node could not join. Most reasons have their remedy after a semicolon.
func explainJoin(err *node.JoinError) error {
	why, remedy, told := strings.Cut(err.Err.Error(), "; ")
	if !told {
		remedy = "check that the machine of the invite runs and that its port " + strings.TrimPrefix(defaultP2P, ":") + " (TCP) can be reached, or make a new invite there with shoal invite"
	}
	return problem("cannot join: "+why, "", remedy)
}

func (a *app) greet(g greeting, log *slog.Logger) {
	if a.stdoutTTY {
		fmt.Fprint(a.stdout, g.text())
		return
	}
	log.Info("ready", "watch", g.watch, "lan", g.lanURLs(), "data", g.data, "ffmpeg", g.ffmpegText(), "seconds", g.took.Seconds())
	if hint := g.firewall; hint != "" {
		log.Warn("a firewall is active: other devices may not reach this node", "try", hint)
	}
	fmt.Fprintln(a.stderr, "Admin link, works once: "+g.adminLink)
}
