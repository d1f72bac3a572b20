package cluster_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"shoal/internal/cluster"
	"shoal/internal/placement"
)

var issued = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// keyOf is a key that follows from a name.
func keyOf(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func identityOf(name string) *cluster.Identity { return cluster.NewIdentity(keyOf(name)) }

func idOf(name string) placement.NodeID { return identityOf(name).ID() }

// chain certifies the first name by the cluster's key, and each next one by the one before, all with serial 1.
func chain(t testing.TB, clusterName string, names ...string) *cluster.Certificate {
	t.Helper()
	c := cluster.CertifyByCluster(keyOf(clusterName), idOf(names[0]), 1, issued)
	for i, name := range names[1:] {
		var err error
		if c, err = c.Certify(identityOf(names[i]), idOf(name), 1, issued); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestACertificateIsReadAsItWasWritten(t *testing.T) {
	c := chain(t, "home", "ann", "ben", "cyd")
	got, err := cluster.ReadCertificate(c.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if got.Node() != idOf("cyd") || got.Issuer() != idOf("ben") || got.Cluster() != cluster.ClusterOf(keyOf("home")) || got.Serial() != 1 || !got.Issued().Equal(issued) {
		t.Errorf("%+v", got)
	}
	if !bytes.Equal(got.Encode(), c.Encode()) {
		t.Error("it is written otherwise")
	}
}

func TestAChangedCertificateIsRefused(t *testing.T) {
	text := chain(t, "home", "ann", "ben").Encode()
	for i := range text {
		changed := bytes.Clone(text)
		changed[i] ^= 1
		if _, err := cluster.ReadCertificate(changed); !errors.Is(err, cluster.ErrInvalid) {
			t.Fatalf("with byte %d changed: %v", i, err)
		}
	}
	for _, cut := range [][]byte{nil, text[:1], text[:len(text)-1], append(slices.Clone(text), 0), {0x80}} {
		if _, err := cluster.ReadCertificate(cut); !errors.Is(err, cluster.ErrInvalid) {
			t.Errorf("%d of %d bytes: %v", len(cut), len(text), err)
		}
	}
}

func TestACertificateBySomebodyElseIsRefused(t *testing.T) {
	// ben is certified, and eve certifies herself in his name.
	c, err := chain(t, "home", "ben").Certify(identityOf("eve"), idOf("eve"), 1, issued)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.ReadCertificate(c.Encode()); !errors.Is(err, cluster.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

func TestAChainHasAnEnd(t *testing.T) {
	names := []string{"n0"}
	for i := 1; i < cluster.MaxChain; i++ {
		names = append(names, fmt.Sprint("n", i))
	}
	c := chain(t, "home", names...)
	if _, err := cluster.ReadCertificate(c.Encode()); err != nil {
		t.Errorf("the longest chain: %v", err)
	}
	if _, err := c.Certify(identityOf(names[len(names)-1]), idOf("late"), 1, issued); !errors.Is(err, cluster.ErrLongChain) {
		t.Errorf("a longer one: %v", err)
	}
}

func TestSignaturesAreOfTheNodeThatIsNamed(t *testing.T) {
	signature, err := identityOf("ann").Sign([]byte("text"))
	if err != nil || !cluster.Signed(idOf("ann"), []byte("text"), signature) {
		t.Errorf("her own: %v", err)
	}
	if cluster.Signed(idOf("ben"), []byte("text"), signature) || cluster.Signed(idOf("ann"), []byte("texts"), signature) || cluster.Signed("ann", []byte("text"), signature) {
		t.Error("another's is taken for hers")
	}
}

func FuzzCertificate(f *testing.F) {
	f.Add(chain(f, "home", "ann").Encode())
	f.Add(chain(f, "home", "ann", "ben", "cyd").Encode())
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := cluster.ReadCertificate(text); err == nil && !bytes.Equal(c.Encode(), text) {
			t.Errorf("read, and written otherwise: %x", text)
		}
		if r, err := cluster.ReadRemoval(text); err == nil && !bytes.Equal(r.Encode(), text) {
			t.Errorf("a removal, and written otherwise: %x", text)
		}
	})
}
