package cluster

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"shoal/internal/placement"
)

// Errors of invites, each with what to do in its text.
var (
	ErrNotLink      = errors.New("this is not an invite; one begins with " + linkStart + " and is made by \"shoal invite\"")
	ErrDamagedLink  = errors.New("the invite is damaged; copy all of the line again")
	ErrOtherVersion = errors.New("the invite was made by another version of Shoal; bring both nodes to the same version")
	ErrExpired      = errors.New("the invite has expired; make a new one with \"shoal invite\"")
)

const (
	// A link has no character that a shell takes for something else.
	linkStart   = "shoal://join/"
	linkVersion = "1"
	maxLink     = 4096
	secretSize  = 16
	sumSize     = 4
	// maxAddresses bounds the addresses of a node, in a link and elsewhere.
	maxAddresses = 16
	// maxHost is the longest name of the DNS (RFC 1035), with room for a port.
	maxHost = 253 + 6
	// clockSlack is how far clocks may be apart.
	clockSlack = 90 * time.Second
)

// invite is what a link says.
type invite struct {
	// cluster and inviter are the raw Ed25519 public keys: only the holder of the second may answer.
	Cluster   []byte   `cbor:"1,keyasint"`
	Inviter   []byte   `cbor:"2,keyasint"`
	Secret    []byte   `cbor:"3,keyasint"`
	Expires   int64    `cbor:"4,keyasint"`
	Addresses []string `cbor:"5,keyasint"`
}

// text returns the link: one line of letters, digits and "-_/:".
func (i invite) text() string {
	text := encode(i)
	sum := sha256.Sum256(text)
	return linkStart + linkVersion + "/" + base64.RawURLEncoding.EncodeToString(append(sum[:sumSize], text...))
}

// parseLink reads an invite. Space around it, as pasting leaves it, does no harm.
func parseLink(text string, now time.Time) (*invite, error) {
	i, err := decodeLink(strings.TrimSpace(text))
	if err == nil {
		err = i.check(now)
	}
	if err != nil {
		return nil, fmt.Errorf("read invite: %w", err)
	}
	return i, nil
}

func decodeLink(text string) (*invite, error) {
	rest, found := strings.CutPrefix(text, linkStart)
	if !found {
		return nil, ErrNotLink
	}
	version, body, found := strings.Cut(rest, "/")
	if _, err := strconv.ParseUint(version, 10, 16); err != nil || !found || len(text) > maxLink {
		return nil, ErrDamagedLink
	}
	if version != linkVersion {
		return nil, ErrOtherVersion
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || len(raw) < sumSize {
		return nil, ErrDamagedLink
	}
	sum := sha256.Sum256(raw[sumSize:])
	if string(sum[:sumSize]) != string(raw[:sumSize]) {
		return nil, ErrDamagedLink
	}
	var i invite
	if err := decode(raw[sumSize:], &i); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamagedLink, err)
	}
	return &i, nil
}

func (i *invite) check(now time.Time) error {
	switch {
	case len(i.Cluster) != ed25519.PublicKeySize, len(i.Inviter) != ed25519.PublicKeySize, len(i.Secret) != secretSize,
		len(i.Addresses) == 0, len(i.Addresses) > maxAddresses, !slices.ContainsFunc(i.Addresses, isAddress):
		return ErrDamagedLink
	case expired(i.Expires, now):
		return ErrExpired
	}
	return nil
}

// inviter is the one who made the link.
func (i *invite) inviter() (placement.NodeID, error) {
	key, err := crypto.UnmarshalEd25519PublicKey(i.Inviter)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrDamagedLink, err)
	}
	id, err := peer.IDFromPublicKey(key)
	return nodeOf(id), err
}

func (i *invite) cluster() ID { return clusterID(i.Cluster) }

// expired tells whether an invite's time is over, by seconds since 1970.
func expired(expires int64, now time.Time) bool {
	return now.After(time.Unix(expires, 0).Add(clockSlack))
}

// isAddress tells whether text is a host and a port that can be connected to.
func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || len(text) > maxHost {
		return false
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return !ip.IsUnspecified() && !ip.IsMulticast() && ip.Zone() == ""
	}
	return isHostName(host)
}

// isHostName tells whether a name is made of the letters, digits and hyphens of the DNS (RFC 1123, section 2.1).
func isHostName(name string) bool {
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return false
		}
	}
	return true
}

// ClusterOfLink returns the cluster that an invite is of, also when the invite has expired. Errors: ErrNotLink, ErrDamagedLink, ErrOtherVersion.
func ClusterOfLink(link string) (ID, error) {
	i, err := decodeLink(strings.TrimSpace(link))
	if err != nil {
		return "", err
	}
	return i.cluster(), nil
}
