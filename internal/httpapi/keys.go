package httpapi

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"sync"
	"time"
)

const (
	// keyTime is how long a link works.
	keyTime = time.Hour
	// maxKeys is how many links may be waiting; a further one takes the place of the oldest.
	maxKeys = 64
)

// onceKeys are the secrets in admin links. Each works once, within keyTime; only their hashes are kept.
type onceKeys struct {
	now func() time.Time

	mu   sync.Mutex
	keys []onceKey // guarded by mu; oldest first
}

type onceKey struct {
	sum  [sha256.Size]byte
	role string
	end  time.Time
}

// id names a key without helping to guess it.
func (k onceKey) id() string { return hex.EncodeToString(k.sum[:8]) }

func newOnceKeys(now func() time.Time) *onceKeys { return &onceKeys{now: now} }

// issue makes a key of 128 random bits.
func (o *onceKeys) issue(role string) (secret string, key onceKey) {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	secret = base64.RawURLEncoding.EncodeToString(random[:])
	key = onceKey{sum: sha256.Sum256([]byte(secret)), role: role, end: o.now().Add(keyTime)}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropEnded()
	if len(o.keys) == maxKeys {
		o.keys = slices.Delete(o.keys, 0, 1)
	}
	o.keys = append(o.keys, key)
	return secret, key
}

// redeem uses a key up and returns its role.
func (o *onceKeys) redeem(secret string) (role string, ok bool) {
	sum := sha256.Sum256([]byte(secret))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropEnded()
	i := slices.IndexFunc(o.keys, func(k onceKey) bool { return k.sum == sum })
	if i < 0 {
		return "", false
	}
	role = o.keys[i].role
	o.keys = slices.Delete(o.keys, i, i+1)
	return role, true
}

// list returns the keys that still work, oldest first.
func (o *onceKeys) list() []onceKey {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropEnded()
	return slices.Clone(o.keys)
}

// revoke ends the key of that id, all for "", and tells whether there was one.
func (o *onceKeys) revoke(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropEnded()
	before := len(o.keys)
	o.keys = slices.DeleteFunc(o.keys, func(k onceKey) bool { return id == "" || k.id() == id })
	return len(o.keys) < before
}

// dropEnded forgets keys that are too old; mu must be held.
func (o *onceKeys) dropEnded() {
	now := o.now()
	o.keys = slices.DeleteFunc(o.keys, func(k onceKey) bool { return !now.Before(k.end) })
}
