package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
)

const defaultNode = "http://127.0.0.1:3003"

// addDataFlag gives a command --data.
func (a *app) addDataFlag(cmd *cobra.Command) {
	cmd.Flags().String("data", a.defaultData(), "the node's data `DIR`")
}

// addNodeFlags gives a command --node and --data: which node it talks to, and with whose token.
func (a *app) addNodeFlags(cmd *cobra.Command) {
	a.addDataFlag(cmd)
	cmd.Flags().String("node", "", "the node's `URL` (default: what --data says, else "+defaultNode+")")
}

// runWithNode makes cmd a command that talks to a node.
func (a *app) runWithNode(cmd *cobra.Command, run func(ctx context.Context, c *client, args []string) error) {
	a.addNodeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.connect(cmd)
		if err != nil {
			return err
		}
		defer c.close()
		return run(cmd.Context(), c, args)
	}
}

// defaultData is where a node keeps its data unless told otherwise; "" when the system names no home.
func (a *app) defaultData() string {
	if dir, _ := a.lookupEnv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "shoal")
	}
	if dir, _ := a.lookupEnv("LOCALAPPDATA"); runtime.GOOS == "windows" && dir != "" {
		return filepath.Join(dir, "shoal")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "share", "shoal")
}

// dataDir returns the directory that --data names.
func dataDir(cmd *cobra.Command) (string, error) {
	dir := cmd.Flag("data").Value.String()
	if dir == "" {
		return "", misuse("no data directory", "This account has no home directory.", "--data DIR")
	}
	return dir, nil
}

// endpoint is where a node answers.
type endpoint struct {
	// base is its address without a final slash, such as http://127.0.0.1:3003.
	base string
	// certificate is the SHA-256 in hexadecimal digits of the TLS certificate that it must show; "" for any
	// that this system trusts.
	certificate string
}

// connect returns a client for the node that the command's flags name.
func (a *app) connect(cmd *cobra.Command) (*client, error) {
	dir, err := dataDir(cmd)
	if err != nil {
		return nil, err
	}
	at, err := target(cmd.Flag("node").Value.String(), dir)
	if err != nil {
		return nil, err
	}
	token, err := a.token(cmd, at.base, dir)
	if err != nil {
		return nil, err
	}
	return newClient(at, token), nil
}

// target is given when it is not "", else where the node of the directory answers.
func target(given, dir string) (endpoint, error) {
	if given == "" {
		return localNode(dir), nil
	}
	u, err := url.Parse(given)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return endpoint{}, misuse("cannot use --node "+given, "It is a URL such as "+defaultNode+".", "--node "+defaultNode)
	}
	return endpoint{base: strings.TrimRight(given, "/")}, nil
}

func localNode(dir string) endpoint {
	if at, _, ok := runningNode(dir); ok {
		return at
	}
	return endpoint{base: defaultNode}
}

// runningNode reads DIR/node.json, which is there while a node runs, and may be left by one that crashed.
func runningNode(dir string) (at endpoint, pid int, ok bool) {
	text, err := os.ReadFile(filepath.Join(dir, "node.json"))
	if err != nil {
		return endpoint{}, 0, false
	}
	var node struct {
		HTTP string
		PID  int
	}
	if json.Unmarshal(text, &node) != nil || node.HTTP == "" {
		return endpoint{}, 0, false
	}
	return endpoint{base: "http://" + node.HTTP}, node.PID, true
}

// secured is at behind TLS with the first certificate of a PEM file.
func secured(at endpoint, file string) endpoint {
	text, err := os.ReadFile(file)
	block, _ := pem.Decode(text)
	if err != nil || block == nil {
		return at // The node could not have started with it.
	}
	sum := sha256.Sum256(block.Bytes)
	_, host, _ := strings.Cut(at.base, "://")
	return endpoint{"https://" + host, hex.EncodeToString(sum[:])}
}

// token is SHOAL_TOKEN, else the admin token in the data directory; "" when there is none for this node.
func (a *app) token(cmd *cobra.Command, base, dir string) (string, error) {
	token, inFile := a.setting("SHOAL_TOKEN")
	if a.fromDotenv["node"] && !inFile && !isLoopback(base) {
		// A stranger's .env in the working directory must not be able to send the token away.
		return "", nil
	}
	if token != "" {
		return strings.TrimSpace(token), nil
	}
	if !cmd.Flag("data").Changed && !isLoopback(base) {
		// Another machine's node has no use for this one's token.
		return "", nil
	}
	return readToken(dir)
}

func readToken(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "admin.token"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case errors.Is(err, fs.ErrPermission):
		return "", problem("cannot read the node's admin token in "+dir, "It belongs to another user.",
			"run this as the node's user, or set SHOAL_TOKEN")
	case err != nil:
		return "", fmt.Errorf("read the admin token: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

func isLoopback(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}
