package swarm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

const (
	// lifeLength is how many characters of an id tell in which life of the node it was given out.
	lifeLength = 2
	proofBytes = 16
)

var idText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Tickets gives out viewers' ids and knows them again, also after a restart with the same key. Its methods may be
// called from many goroutines at once if its source of randomness may.
type Tickets struct {
	key    []byte
	random io.Reader
	life   string
}

// NewTickets returns Tickets that sign with key and take ids from random, which is crypto/rand.Reader outside
// tests.
func NewTickets(key []byte, random io.Reader) *Tickets {
	t := &Tickets{key: key, random: random}
	t.life = t.characters(lifeLength)
	return t
}

// characters returns so many random ones of those an id has. It panics when random fails, which crypto/rand
// never does.
func (t *Tickets) characters(n int) string {
	bits := make([]byte, (n*5+7)/8)
	if _, err := io.ReadFull(t.random, bits); err != nil {
		panic(fmt.Sprintf("make viewer id: %v", err))
	}
	return idText.EncodeToString(bits)[:n]
}

// Issue returns an id for a viewer of a video, and the ticket that proves it.
func (t *Tickets) Issue(video string) (id ID, ticket string) {
	id = ID(t.life + t.characters(idLength-lifeLength))
	return id, string(id) + "." + t.proof(id, video)
}

// Open returns the viewer whose ticket this is, if it is one for that video.
func (t *Tickets) Open(ticket, video string) (ID, bool) {
	name, proof, _ := strings.Cut(ticket, ".")
	id, ok := ParseID(name)
	if !ok || !hmac.Equal([]byte(proof), []byte(t.proof(id, video))) {
		return "", false
	}
	return id, true
}

// Returns tells whether an id was given out before the node was started, so that its viewer was here before.
func (t *Tickets) Returns(id ID) bool { return !strings.HasPrefix(string(id), t.life) }

func (t *Tickets) proof(id ID, video string) string {
	mac := hmac.New(sha256.New, t.key)
	fmt.Fprintf(mac, "shoal viewer v1\n%s\n%s", id, video)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:proofBytes])
}
