package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"shoal/internal/node"
)

func backupCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Save the library's records",
		Long: "Save the library's records, titles and what each video is made of, to FILE, in the place of what was there.\n" +
			"The node goes on meanwhile. Chunks are not in it: copy the directory chunks as well.",
		Args: cobra.ExactArgs(1),
	}
	a.runWithNode(cmd, func(ctx context.Context, c *client, args []string) error {
		var saved node.Backup
		err := c.backup(ctx, func(body io.Reader) (err error) {
			saved, err = node.SaveBackup(args[0], body)
			return err
		})
		switch {
		case errors.Is(err, node.ErrBackup):
			return problem("the backup did not arrive whole", bare(err).Error(), "try again; "+args[0]+" is as it was")
		case err != nil:
			return explain("cannot back up the records", err)
		}
		fmt.Fprintf(a.stderr, "%s of records are in %s.\n", bytesText(saved.Size), printable(args[0]))
		return nil
	})
	return cmd
}

func restoreCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Bring back the library's records",
		Long: "Bring back the library's records from a FILE of shoal backup, into the data directory of a node that does not run.\n" +
			"The records that are there are kept beside.",
		Args: cobra.ExactArgs(1),
	}
	a.addDataFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		dir, err := dataDir(cmd)
		if err != nil {
			return err
		}
		return a.restore(cmd.Context(), dir, args[0])
	}
	return cmd
}

func (a *app) restore(ctx context.Context, dir, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return problem("cannot read "+file, bare(err).Error(), "")
	}
	defer f.Close()
	done, err := node.Restore(ctx, dir, f)
	switch {
	case errors.Is(err, node.ErrInUse):
		return problem("cannot restore into "+dir, "A node runs there.", "stop it first")
	case errors.Is(err, node.ErrBackup):
		return problem("cannot restore "+file, err.Error(), "another backup; nothing was changed")
	case err != nil:
		return err
	}
	out := func(format string, args ...any) { fmt.Fprintln(a.stdout, printable(fmt.Sprintf(format, args...))) }
	out("The records of %s, made at %s, are in %s: %s.", done.Node, done.Created.Local().Format(time.DateTime), dir, count(done.Videos, "video"))
	if done.Aside != "" {
		out("The records from before are kept in %s.", filepath.Base(done.Aside))
	}
	out("Stored data that no video of these records needs is deleted after seven days.")
	out("Videos whose data is missing are named by shoal status soon after the start.")
	return nil
}
