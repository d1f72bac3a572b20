package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func notAvailable(what string) error {
	return misuse(what+" is not available yet", "This version runs one machine by itself.", "leave it out")
}

// unavailableCommands are the commands whose names are taken; each says so and exits 2.
func unavailableCommands() []*cobra.Command {
	repair := unavailableCommand("repair", "Bring every chunk back to its number of copies")
	repair.Flags().Bool("dry-run", false, "print what would be done")
	return []*cobra.Command{
		repair,
		unavailableCommand("invite", "Print a link that lets another machine join"),
		unavailableCommand("drain", "Move everything off this node before it is switched off"),
	}
}

func unavailableCommand(use, short string) *cobra.Command {
	return &cobra.Command{
		Use:                use,
		Short:              short + " (not available yet)",
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return notAvailable(cmd.CommandPath())
		},
	}
}

// addUnavailableFlags names the flags of serve that are taken but do nothing yet.
func addUnavailableFlags(flags *pflag.FlagSet) {
	flags.String("p2p", ":9004", "`ADDRESS` for other nodes (not available yet)")
	flags.String("join", "", "join the cluster of this `LINK` (not available yet)")
	flags.Int("copies", 2, "nodes that keep each chunk (more than one machine: not available yet)")
	flags.String("zone", "", "where this machine stands (not available yet)")
	flags.Duration("repair-after", 0, "how long a node may be away before it is replaced, such as 10m (not available yet)")
	flags.String("access", "open", "open|private: who may watch (private: not available yet)")
	flags.String("advertise", "", "`ADDRESS` to tell other nodes (not available yet)")
	flags.Int("cache-mb", 100, "megabytes of other nodes' chunks to keep in memory (not available yet)")
	flags.Bool("no-mdns", false, "do not announce this node on the local network")
}

// refuseUnavailable answers for flags that were given a meaning this version does not have.
// A value that asks for what happens anyway is welcome.
func refuseUnavailable(flags *pflag.FlagSet) error {
	harmless := map[string]string{"copies": "2", "access": "open"}
	for _, name := range []string{"p2p", "join", "copies", "zone", "repair-after", "access", "advertise", "cache-mb"} {
		f := flags.Lookup(name)
		if !f.Changed || f.Value.String() == harmless[name] {
			continue
		}
		if name == "access" && f.Value.String() != "private" {
			return misuse("cannot use --access "+f.Value.String(), "It is open or private.", "--access open")
		}
		if _, ok := harmless[name]; ok {
			return notAvailable("--" + name + " " + f.Value.String())
		}
		return notAvailable("--" + name)
	}
	return nil
}
