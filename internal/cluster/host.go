// Package cluster makes several nodes one. So far it has what lies below the rest: who a node is, who belongs to the cluster and
// how a node comes to, and streams between members. It alone imports libp2p.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"shoal/internal/placement"
)

// Config says what a Host works with. Dir, Records and Log are needed.
type Config struct {
	// Dir is where node.key lies, and cluster.key on the node that began the cluster.
	Dir     string
	Records Records
	// Listen is HOST:PORT, or :PORT for all addresses of the machine; port 0 takes a free one.
	Listen string
	// Advertise are more addresses, HOST:PORT, at which others reach this node.
	Advertise []string
	// Name is what people call this node.
	Name string
	// NoMDNS keeps this node from telling nodes near by that it is there, and from looking for them.
	NoMDNS bool
	Log    *slog.Logger
	// Now is the clock of certificates and invites, time.Now when nil.
	Now func() time.Time
	// Patience is how long another node may take to say what it wants, and a stranger for all of it. 0 is ten seconds.
	Patience time.Duration
	// Redial is how long after a failure a member is looked for again, the first time; each further wait is twice as long, up to
	// 256 times. 0 is a second.
	Redial time.Duration

	// Admitted is told of each certificate that this node issued or was shown, before it counts, so that it is kept and spread;
	// after an error the node is not taken in. It may be called from many goroutines, and for one certificate more than once.
	Admitted func(ctx context.Context, c *Certificate) error
	// Welcome returns what a newcomer gets beside its certificate, at most 2 MiB in all; facts are what it said of itself.
	Welcome func(ctx context.Context, newcomer placement.NodeID, facts []byte) ([][]byte, error)
	// Connected and Lost are told when a member can be reached and when no more, one call after the other. They must not block.
	Connected, Lost func(id placement.NodeID)
	// Moved is told the new record of this node's own addresses, to be spread.
	Moved func(record []byte)
}

// Host is this node among others. Its methods may be called from many goroutines at once.
type Host struct {
	cfg      Config
	log      *slog.Logger
	identity *Identity
	key      crypto.PrivKey
	peer     peer.ID
	members  *Members
	book     *book
	invites  *invites
	door     *door
	lines    *lines
	near     *near
	asks     *asks

	// ctx ends when the host closes.
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	// joining is held while this node changes its cluster, or admits another; admitting while others wait to be.
	joining, admitting sync.Mutex
	// keeping is held while a certificate is kept or forgotten.
	keeping sync.Mutex
	// wake has the keeper look again, news the notifier. Both hold one.
	wake, news chan struct{}

	mu       sync.Mutex
	closed   bool                               // guarded by mu
	services map[string]*service                // guarded by mu
	links    map[placement.NodeID][]*connection // guarded by mu; in the order they came
	// sessions count the times that a node could be reached again.
	sessions map[placement.NodeID]uint64   // guarded by mu
	attempts map[placement.NodeID]*attempt // guarded by mu
	// refused says that a member has said that this node was removed.
	refused bool // guarded by mu
	// moved are the members whose addresses have changed since the keeper looked.
	moved map[placement.NodeID]bool // guarded by mu
}

// connection is one connection to a node.
type connection struct {
	network.Conn
	// greeted says that both sides have shown their certificates.
	greeted bool // guarded by Host.mu
}

// Open reads or makes this node's key, certificate and addresses. A node that has never joined another is the first of a cluster
// of its own. Nothing is listened to before Start. Errors: ErrKey.
func Open(ctx context.Context, cfg Config) (*Host, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Redial == 0 {
		cfg.Redial = time.Second
	}
	if cfg.Patience == 0 {
		cfg.Patience = 10 * time.Second
	}
	h := &Host{
		cfg: cfg, log: cfg.Log, wake: make(chan struct{}, 1), news: make(chan struct{}, 1), services: make(map[string]*service),
		links: make(map[placement.NodeID][]*connection), attempts: make(map[placement.NodeID]*attempt),
		sessions: make(map[placement.NodeID]uint64),
		moved:    make(map[placement.NodeID]bool),
		invites:  &invites{records: cfg.Records, now: cfg.Now},
	}
	h.ctx, h.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := h.open(ctx); err != nil {
		h.cancel()
		return nil, fmt.Errorf("open cluster: %w", err)
	}
	return h, nil
}

func (h *Host) open(ctx context.Context) (err error) {
	if h.identity, err = OpenIdentity(h.cfg.Dir); err != nil {
		return err
	}
	if h.peer, err = peerOf(h.identity.ID()); err != nil {
		return err
	}
	if h.key, err = h.identity.libp2pKey(); err != nil {
		return err
	}
	if h.members, err = h.openMembers(ctx); err != nil {
		return err
	}
	if h.book, err = openBook(ctx, h.cfg.Records); err != nil {
		return err
	}
	h.near, h.asks = newNear(h.cfg.Now), newAsks(h.cfg.Now)
	h.door = newDoor(func(id peer.ID) bool { return h.members.Has(nodeOf(id)) }, 2*h.cfg.Patience)
	if h.lines, err = newLines(h.key, h.peer, h.door); err != nil {
		return err
	}
	h.handle(helloProtocol, &service{serve: h.answerHello, perPeer: 2, forStrangers: maxStrangers})
	h.handle(joinProtocol, &service{serve: h.answerJoin, perPeer: 2, forStrangers: maxJoins})
	h.lines.SetStreamHandler(h.answer)
	h.lines.Notify(&network.NotifyBundle{ConnectedF: h.came, DisconnectedF: h.went})
	return nil
}

