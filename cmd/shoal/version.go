package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set when the program is linked: -X main.version=1.2.3.
var version = "dev"

func versionCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs}
	asJSON := cmd.Flags().Bool("json", false, "print version, Go version and commit as JSON")
	cmd.RunE = func(*cobra.Command, []string) error {
		if *asJSON {
			return writeJSON(a.stdout, map[string]string{"version": version, "go": runtime.Version(), "commit": commit()})
		}
		_, err := fmt.Fprintln(a.stdout, "shoal "+version)
		return err
	}
	return cmd
}

// commit is the revision that the program was built from, with "+" when the tree was changed; "" if not known.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if settings["vcs.modified"] == "true" {
		return settings["vcs.revision"] + "+"
	}
	return settings["vcs.revision"]
}
