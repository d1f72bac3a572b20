package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// What preparing a film asks of ffmpeg.
var (
	neededEncoders = []string{"libx264", "aac", "mjpeg"}
	neededMuxers   = []string{"mp4"}
	neededDemuxers = []string{"mov", "matroska", "avi", "mpegts"}
)

var errNoFFmpeg = errors.New("ffmpeg is not installed")

// ffmpegVersion returns the version of the tool, ffmpeg or ffprobe, as it tells it; errNoFFmpeg when it is missing.
func ffmpegVersion(ctx context.Context, tool string) (string, error) {
	text, err := toolOutput(ctx, tool, "-version")
	if err != nil {
		return "", err
	}
	// "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) …"
	words := strings.Fields(text)
	if len(words) < 3 || words[1] != "version" {
		return "", fmt.Errorf("%s -version says %.40q", tool, text)
	}
	return words[2], nil
}

// ffmpegLacks returns which of the needed names ffmpeg does not list under kind: encoders, muxers or demuxers.
func ffmpegLacks(ctx context.Context, kind string, needed []string) ([]string, error) {
	text, err := toolOutput(ctx, "ffmpeg", "-hide_banner", "-"+kind)
	if err != nil {
		return nil, err
	}
	listed := listedNames(text)
	return slices.DeleteFunc(slices.Clone(needed), func(name string) bool { return listed[name] }), nil
}

// listedNames reads the tables that ffmpeg prints: flags, then a name or several with commas, then a description.
func listedNames(text string) map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		for name := range strings.SplitSeq(words[1], ",") {
			names[name] = true
		}
	}
	return names
}

func toolOutput(ctx context.Context, tool string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, args...)
	// A child of a wrapper script may keep the pipe open after the script is gone.
	cmd.WaitDelay = time.Second
	text, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", errNoFFmpeg
	}
	if err != nil {
		return "", fmt.Errorf("run %s: %w", tool, err)
	}
	return string(text), nil
}

// installFFmpeg is the command that installs ffmpeg here.
func installFFmpeg() string {
	return installCommand(runtime.GOOS, func(tool string) bool {
		_, err := exec.LookPath(tool)
		return err == nil
	})
}

func installCommand(goos string, has func(tool string) bool) string {
	if goos == "windows" {
		return "winget install ffmpeg"
	}
	for _, c := range [][2]string{
		{"apt-get", "sudo apt install ffmpeg"}, {"dnf", "sudo dnf install ffmpeg"}, {"pacman", "sudo pacman -S ffmpeg"},
		{"apk", "sudo apk add ffmpeg"}, {"brew", "brew install ffmpeg"},
	} {
		if has(c[0]) {
			return c[1]
		}
	}
	return "install ffmpeg from https://ffmpeg.org/download.html"
}
