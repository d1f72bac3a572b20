package system_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"shoal/test/film"
)

// lanMark tells this program in its environment that it runs in a network of its own.
const lanMark = "SHOAL_TEST_LAN"

// lanScript gives a new network namespace a bridge, and tries what each machine on it needs.
const lanScript = `ip link set lo up &&
ip link add lan type bridge &&
ip address add 10.78.0.254/24 dev lan &&
ip link set lan up &&
ip link add try0 type veth peer name try1 &&
ip link del try0`

// enterLAN runs the test anew in a network namespace, and skips where there can be none. It is true in there.
func enterLAN(t *testing.T) bool {
	if os.Getenv(lanMark) != "" {
		return true
	}
	if testing.Short() {
		t.Skip("it plays a film for half a minute")
	}
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	for _, program := range []string{"unshare", "nsenter", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("machines of their own need %s: sudo apt install util-linux iproute2", program)
		}
	}
	unshare := []string{"--net", "--"}
	if os.Getuid() != 0 {
		unshare = []string{"--net", "--user", "--map-current-user", "--keep-caps", "--"}
	}
	if said, err := exec.Command("unshare", append(unshare, "sh", "-c", lanScript)...).CombinedOutput(); err != nil {
		t.Skipf("this system lets nobody make networks here: %v: %s", err, bytes.TrimSpace(said))
	}
	inside := append(unshare, "sh", "-c", lanScript+` && exec "$0" "$@"`, os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	cmd := exec.CommandContext(t.Context(), "unshare", inside...)
	cmd.Env = append(os.Environ(), lanMark+"=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Fatal("it did not run")
	}
	return false
}

// host is a machine on the bridge with a node that is a process.
type host struct {
	machine
	name   string
	holder *exec.Cmd // keeps the network namespace
	node   *exec.Cmd
	flags  []string
	log    bytes.Buffer
}

// newHost gives a machine its network: an address on the bridge.
func newHost(t *testing.T, number int, flags ...string) *host {
	address := fmt.Sprintf("10.78.0.%d", number)
	h := &host{name: fmt.Sprintf("m%d", number), flags: flags}
	h.machine = machine{t: t, dir: t.TempDir(), base: "http://" + address + ":3003"}
	// It ends when its input does, which is when this program has ended at the latest.
	h.holder = exec.Command("cat")
	h.holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	input, err := h.holder.StdinPipe()
	if err == nil {
		err = h.holder.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		_ = h.holder.Wait()
	})
	pid := fmt.Sprint(h.holder.Process.Pid)
	run(t, "ip", "link", "add", h.name, "type", "veth", "peer", "name", "eth0", "netns", pid)
	run(t, "ip", "link", "set", h.name, "master", "lan", "up")
	for _, command := range []string{"ip link set lo up", "ip link set eth0 up", "ip address add " + address + "/24 dev eth0"} {
		run(t, "nsenter", append([]string{"--net=/proc/" + pid + "/ns/net"}, strings.Fields(command)...)...)
	}
	h.flags = append(h.flags, "--data", h.dir, "--http", address+":3003", "--p2p", address+":9004", "--no-mdns", "--name", h.name, "--repair-after", "1m")
	return h
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// start starts the node and waits until it answers.
func (h *host) start(shoal string) {
	h.t.Helper()
	h.launch(shoal)
	await(h.t, h.name+" to answer", func() bool {
		a, err := h.try("GET", "/readyz", nil)
		return err == nil && a.status == http.StatusOK
	})
	h.token = tokenOf(h.t, h.dir)
}

// launch starts the node.
func (h *host) launch(shoal string) {
	h.t.Helper()
	args := append([]string{fmt.Sprintf("--net=/proc/%d/ns/net", h.holder.Process.Pid), shoal, "serve"}, h.flags...)
	h.node = exec.Command("nsenter", args...)
	h.node.Stdout, h.node.Stderr = &h.log, &h.log
	if err := h.node.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(h.die)
}

// die ends the node as a power cut would.
func (h *host) die() {
	_ = h.node.Process.Kill() // it may have ended
	_ = h.node.Wait()
}

// alive counts the nodes that this one calls alive.
func (h *host) alive() (n int) {
	a, err := h.try("GET", "/api/v1/nodes", nil)
	if err != nil || a.status != http.StatusOK {
		return 0
	}
	list := decode[struct {
		Nodes []struct{ Name, State string }
	}](h.t, a.body)
	for _, node := range list.Nodes {
		if node.State == "alive" && node.Name != "" {
			n++
		}
	}
	return n
}

const playedSeconds = 32

