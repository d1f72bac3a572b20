package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// finding is one line of the doctor's report. Verdict is ok, warning or trouble.
type finding struct {
	Verdict string `json:"verdict"`
	Check   string `json:"check"`
	Detail  string `json:"detail"`
	// Remedy is what to do about it, "" when there is nothing to do.
	Remedy string `json:"remedy"`
}

func fine(check, detail string) finding            { return finding{"ok", check, detail, ""} }
func doubt(check, detail, remedy string) finding   { return finding{"warning", check, detail, remedy} }
func failing(check, detail, remedy string) finding { return finding{"trouble", check, detail, remedy} }

// patient is what the doctor looks at.
type patient struct{ data, http, p2p string }

func doctorCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what a node needs on this machine",
		Long:  "Check what a node needs on this machine. The exit code is 1 when something would not work.",
		Args:  cobra.NoArgs,
	}
	a.addDataFlag(cmd)
	cmd.Flags().String("http", defaultHTTP, "the `ADDRESS` that serve will listen on")
	cmd.Flags().String("p2p", defaultP2P, "the `ADDRESS` that serve will listen on for other nodes")
	asJSON := cmd.Flags().Bool("json", false, "print the findings as JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		dir, err := dataDir(cmd)
		if err != nil {
			return err
		}
		findings := examine(cmd.Context(), patient{data: dir, http: cmd.Flag("http").Value.String(), p2p: cmd.Flag("p2p").Value.String()})
		if err := writeFindings(a.stdout, findings, *asJSON); err != nil {
			return err
		}
		return verdict(findings)
	}
	return cmd
}

func examine(ctx context.Context, p patient) []finding {
	var all []finding
	for _, check := range []func(context.Context, patient) []finding{
		checkFFmpeg, checkFFprobe, checkData, checkSpace, checkPorts, checkNetwork, checkClock,
	} {
		all = append(all, check(ctx, p)...)
	}
	return all
}

func writeFindings(w io.Writer, findings []finding, asJSON bool) error {
	if asJSON {
		return writeJSON(w, map[string]any{"findings": findings})
	}
	marks := map[string]string{"ok": "✓", "warning": "!", "trouble": "✗"}
	for _, f := range findings {
		fmt.Fprintf(w, "%s %-8s %s\n", marks[f.Verdict], f.Check, printable(f.Detail))
		if f.Remedy != "" {
			fmt.Fprintf(w, "  Try: %s\n", printable(f.Remedy))
		}
	}
	return nil
}

func verdict(findings []finding) error {
	bad := 0
	for _, f := range findings {
		if f.Verdict == "trouble" {
			bad++
		}
	}
	if bad == 0 {
		return nil
	}
	return problem(count(bad, "thing")+" would not work", "See the lines with ✗.", "")
}

func checkFFmpeg(ctx context.Context, _ patient) []finding {
	version, err := ffmpegVersion(ctx, "ffmpeg")
	if err != nil {
		return []finding{failing("ffmpeg", err.Error()+": films play, new ones cannot be added", installFFmpeg())}
	}
	findings := []finding{fine("ffmpeg", version)}
	for _, part := range []struct {
		kind   string
		needed []string
	}{{"encoders", neededEncoders}, {"muxers", neededMuxers}, {"demuxers", neededDemuxers}} {
		lacking, err := ffmpegLacks(ctx, part.kind, part.needed)
		switch {
		case err != nil:
			findings = append(findings, failing("ffmpeg", err.Error(), installFFmpeg()))
		case len(lacking) > 0:
			detail := "this build has no " + strings.Join(lacking, ", ") + " (" + part.kind + ")"
			findings = append(findings, failing("ffmpeg", detail, "a full build: "+installFFmpeg()))
		default:
			findings = append(findings, fine("ffmpeg", part.kind+": "+strings.Join(part.needed, ", ")))
		}
	}
	return findings
}

func checkFFprobe(ctx context.Context, _ patient) []finding {
	version, err := ffmpegVersion(ctx, "ffprobe")
	if err != nil {
		return []finding{failing("ffprobe", "ffprobe is not installed: new films cannot be added", installFFmpeg())}
	}
	return []finding{fine("ffprobe", version)}
}

// slowSync is where adding a film would wait for the disk rather than for ffmpeg.
const slowSync = 100 * time.Millisecond

func checkData(_ context.Context, p patient) []finding {
	dir, err := existing(p.data)
	if err != nil {
		return []finding{failing("data", err.Error(), "another directory with --data")}
	}
	took, err := syncTime(dir)
	if err != nil {
		return []finding{failing("data", "cannot write to "+dir+": "+bare(err).Error(), "another directory with --data")}
	}
	detail := fmt.Sprintf("%s is writable, fsync takes %s", dir, took.Round(10*time.Microsecond))
	if took > slowSync {
		return []finding{doubt("data", detail+": adding films will be slow", "a directory on a faster disk with --data")}
	}
	return []finding{fine("data", detail)}
}

// syncTime writes a small file in dir a few times and returns how long bringing it to the disk took on average.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	const rounds = 5
	start := time.Now()
	for range rounds {
		if _, err := f.Write(make([]byte, 64<<10)); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
	}
	return time.Since(start) / rounds, nil
}

func checkSpace(_ context.Context, p patient) []finding {
	_, free, err := diskSpace(p.data)
	switch {
	case err != nil:
		return []finding{failing("disk", err.Error(), "")}
	case free < 1e9:
		return []finding{failing("disk", bytesText(free)+" free: too little for a film", "free some space, or another disk with --data")}
	case free < 20e9:
		return []finding{doubt("disk", bytesText(free)+" free: room for a few films", "another disk with --data")}
	}
	return []finding{fine("disk", bytesText(free)+" free")}
}

func checkNetwork(ctx context.Context, p patient) []finding {
	interfaces, err := systemInterfaces()
	if err != nil {
		return []finding{failing("network", "cannot list the network interfaces: "+err.Error(), "")}
	}
	addrs := lanAddresses(interfaces, netip.IPv6Unspecified())
	if len(addrs) == 0 {
		return []finding{doubt("network", "no network found: only this machine can watch", "connect it to the network of the viewers")}
	}
	var findings []finding
	for _, addr := range addrs {
		findings = append(findings, fine("network", addr.String()+" on "+addr.device))
	}
	if hint := firewallHint(ctx, portOf(p.http), portOf(p.p2p)); hint != "" {
		findings = append(findings, doubt("network", "a firewall is active", hint))
	}
	return findings
}

// checkClock finds clocks that were never set: the links' times would be wrong.
func checkClock(context.Context, patient) []finding {
	now := time.Now()
	if now.Before(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		return []finding{failing("clock", "it is not "+now.Format(time.DateTime), "set the clock, or switch on network time")}
	}
	return []finding{fine("clock", now.Format(time.RFC3339))}
}
