package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// app is what every command gets from outside, so that tests can hand it buffers and an environment.
type app struct {
	stdout, stderr       io.Writer
	stdoutTTY, stderrTTY bool
	lookupEnv            func(string) (string, bool)
	// dotenv holds the settings of the file .env in the working directory.
	dotenv map[string]string
	// fromDotenv names the flags whose value came from that file.
	fromDotenv map[string]bool
	// started is true once a command was found and its arguments fit it: what fails before is misuse.
	started bool
}

func systemApp() *app {
	return &app{
		stdout:    os.Stdout,
		stderr:    os.Stderr,
		stdoutTTY: term.IsTerminal(int(os.Stdout.Fd())),
		stderrTTY: term.IsTerminal(int(os.Stderr.Fd())),
		lookupEnv: os.LookupEnv,
	}
}

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, a *app) int {
	root := newRoot(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return a.report(cmd, err)
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "shoal",
		Short: "Share films with everyone around you, without a big server",
		Long: "Shoal keeps a library of films on your own machine and plays them in any browser near by.\n\n" +
			"Every flag can also be set in the environment or in a file .env in the working directory:\n" +
			"--data is SHOAL_DATA, --log-level is SHOAL_LOG_LEVEL. A flag wins over the environment,\n" +
			"the environment over .env.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		a.started = true
		return a.applyEnvironment(cmd)
	}
	root.AddCommand(serveCommand(a), addCommand(a), lsCommand(a), rmCommand(a), retryCommand(a), cancelCommand(a), subtitlesCommand(a), getCommand(a), linkCommand(a),
		statusCommand(a), inviteCommand(a), approveCommand(a), drainCommand(a), removeCommand(a), repairCommand(a), scrubCommand(a), backupCommand(a), restoreCommand(a), doctorCommand(a), versionCommand(a))
	return root
}
