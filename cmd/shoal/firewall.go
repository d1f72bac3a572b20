package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// firewallHint is the command that lets other devices reach the port, where a firewall is active
// that likely keeps them out; "" otherwise. It changes nothing and needs no rights.
func firewallHint(ctx context.Context, port int) string {
	if f, err := os.Open("/etc/ufw/ufw.conf"); err == nil {
		defer f.Close()
		if ufwEnabled(f) {
			return fmt.Sprintf("sudo ufw allow %d/tcp", port)
		}
	}
	if firewalldRuns(ctx) {
		return fmt.Sprintf("sudo firewall-cmd --add-port=%d/tcp", port)
	}
	return ""
}

func ufwEnabled(conf io.Reader) bool {
	lines := bufio.NewScanner(conf)
	for lines.Scan() {
		if strings.EqualFold(strings.TrimSpace(lines.Text()), "ENABLED=yes") {
			return true
		}
	}
	return false
}

func firewalldRuns(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, "firewall-cmd", "--state").Run() == nil
}
