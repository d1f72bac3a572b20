package cluster_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"shoal/internal/cluster"
)

func TestANodeJoinsByAnInviteAndBothReachEachOther(t *testing.T) {
	a, b := start(t), start(t)
	w := b.join(t, a)
	if w.By != a.ID() || b.Members().Cluster() != a.Members().Cluster() || !a.Members().Has(b.ID()) || !b.Members().Has(a.ID()) {
		t.Errorf("joined by %s", w.By)
	}
	a.echo(t, b)
	b.echo(t, a)
}

func TestThreeNodesAreAllConnected(t *testing.T) {
	a, b, c := trio(t)
	for _, n := range []*node{a, b, c} {
		for _, other := range []*node{a, b, c} {
			if n != other {
				n.echo(t, other)
			}
		}
	}
}

func TestARestartedNodeFindsTheOthersByItself(t *testing.T) {
	a, b, c := trio(t)
	before := b.ID()
	b.stop(t)
	a.here.wait(t, b.ID(), false)
	c.here.wait(t, b.ID(), false)
	b.open(t)
	if b.ID() != before {
		t.Errorf("it is %s now and was %s", b.ID(), before)
	}
	for _, other := range []*node{a, c} {
		b.here.wait(t, other.ID(), true)
		other.echo(t, b)
	}
}

func TestNodesThatWereAllOffFindEachOther(t *testing.T) {
	a, b := start(t), start(t)
	b.join(t, a)
	b.here.wait(t, a.ID(), true)
	a.here.wait(t, b.ID(), true)
	at := a.Addresses()[0]
	b.stop(t)
	a.stop(t)
	b.open(t)
	// a comes back at its port, and is found by what b remembers.
	a.cfg.Listen = at
	a.forget(b)
	a.open(t)
	b.here.wait(t, a.ID(), true)
	b.echo(t, a)
}

func TestANodeThatMovedIsFoundThroughOthers(t *testing.T) {
	a, b, c := trio(t)
	c.stop(t)
	a.here.wait(t, c.ID(), false)
	b.here.wait(t, c.ID(), false)
	c.forget(b) // so that it does not go to b by itself
	c.open(t)
	b.here.wait(t, c.ID(), true)
	a.echo(t, c)
	b.echo(t, c)
}

func TestALostNodeIsToldOnceItIsGone(t *testing.T) {
	a, b, c := trio(t)
	b.stop(t)
	a.here.wait(t, b.ID(), false)
	c.here.wait(t, b.ID(), false)
	if _, err := a.Dial(t.Context(), b.ID(), "/shoal/echo/1"); !errors.Is(err, cluster.ErrUnreachable) {
		t.Errorf("dialling it: %v", err)
	}
}

func TestOneNodeAloneIsACluster(t *testing.T) {
	a := start(t)
	if got := a.Members().All(); len(got) != 1 || got[0] != a.ID() {
		t.Errorf("members are %v", got)
	}
	cluster := a.Members().Cluster()
	a.restart(t)
	if a.Members().Cluster() != cluster {
		t.Error("another one after a restart")
	}
}

func TestAPortThatIsTakenIsAnError(t *testing.T) {
	a := start(t)
	cfg := cluster.Config{Dir: t.TempDir(), Records: newMemory(), Listen: a.Addresses()[0], NoMDNS: true, Log: slog.New(slog.DiscardHandler)}
	h, err := cluster.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := h.Start(t.Context()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v", err)
	}
}

func TestANodeNeedsNoMulticast(t *testing.T) {
	a := start(t, func(c *cluster.Config) { c.NoMDNS = false })
	b := start(t, func(c *cluster.Config) { c.NoMDNS = false })
	b.join(t, a)
	a.echo(t, b)
}

func TestAdvertisedAddressesComeFirst(t *testing.T) {
	a := start(t, func(c *cluster.Config) {
		c.Advertise = []string{"nas.example.org:9004", "nonsense", "203.0.113.7:9004"}
	})
	got := a.Addresses()
	if len(got) != 3 || got[0] != "nas.example.org:9004" || got[1] != "203.0.113.7:9004" {
		t.Errorf("addresses are %v", got)
	}
}

func TestRecordsOfAddressesAreChecked(t *testing.T) {
	a, b, c := trio(t)
	record := b.Record()
	if news, err := a.Learn(t.Context(), record); err != nil || news {
		t.Errorf("what is known: %v, %v", news, err)
	}
	for i := range record {
		changed := bytes.Clone(record)
		changed[i] ^= 1
		if _, err := a.Learn(t.Context(), changed); err == nil {
			t.Fatalf("with byte %d changed it was taken", i)
		}
	}
	if _, err := c.Learn(t.Context(), start(t).Record()); !errors.Is(err, cluster.ErrNotMember) {
		t.Errorf("of a stranger: %v", err)
	}
}

func TestKeysAreTheirOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	first, err := cluster.OpenIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "node.key")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if again, err := cluster.OpenIdentity(dir); err != nil || again.ID() != first.ID() {
		t.Errorf("opened again: %v", err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"empty": nil, "cut": good[:len(good)/2], "of zeroes": make([]byte, len(good)), "with more behind": append(good, 'x'), "huge": make([]byte, 1<<20)} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := cluster.OpenIdentity(dir); !errors.Is(err, cluster.ErrKey) {
			t.Errorf("a file that is %s: %v", name, err)
		}
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.OpenIdentity(dir); runtime.GOOS != "windows" && (!errors.Is(err, cluster.ErrKey) || !strings.Contains(err.Error(), "chmod 600")) {
		t.Errorf("a file that others may read: %v", err)
	}
}

func TestTheClusterKeyLiesOnTheFirstNodeAlone(t *testing.T) {
	a, b := start(t), start(t)
	b.join(t, a)
	if _, err := os.Stat(filepath.Join(a.cfg.Dir, "cluster.key")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(b.cfg.Dir, "cluster.key")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the one of the cluster that it left: %v", err)
	}
}
