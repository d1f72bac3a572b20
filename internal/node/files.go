package node

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2/maybe"
)

// adminToken returns the secret in the file admin.token, which is made once and only its owner can read.
func adminToken(dir string) (string, error) {
	path := filepath.Join(dir, "admin.token")
	text, err := os.ReadFile(path)
	if err == nil && len(bytes.TrimSpace(text)) > 0 {
		return string(bytes.TrimSpace(text)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read admin token: %w", err)
	}
	var random [32]byte
	rand.Read(random[:])
	token := base64.RawURLEncoding.EncodeToString(random[:])
	if err := maybe.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write admin token: %w", err)
	}
	return token, nil
}

// announcement is the file node.json, which says where the node answers while it runs.
type announcement string

func announce(dir string, addr net.Addr) (announcement, error) {
	path := filepath.Join(dir, "node.json")
	text, err := json.Marshal(struct {
		HTTP string `json:"http"`
		PID  int    `json:"pid"`
	}{local(addr), os.Getpid()})
	if err == nil {
		err = maybe.WriteFile(path, append(text, '\n'), 0o600)
	}
	if err != nil {
		return announcement(path), fmt.Errorf("write node.json: %w", err)
	}
	return announcement(path), nil
}

func (a announcement) withdraw() { _ = os.Remove(string(a)) }

// local is where this machine reaches a listener: an address that stands for all becomes the loopback's.
func local(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
}
