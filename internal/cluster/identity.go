package cluster

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base32"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/renameio/v2/maybe"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"shoal/internal/filesystem"
	"shoal/internal/placement"
)

const (
	nodeKeyFile    = "node.key"
	clusterKeyFile = "cluster.key"
)

// ErrKey says that a file with a key cannot be used as it is. The text around it says why.
var ErrKey = errors.New("the key cannot be used")

// Identity is a node's key and the name that follows from it. It is not changed after it was made.
type Identity struct {
	key ed25519.PrivateKey
	id  placement.NodeID
}

// OpenIdentity reads the node's key from dir/node.key, and makes it when there is none. Errors: ErrKey.
func OpenIdentity(dir string) (*Identity, error) {
	key, err := openKey(filepath.Join(dir, nodeKeyFile))
	if err != nil {
		return nil, err
	}
	return newIdentity(key)
}

func newIdentity(key ed25519.PrivateKey) (*Identity, error) {
	public, err := crypto.UnmarshalEd25519PublicKey(key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, fmt.Errorf("name a node: %w", err)
	}
	id, err := peer.IDFromPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("name a node: %w", err)
	}
	return &Identity{key, placement.NodeID(id.String())}, nil
}

// ID is the node's libp2p peer id as text (12D3KooW…).
func (i *Identity) ID() placement.NodeID { return i.id }

// Writer is ID as a plain text.
func (i *Identity) Writer() string { return string(i.id) }

// Sign returns the Ed25519 signature of text (RFC 8032), 64 bytes. The error is always nil.
func (i *Identity) Sign(text []byte) ([]byte, error) { return ed25519.Sign(i.key, text), nil }

// Signed tells whether signature is the node's own of text.
func Signed(by placement.NodeID, text, signature []byte) bool {
	key, err := publicKey(by)
	return err == nil && ed25519.Verify(key, text, signature)
}

// publicKey returns the key that a node's name holds.
func publicKey(of placement.NodeID) (ed25519.PublicKey, error) {
	id, err := peerOf(of)
	if err != nil {
		return nil, err
	}
	public, err := id.ExtractPublicKey()
	if err != nil || public.Type() != crypto.Ed25519 {
		return nil, fmt.Errorf("node %q: its name holds no Ed25519 key: %w", of, errMalformed)
	}
	return public.Raw()
}

// peerOf reads a node's name. Only the one spelling that String writes is a name.
func peerOf(node placement.NodeID) (peer.ID, error) {
	id, err := peer.Decode(string(node))
	if err != nil || id.String() != string(node) {
		return "", fmt.Errorf("node %.80q: not a name: %w", string(node), errMalformed)
	}
	return id, nil
}

func nodeOf(id peer.ID) placement.NodeID { return placement.NodeID(id.String()) }

// libp2pKey is the node's key in the form that the network takes.
func (i *Identity) libp2pKey() (crypto.PrivKey, error) {
	return crypto.UnmarshalEd25519PrivateKey(i.key)
}

// ID names a cluster: its public key in lower-case base32 (RFC 4648, section 6), 52 letters and digits.
type ID string

var idText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func clusterID(public ed25519.PublicKey) ID { return ID(idText.EncodeToString(public)) }

func clusterOf(key ed25519.PrivateKey) ID { return clusterID(key.Public().(ed25519.PublicKey)) }

func (id ID) key() (ed25519.PublicKey, error) {
	key, err := idText.DecodeString(string(id))
	if err != nil || len(key) != ed25519.PublicKeySize || clusterID(key) != id {
		return nil, fmt.Errorf("cluster %.80q: not a name: %w", string(id), errMalformed)
	}
	return key, nil
}

// openKey reads a key, and makes it when there is none.
func openKey(path string) (ed25519.PrivateKey, error) {
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	return key, err
}

func readKey(path string) (ed25519.PrivateKey, error) {
	if err := checkKeyFile(path); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", path, err)
	}
	block, rest := pem.Decode(text)
	if block == nil || len(rest) > 0 {
		return nil, fmt.Errorf("read key %s: it is damaged; put it back from a copy: %w", path, ErrKey)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("read key %s: it holds no Ed25519 key; put it back from a copy: %w", path, ErrKey)
	}
	return key, nil
}

func checkKeyFile(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return fmt.Errorf("read key %s: %w", path, err)
	case !info.Mode().IsRegular() || info.Size() > 4096:
		return fmt.Errorf("read key %s: not a file with a key: %w", path, ErrKey)
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return fmt.Errorf("read key %s: others may read it; take that away with chmod 600: %w", path, ErrKey)
	}
	return nil
}

// makeKey stores a new key. It is durable when the error is nil.
func makeKey(path string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key %s: %w", path, err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err == nil {
		err = maybe.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}), 0o600)
	}
	if err == nil {
		err = filesystem.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return nil, fmt.Errorf("make key %s: %w", path, err)
	}
	return key, nil
}
