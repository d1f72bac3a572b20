package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"shoal/internal/node"
)

// nodeConfig reads serve's flags.
func (a *app) nodeConfig(cmd *cobra.Command) (node.Config, error) {
	flags := cmd.Flags()
	if err := refuseUnavailable(text(flags, "access")); err != nil {
		return node.Config{}, err
	}
	log, err := a.logger(flags)
	if err != nil {
		return node.Config{}, err
	}
	data, err := dataDir(cmd)
	if err != nil {
		return node.Config{}, err
	}
	if data, err = filepath.Abs(data); err != nil {
		return node.Config{}, err
	}
	cfg := node.Config{
		Data:    data,
		HTTP:    text(flags, "http"),
		P2P:     text(flags, "p2p"),
		Name:    text(flags, "name"),
		TLSCert: text(flags, "tls-cert"),
		TLSKey:  text(flags, "tls-key"),
		Version: version,
		Log:     log,
	}
	if err := a.oldVariables(flags, &cfg, log); err != nil {
		return node.Config{}, err
	}
	if err := fillConfig(&cfg, flags); err != nil {
		return node.Config{}, err
	}
	return cfg, clusterConfig(&cfg, flags)
}

// fillConfig sets what must be parsed.
func fillConfig(cfg *node.Config, flags *pflag.FlagSet) (err error) {
	if err := checkAddress("http", cfg.HTTP, defaultHTTP); err != nil {
		return err
	}
	if (cfg.TLSCert == "") != (cfg.TLSKey == "") {
		return misuse("--tls-cert and --tls-key go together", "One of them is missing.", "give both or none")
	}
	if cfg.AllowHosts, err = flags.GetStringSlice("allow-host"); err != nil {
		return err
	}
	if cfg.TrustedProxies, err = proxies(flags); err != nil {
		return err
	}
	if cfg.PublicURL, err = publicURL(text(flags, "public-url")); err != nil {
		return err
	}
	if cfg.Watch, err = watchedDir(text(flags, "watch"), cfg.Data); err != nil {
		return err
	}
	if cfg.MaxUpload, err = maxUpload(text(flags, "max-upload")); err != nil {
		return err
	}
	cfg.Capacity, err = capacityOf(text(flags, "capacity"), cfg.Data)
	return err
}

// watchedDir returns the absolute path of a folder to watch, "" for none. What the node writes may not lie in it, nor it
// in that.
func watchedDir(given, data string) (string, error) {
	if given == "" {
		return "", nil
	}
	dir, err := filepath.Abs(given)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(dir); err != nil {
		return "", misuse("cannot watch "+given, bare(err).Error(), "the folder with your films: --watch DIR")
	} else if !info.IsDir() {
		return "", misuse("cannot watch "+given, "It is not a folder.", "the folder that it lies in")
	}
	real, data := resolved(dir), resolved(data)
	if inside(real, data) || inside(data, real) {
		return "", misuse("cannot watch "+given, "The node keeps its own data there: "+data, "another folder, or another --data")
	}
	return dir, nil
}

// resolved follows links as far as the path exists.
func resolved(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		return real
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(resolved(parent), filepath.Base(path))
	}
	return path
}

// inside tells whether a path is dir or lies in it.
func inside(path, dir string) bool {
	rest, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rest)
}

func maxUpload(given string) (int64, error) {
	if given == "0" {
		return 0, nil
	}
	c, err := parseCapacity(given)
	if err != nil || c.bytes == 0 {
		return 0, misuse("cannot use --max-upload "+given, "It is a size such as 50GB, or 0 for no limit.", "--max-upload 50GB")
	}
	return c.bytes, nil
}

// checkAddress refuses what no machine can listen on. Names of ports are left to the system.
func checkAddress(flag, address, usual string) error {
	what, remedy := "cannot use --"+flag+" "+address, "--"+flag+" "+usual
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return misuse(what, "It is a port after a colon, or a host, a colon and a port.", remedy)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return misuse(what, fmt.Sprintf("%q is no port: ports are numbers from 1 to 65535, and 0 takes a free one.", port), remedy)
	}
	return nil
}

func capacityOf(given, dir string) (int64, error) {
	c, err := parseCapacity(given)
	if err != nil {
		return 0, misuse("cannot use --capacity "+given, err.Error(), "--capacity 80% or --capacity 200GB")
	}
	total, _, err := diskSpace(dir)
	if err != nil {
		return 0, err
	}
	return c.of(total), nil
}

func proxies(flags *pflag.FlagSet) ([]netip.Prefix, error) {
	given, err := flags.GetStringSlice("trusted-proxy")
	if err != nil {
		return nil, err
	}
	var all []netip.Prefix
	for _, s := range given {
		prefix, err := netip.ParsePrefix(s)
		if addr, addrErr := netip.ParseAddr(s); err != nil && addrErr == nil {
			prefix, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			return nil, misuse("cannot use --trusted-proxy "+s, err.Error(), "--trusted-proxy 10.0.0.0/8")
		}
		all = append(all, prefix)
	}
	return all, nil
}

func publicURL(given string) (string, error) {
	if given == "" {
		return "", nil
	}
	u, err := url.Parse(given)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
		return "", misuse("cannot use --public-url "+given, "It is a scheme and a host, without a path.", "--public-url https://films.example.org")
	}
	return u.Scheme + "://" + u.Host, nil
}

// logger writes to standard error. On a terminal, where the greeting says what matters, it is quieter.
func (a *app) logger(flags *pflag.FlagSet) (*slog.Logger, error) {
	level := slog.LevelWarn
	if flags.Changed("log-level") || !a.stdoutTTY {
		if err := level.UnmarshalText([]byte(text(flags, "log-level"))); err != nil {
			return nil, misuse("cannot use --log-level "+text(flags, "log-level"), "It is debug, info, warn or error.", "--log-level info")
		}
	}
	options := &slog.HandlerOptions{Level: level}
	switch format := text(flags, "log-format"); format {
	case "text":
		return slog.New(slog.NewTextHandler(a.stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(a.stderr, options)), nil
	default:
		return nil, misuse(fmt.Sprintf("cannot use --log-format %s", format), "It is text or json.", "--log-format text")
	}
}

func text(flags *pflag.FlagSet, name string) string { return flags.Lookup(name).Value.String() }