// Start listens, looks for the members, and from then on keeps a connection to each that can be reached.
func (h *Host) Start(ctx context.Context) error {
	if err := h.lines.listen(h.cfg.Listen); err != nil {
		return fmt.Errorf("start cluster: %w", err)
	}
	if _, err := h.renew(ctx); err != nil {
		return fmt.Errorf("start cluster: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return fmt.Errorf("start cluster: %w", ErrStopping)
	}
	h.running.Go(h.notify)
	h.running.Go(h.keep)
	h.running.Go(h.watchAddresses)
	if !h.cfg.NoMDNS {
		h.running.Go(h.lookAround)
	}
	return nil
}

// Close ends all connections and streams, and returns when everything that answered one has.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	err := h.lines.Close()
	h.running.Wait()
	if err != nil {
		return fmt.Errorf("close cluster: %w", err)
	}
	return nil
}

// enter counts somebody in whom Close waits for; running.Done counts them out. It is false when the host closes.
func (h *Host) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.running.Add(1)
	}
	return !h.closed
}

// ID is this node's name.
func (h *Host) ID() placement.NodeID { return h.identity.ID() }

// Identity signs for this node.
func (h *Host) Identity() *Identity { return h.identity }

// Members is who belongs to the cluster. Whoever learns of a certificate or a removal elsewhere tells it.
func (h *Host) Members() *Members { return h.members }

// Addresses returns where others may reach this node, HOST:PORT, the advertised ones first.
func (h *Host) Addresses() []string {
	var all []string
	for _, address := range h.ownAddresses() {
		if at := hostPort(address); at != "" && len(all) < maxAddresses {
			all = append(all, at)
		}
	}
	return all
}

// Removed tells whether this node was removed from its cluster, as far as it knows: it was told so, or a member has refused it for that.
func (h *Host) Removed() bool {
	h.mu.Lock()
	refused := h.refused
	h.mu.Unlock()
	return refused || !h.members.Has(h.ID())
}

// wasRefused notes why a member will not talk to this node.
func (h *Host) wasRefused(reason string, by placement.NodeID) {
	if reason != reasonOf(ErrRemoved) {
		h.log.Info("a member refused this node", "node", by, "reason", reason)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.refused {
		h.log.Warn("this node was removed from its cluster", "says", by)
	}
	h.refused = true
}

// admit takes a certificate over, after it was told to whom it concerns.
func (h *Host) admit(ctx context.Context, c *Certificate) error {
	if known, is := h.members.Certificate(c.Node()); is && known.Serial() >= c.Serial() {
		return nil
	}
	if err := h.members.wouldAdmit(c); err != nil {
		return err
	}
	if h.cfg.Admitted != nil {
		if err := h.cfg.Admitted(ctx, c); err != nil {
			return fmt.Errorf("admit node %s: %w", c.Node(), err)
		}
	}
	h.keeping.Lock()
	defer h.keeping.Unlock()
	if err := h.keepCertificate(ctx, c); err != nil {
		return err
	}
	_, err := h.members.Admit(c)
	return err
}

// changed is told by Members who came and who went.
func (h *Host) changed(gained, lost []placement.NodeID) {
	for _, id := range gained {
		if p, err := peerOf(id); err == nil {
			lift(h.lines.ResourceManager(), p, h.door)
		}
	}
	for _, id := range lost {
		h.cutOff(id)
	}
	nudge(h.wake)
}

// cutOff ends what there is with a node that was removed.
func (h *Host) cutOff(id placement.NodeID) {
	p, err := peerOf(id)
	if err != nil {
		return
	}
	_ = h.lines.ClosePeer(p)
	lift(h.lines.ResourceManager(), p, h.door)
	if !h.enter() {
		return
	}
	// Forgetting writes, and who tells of a removal may hold what is written to.
	go func() {
		defer h.running.Done()
		if err := h.forget(h.ctx, id); err != nil && h.ctx.Err() == nil {
			h.log.Warn("a removed node could not be forgotten", "node", id, "err", err)
		}
	}()
}

// forget drops what is kept of a node, unless it has come back meanwhile.
func (h *Host) forget(ctx context.Context, id placement.NodeID) error {
	h.keeping.Lock()
	defer h.keeping.Unlock()
	if h.members.Has(id) || id == h.ID() {
		return nil
	}
	return errors.Join(h.book.forget(ctx, id), h.cfg.Records.Delete(ctx, certificateBucket, string(id)))
}

// nudge wakes who waits on c, now or later.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
