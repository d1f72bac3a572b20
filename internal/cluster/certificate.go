package cluster

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"shoal/internal/placement"
)

const (
	// maxChain is how many certificates a chain has at most.
	maxChain = 8
	// maxCertificate is more bytes than any encoded chain has.
	maxCertificate = 4096
	// maxSerial keeps a node that is mad from using up the serials of another.
	maxSerial = 1 << 62
	// certifies is what a signature covers before the certificate, so that it can stand for nothing else.
	certifies = "shoal certificate 1\n"
)

// Errors of certificates.
var (
	ErrInvalid   = errors.New("the certificate is not valid")
	ErrLongChain = errors.New("this node was certified through too many others to certify another; ask a node that joined earlier")
)

// Certificate says that a node belongs to a cluster, and proves it to whoever knows the cluster's public key. It is a chain: the
// cluster's key certifies a node, that one the next, and so on to the node that it is about. It is not changed after it was made.
type Certificate struct{ links []link }

// link is one certificate of a chain. Its keys are the format: a number is never used again for another meaning.
type link struct {
	Cluster ID               `cbor:"1,keyasint"`
	Node    placement.NodeID `cbor:"2,keyasint"`
	Serial  uint64           `cbor:"3,keyasint"`
	// Issuer is the node that signed, with the serial that it had; for the cluster's own key there is none.
	Issuer       placement.NodeID `cbor:"4,keyasint,omitempty"`
	IssuerSerial uint64           `cbor:"5,keyasint,omitempty"`
	// Issued is in seconds since 1970, by the issuer's clock. It is for people; nothing is decided by it.
	Issued    int64  `cbor:"6,keyasint"`
	Signature []byte `cbor:"7,keyasint,omitempty"`
}

// signed returns the bytes that the signature covers.
func (l link) signed() []byte {
	l.Signature = nil
	return append([]byte(certifies), encode(l)...)
}

// certifyByCluster begins a chain.
func certifyByCluster(key ed25519.PrivateKey, node placement.NodeID, serial uint64, now time.Time) *Certificate {
	l := link{Cluster: clusterOf(key), Node: node, Serial: serial, Issued: now.Unix()}
	l.Signature = ed25519.Sign(key, l.signed())
	return &Certificate{[]link{l}}
}

// certify makes the chain of c, which is the issuer's own, one longer.
func (c *Certificate) certify(issuer *Identity, node placement.NodeID, serial uint64, now time.Time) (*Certificate, error) {
	if len(c.links) >= maxChain {
		return nil, fmt.Errorf("certify node %s: %w", node, ErrLongChain)
	}
	l := link{
		Cluster: c.Cluster(), Node: node, Serial: serial, Issuer: c.Node(), IssuerSerial: c.Serial(), Issued: now.Unix(),
	}
	l.Signature = ed25519.Sign(issuer.key, l.signed())
	return &Certificate{append(c.links[:len(c.links):len(c.links)], l)}, nil
}

func (c *Certificate) last() link { return c.links[len(c.links)-1] }

// Cluster is which cluster the certificate is of, and by whose key it was checked.
func (c *Certificate) Cluster() ID { return c.last().Cluster }

// Node is whom the certificate is about.
func (c *Certificate) Node() placement.NodeID { return c.last().Node }

// Serial is higher each time that the node is admitted anew.
func (c *Certificate) Serial() uint64 { return c.last().Serial }

// Issuer is who admitted the node; "" is the cluster's own key.
func (c *Certificate) Issuer() placement.NodeID { return c.last().Issuer }

// Issued is when, by the issuer's clock.
func (c *Certificate) Issued() time.Time { return time.Unix(c.last().Issued, 0) }

// Encode returns the canonical bytes of the chain, at most 4,096.
func (c *Certificate) Encode() []byte { return encode(c.links) }

// ReadCertificate reads what Encode wrote and checks every signature of the chain from the cluster's key on. Whether that is
// the right cluster, and whether somebody was removed from it since, is for Members to say. Errors: ErrInvalid.
func ReadCertificate(text []byte) (*Certificate, error) {
	if len(text) > maxCertificate {
		return nil, fmt.Errorf("read certificate: %d bytes: %w", len(text), ErrInvalid)
	}
	var c Certificate
	if err := decode(text, &c.links); err != nil {
		return nil, fmt.Errorf("read certificate: %w: %w", err, ErrInvalid)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("read certificate: %w: %w", err, ErrInvalid)
	}
	return &c, nil
}

func (c *Certificate) check() error {
	if len(c.links) == 0 || len(c.links) > maxChain {
		return fmt.Errorf("a chain of %d", len(c.links))
	}
	signer, err := c.links[0].Cluster.key()
	if err != nil {
		return err
	}
	before := link{Cluster: c.links[0].Cluster}
	for _, l := range c.links {
		if l.Cluster != before.Cluster || l.Issuer != before.Node || l.IssuerSerial != before.Serial {
			return fmt.Errorf("node %q: its certificate does not follow from the one before", l.Node)
		}
		if l.Serial == 0 || l.Serial > maxSerial {
			return fmt.Errorf("node %q: serial %d", l.Node, l.Serial)
		}
		if !ed25519.Verify(signer, l.signed(), l.Signature) {
			return fmt.Errorf("node %q: the signature is wrong", l.Node)
		}
		if signer, err = publicKey(l.Node); err != nil {
			return err
		}
		before = l
	}
	return nil
}
