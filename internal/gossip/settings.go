package gossip

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"

	"shoal/internal/placement"
)

const leaveWithin = 2 * time.Second

// settings are chosen so that a crash is known to all within ten seconds for up to 50 nodes, and a node that stands still for two
// seconds is not thought dead: it is asked for 0.7 s before it is suspected, and has at least 2.8 s × log10(nodes) to refute.
func (g *Gossip) settings() *memberlist.Config {
	c := memberlist.DefaultLANConfig()
	c.Name, c.Transport, c.RequireNodeNames = string(g.cfg.Self), g.wires, true
	c.BindPort, c.AdvertisePort = port, port
	c.DisableTcpPings = true // packets go over streams as it is
	c.EnableCompression = false
	c.ProbeInterval = 700 * time.Millisecond
	// Who is asked to try in our place says after as long again that it failed; that has to come within the interval, or else
	// this node takes itself for slow.
	c.ProbeTimeout = 300 * time.Millisecond
	// Two more that suspect a node make it dead in half the time.
	c.SuspicionMult, c.SuspicionMaxTimeoutMult = 4, 2
	// In a small cluster four tellings may all go to the same node, and the one that is wrong about another never hears so.
	c.RetransmitMult = 10
	c.TCPTimeout = exchangeWithin
	c.Alive, c.Events = refuser{g}, events{g}
	c.Logger = logger(g.cfg.Log)
	return c
}

// port stands in addresses because something has to.
const port = 1

// ip returns the address by which memberlist knows a node: made of its id, and never dialled.
func ip(id placement.NodeID) net.IP {
	sum := sha256.Sum256([]byte(id))
	return append(net.IP{0xfd}, sum[:net.IPv6len-1]...)
}

func addressOf(id placement.NodeID) string {
	return net.JoinHostPort(ip(id).String(), strconv.Itoa(port))
}

// refuser keeps out who does not belong, and what would set members against each other.
type refuser struct{ g *Gossip }

func (r refuser) NotifyAlive(n *memberlist.Node) error {
	id := placement.NodeID(n.Name)
	switch {
	case !r.g.belongs(id):
		return errors.New("it does not belong")
	case !n.Addr.Equal(ip(id)) || n.Port != port:
		return errors.New("the address is not its own")
	case n.PMin > memberlist.ProtocolVersion2Compatible || n.PMax < memberlist.ProtocolVersion2Compatible ||
		n.PCur != memberlist.ProtocolVersion2Compatible || n.DMin != 0 || n.DMax != 0 || n.DCur != 0:
		// One with which others could not speak would make them refuse each other's states.
		return fmt.Errorf("it speaks another version (%d)", n.PCur)
	case len(n.Meta) != 0:
		return errors.New("it has facts that are not from itself")
	}
	return nil
}

// events has changes noticed at once. They are told while memberlist holds its lock.
type events struct{ g *Gossip }

func (e events) NotifyJoin(*memberlist.Node)   { e.happened() }
func (e events) NotifyLeave(*memberlist.Node)  { e.happened() }
func (e events) NotifyUpdate(*memberlist.Node) {}

func (e events) happened() {
	e.g.wires.news.Store(true)
	e.g.nudge()
}

// logger passes on what memberlist says, which is for those who debug: lost packets are nothing special.
func logger(to *slog.Logger) *log.Logger {
	if !to.Enabled(context.Background(), slog.LevelDebug) {
		return log.New(io.Discard, "", 0)
	}
	return log.New(lines{to}, "", 0)
}

type lines struct{ log *slog.Logger }

func (l lines) Write(line []byte) (int, error) {
	l.log.Debug("memberlist", "says", strings.TrimSpace(string(line)))
	return len(line), nil
}
