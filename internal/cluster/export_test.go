package cluster

import (
	"context"
	"crypto/ed25519"
	"net"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"shoal/internal/placement"
)

// What only this package makes, for tests of how others take it.
var (
	CertifyByCluster = certifyByCluster
	ClusterOf        = clusterOf
	IsAddress        = isAddress
	CleanName        = cleanName
	ReadNear         = readNear
	ReadFrame        = readFrame
)

const (
	MaxChain      = maxChain
	JoinProtocol  = joinProtocol
	HelloProtocol = helloProtocol
	MaxJoin       = maxJoin
	MaxStrangers  = maxStrangersHere
)

// NewIdentity makes an identity of a key that the test has.
func NewIdentity(key ed25519.PrivateKey) *Identity { return must(newIdentity(key)) }

// Certify makes a chain longer.
func (c *Certificate) Certify(by *Identity, node placement.NodeID, serial uint64, now time.Time) (*Certificate, error) {
	return c.certify(by, node, serial, now)
}

// NewMembers are those of own's cluster.
func NewMembers(own *Certificate, changed func(gained, lost []placement.NodeID)) *Members {
	return newMembers(own, changed)
}

// NextSerial is what a node gets that is admitted now.
func (m *Members) NextSerial(id placement.NodeID) uint64 { return m.nextSerial(id) }

// ReadLink reads a link and writes it again.
func ReadLink(text string, now time.Time) (again string, err error) {
	i, err := parseLink(text, now)
	if err != nil {
		return "", err
	}
	if _, err := i.inviter(); err != nil {
		return "", err
	}
	return i.text(), nil
}

// MakeLink writes a link as other nodes may.
func MakeLink(cluster, inviter, secret []byte, expires time.Time, addresses ...string) string {
	return invite{cluster, inviter, secret, expires.Unix(), addresses}.text()
}

// ReadMessages reads bytes as each message that travels or is kept, and is false when one was written again otherwise.
func ReadMessages(text []byte) bool {
	for _, message := range []any{&joinRequest{}, &joinAnswer{}, &greeting{}, &tale{}, &madeInvite{}, &wireEntry{}} {
		if decode(text, message) == nil && string(encode(message)) != string(text) {
			return false
		}
	}
	_, read, err := readRecord(text)
	return err != nil || string(read.text) == string(text)
}

// SampleMessages are one of each.
func SampleMessages(by *Identity) [][]byte {
	address := must(overTCP("192.168.1.20:9004"))
	text := must(seal(must(by.libp2pKey()), must(peerOf(by.ID())), []ma.Multiaddr{address}, 0, time.Unix(1, 0)))
	return [][]byte{
		text,
		encode(joinRequest{Cluster: "c", Secret: []byte("secret"), Name: "n", Facts: []byte("f"), Record: text}),
		encode(joinAnswer{Certificate: []byte("c"), Members: [][]byte{{1}}, Records: [][]byte{text}, Blobs: [][]byte{{2}}}),
		encode(greeting{Certificate: []byte("c"), Record: text}),
		encode(tale{[][]byte{text}}),
		encode(madeInvite{Expires: 1, UsedBy: "n", Serial: 2}),
		encode(wireEntry{Record: text, Worked: []string{address.String()}}),
	}
}

// Splice hangs the last certificate of one chain on another.
func Splice(on, of *Certificate) *Certificate {
	return &Certificate{append(on.links[:len(on.links):len(on.links)], of.last())}
}

// Stranger is a node of nobody's that says what a test wants.
type Stranger struct {
	host *Host
	by   peer.ID
	at   ma.Multiaddr
}

// NewStranger makes one that talks to a node at an address.
func NewStranger(key ed25519.PrivateKey, by placement.NodeID, at string) (*Stranger, error) {
	identity := NewIdentity(key)
	h := &Host{identity: identity, key: must(identity.libp2pKey()), peer: must(peerOf(identity.ID()))}
	h.book = &book{}
	h.door = newDoor(func(peer.ID) bool { return true }, time.Hour)
	var err error
	h.lines, err = newLines(h.key, h.peer, h.door)
	return &Stranger{h, must(peerOf(by)), must(overTCP(at))}, err
}

// ID is its name.
func (s *Stranger) ID() placement.NodeID { return s.host.identity.ID() }

// Open opens a stream of a protocol, over the connection there is or a new one.
func (s *Stranger) Open(ctx context.Context, protocol string) (net.Conn, error) {
	c, err := s.host.connectAt(ctx, s.by, []ma.Multiaddr{s.at})
	if err != nil {
		return nil, err
	}
	opened, err := s.host.openStream(ctx, c, protocol)
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// Connected tells whether it has a connection.
func (s *Stranger) Connected() bool { return len(s.host.lines.ConnsToPeer(s.by)) > 0 }

// Join says a secret, and returns the certificate that it gets.
func (s *Stranger) Join(ctx context.Context, link string) (*Certificate, error) {
	i, err := decodeLink(link)
	if err != nil {
		return nil, err
	}
	c, err := s.host.connectAt(ctx, s.by, []ma.Multiaddr{s.at})
	if err != nil {
		return nil, err
	}
	answer, err := s.host.ask(ctx, c, joinRequest{Cluster: i.cluster(), Secret: i.Secret})
	if err != nil {
		return nil, err
	}
	return ReadCertificate(answer.Certificate)
}

// Hello shows a certificate, and returns why it is refused.
func (s *Stranger) Hello(ctx context.Context, certificate []byte) error {
	c, err := s.Open(ctx, helloProtocol)
	if err != nil {
		return err
	}
	defer c.Close()
	var theirs greeting
	if err = send(c, greeting{Certificate: certificate}); err == nil {
		err = receive(c, maxGreeting, &theirs)
	}
	if err == nil && theirs.Refused != "" {
		err = meaningOf(theirs.Refused)
	}
	return err
}

// Close ends its connections.
func (s *Stranger) Close() error { return s.host.lines.Close() }

// Saw has a host believe that a node is near by.
func (h *Host) Saw(found Near) { h.near.saw(found) }

// AskOnce asks a node near by to be taken in.
func (h *Host) AskOnce(ctx context.Context, id placement.NodeID) (*Welcome, error) {
	return h.askOnce(ctx, id, nil)
}

// ErrWaits says that nobody has approved yet.
var ErrWaits = errWaits

// SecretOf is the secret in a link, KeyOf where its invite is kept.
func SecretOf(link string) []byte { return must(decodeLink(link)).Secret }
func KeyOf(link string) string    { return inviteKey(SecretOf(link)) }

// Guess is a link with another secret.
func Guess(link string) string {
	i := must(decodeLink(link))
	i.Secret = make([]byte, secretSize)
	return i.text()
}

// Redirect is a link to another address.
func Redirect(link string, addresses ...string) string {
	i := must(decodeLink(link))
	i.Addresses = addresses
	return i.text()
}

// QUICRecord is a node's word that it answers by QUIC alone.
func (h *Host) QUICRecord() []byte {
	only := slices.DeleteFunc(h.ownAddresses(), func(a ma.Multiaddr) bool { return !isQUIC(a) })
	_, before := h.book.record(h.ID())
	return must(seal(h.key, h.peer, only, before, time.Unix(0, 0)))
}
