package cluster

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"shoal/internal/placement"
)

// Errors of joining with an invite, each with what to do in its text.
var (
	ErrUnknownInvite = errors.New("the node that made the invite does not know it; make a new one with \"shoal invite\"")
	ErrUsedInvite    = errors.New("the invite was used already, and each works once; make a new one with \"shoal invite\"")
	ErrManyInvites   = errors.New("too many invites wait to be used; let some expire first")
)

// maxInvites bounds the invites that wait.
const maxInvites = 1000

// Records keeps bytes by bucket and key on this node, durably, as disk.Records does. Load of what is not there is fs.ErrNotExist.
type Records interface {
	Save(ctx context.Context, bucket, key string, value []byte) error
	Load(ctx context.Context, bucket, key string) ([]byte, error)
	Delete(ctx context.Context, bucket, key string) error
	Each(ctx context.Context, bucket string, visit func(key string, value []byte) error) error
}

const invitesBucket = "invites"

// invites are the ones that this node has made. Of a secret it keeps the hash alone.
type invites struct {
	records Records
	now     func() time.Time
	// mu is held over reading and writing, so that an invite is not used twice.
	mu sync.Mutex
}

// madeInvite is what is kept of an invite.
type madeInvite struct {
	Expires int64 `cbor:"1,keyasint"`
	// UsedBy is who joined with it, and with which serial, which that node may hear again when the answer was lost.
	UsedBy placement.NodeID `cbor:"2,keyasint,omitempty"`
	Serial uint64           `cbor:"3,keyasint,omitempty"`
}

func inviteKey(secret []byte) string {
	sum := sha256.Sum256(secret)
	return hex.EncodeToString(sum[:])
}

// make returns a new secret that works once, for as long as given.
func (v *invites) make(ctx context.Context, lasts time.Duration) (secret []byte, expires int64, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	waiting, err := v.sweep(ctx)
	if err == nil && waiting >= maxInvites {
		err = ErrManyInvites
	}
	if err != nil {
		return nil, 0, fmt.Errorf("make invite: %w", err)
	}
	secret = make([]byte, secretSize)
	rand.Read(secret)
	expires = v.now().Add(lasts).Unix()
	if err := v.save(ctx, inviteKey(secret), madeInvite{Expires: expires}); err != nil {
		return nil, 0, fmt.Errorf("make invite: %w", err)
	}
	return secret, expires, nil
}

// sweep forgets what has expired, and counts the rest.
func (v *invites) sweep(ctx context.Context) (waiting int, err error) {
	var gone []string
	err = v.records.Each(ctx, invitesBucket, func(key string, value []byte) error {
		var made madeInvite
		if decode(value, &made) != nil || expired(made.Expires, v.now()) {
			gone = append(gone, key)
		} else {
			waiting++
		}
		return nil
	})
	for _, key := range gone {
		if err == nil {
			err = v.records.Delete(ctx, invitesBucket, key)
		}
	}
	return waiting, err
}

// use notes, durably, that node joins by secret, and returns the serial it gets: next, unless it joined by this invite before. Then
// it gets the same again, as far as again allows that.
func (v *invites) use(ctx context.Context, secret []byte, node placement.NodeID, next uint64, again func(serial uint64) bool) (serial uint64, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	made, err := v.load(ctx, inviteKey(secret))
	switch {
	case err != nil:
		return 0, err
	case made.UsedBy == node && again(made.Serial):
		return made.Serial, nil
	case made.UsedBy != "":
		return 0, ErrUsedInvite
	case expired(made.Expires, v.now()):
		return 0, ErrExpired
	}
	made.UsedBy, made.Serial = node, next
	return next, v.save(ctx, inviteKey(secret), made)
}

// usedBy tells whether node has joined by secret.
func (v *invites) usedBy(ctx context.Context, secret []byte, node placement.NodeID) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	made, err := v.load(ctx, inviteKey(secret))
	return err == nil && made.UsedBy == node
}

func (v *invites) load(ctx context.Context, key string) (madeInvite, error) {
	var made madeInvite
	value, err := v.records.Load(ctx, invitesBucket, key)
	if errors.Is(err, fs.ErrNotExist) {
		return made, ErrUnknownInvite
	}
	if err == nil {
		err = decode(value, &made)
	}
	return made, err
}

func (v *invites) save(ctx context.Context, key string, made madeInvite) error {
	return v.records.Save(ctx, invitesBucket, key, encode(made))
}