// TestFilmPlaysOnWhileTheNodeWithItsChunksIsKilledFrozenAndCutOff plays a film from a node that holds nothing of it, while one of the two
// that do goes through everything.
func TestFilmPlaysOnWhileTheNodeWithItsChunksIsKilledFrozenAndCutOff(t *testing.T) {
	if !enterLAN(t) {
		return
	}
	began := time.Now()
	shoal := filepath.Join(t.TempDir(), "shoal")
	run(t, "go", "build", "-trimpath", "-o", shoal, "shoal/cmd/shoal")
	a, b := newHost(t, 1), newHost(t, 2)
	c := newHost(t, 3, "--capacity", "1")
	hosts := []*host{a, b, c}
	t.Cleanup(func() {
		for _, h := range hosts {
			if t.Failed() {
				t.Logf("%s said:\n%s", h.name, h.log.String())
			}
		}
	})
	a.start(shoal)
	for _, h := range []*host{b, c} {
		link := decode[struct{ Link string }](t, a.do("POST", "/api/v1/invites", nil).body).Link
		h.flags = append(h.flags, "--join", link)
		h.start(shoal)
	}
	allSeeAll := func() {
		t.Helper()
		await(t, "all to see all", func() bool {
			return !slices.ContainsFunc(hosts, func(h *host) bool { return h.alive() != len(hosts) })
		})
	}
	allSeeAll()
	t.Logf("three nodes after %s", time.Since(began))
	// Noise, so that there is much to fetch.
	source := []string{
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=640x360:r=25:d=%d,noise=alls=40:allf=t", playedSeconds),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=f=440:b=4:d=%d", playedSeconds),
	}
	v := a.ended(a.add(film.Make(t, "A film.mp4", source, film.H264(), []string{"-b:v", "4M"})).ID)
	await(t, "the film to be listed, with its copies", func() bool {
		answer, err := c.try("GET", "/api/v1/videos/"+v.ID, nil)
		return err == nil && answer.status == http.StatusOK && a.copies(v.ID) == 2
	})

	t.Logf("a film on two of them after %s", time.Since(began))
	reads := chunksFromNodes(t, c)
	p := newPlayer(t, &c.machine, v.ID)
	// Nothing is fetched in the last ten seconds, since all is there then.
	p.events = []event{
		{2, b.die},
		{6, func() { b.launch(shoal) }},
		{9, func() { signalTo(t, b, syscall.SIGSTOP) }},
		{14, func() { signalTo(t, b, syscall.SIGCONT) }},
		{15, func() { run(t, "ip", "link", "set", b.name, "down") }},
		{22, func() { run(t, "ip", "link", "set", b.name, "up") }},
	}
	p.play(t)
	t.Logf("%d parts, %d bytes, the slowest after %s, %d chunks from other nodes", len(p.sums), p.bytes, p.slowest, chunksFromNodes(t, c)-reads)
	if p.stalls > 0 || p.wrong > 0 {
		t.Errorf("%d stalls, %d parts with wrong bytes", p.stalls, p.wrong)
	}
	if chunksFromNodes(t, c) == reads {
		t.Error("the node had the film itself")
	}
	t.Logf("played after %s", time.Since(began))
	allSeeAll()
	t.Logf("all see all again after %s", time.Since(began))
	await(t, "two copies again", func() bool { return a.copies(v.ID) == 2 })
	t.Logf("two copies again after %s", time.Since(began))
	for _, h := range hosts {
		for address, sum := range p.sums {
			if got := sha256.Sum256(h.get(address).body); got != sum {
				t.Errorf("%s: %s differs", h.name, address)
			}
		}
	}
}

// copies is the least number of nodes that have a chunk of a film.
func (h *host) copies(id string) int {
	h.t.Helper()
	least := math.MaxInt
	for _, c := range decode[struct{ Chunks []struct{ Nodes []string } }](h.t, h.get("/api/v1/videos/"+id+"/holders").body).Chunks {
		least = min(least, len(c.Nodes))
	}
	return least
}

func signalTo(t *testing.T, h *host, s os.Signal) {
	if err := h.node.Process.Signal(s); err != nil {
		t.Error(err)
	}
}

// chunksFromNodes is how many chunks a node got from others.
func chunksFromNodes(t *testing.T, h *host) (n int) {
	t.Helper()
	for line := range strings.Lines(string(h.get("/metrics").body)) {
		if _, err := fmt.Sscanf(line, `shoal_chunk_reads_total{from="node"} %d`, &n); err == nil {
			return n
		}
	}
	t.Fatal("no count of chunks")
	return 0
}
