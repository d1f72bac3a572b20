package cluster

import (
	"errors"
	"fmt"
)

// ErrLater says that a node cannot do it now.
var ErrLater = errors.New("the other node cannot take this one in right now; try again in a minute, and look into its log if that does not help")

// refusals are the reasons for which nodes refuse each other, as they travel. A word is never used again for another meaning.
var refusals = []struct {
	reason  string
	meaning error
}{
	{"removed", ErrRemoved},
	{"cluster", ErrOtherCluster},
	{"invalid", ErrInvalid},
	{"unknown", ErrUnknownInvite},
	{"used", ErrUsedInvite},
	{"expired", ErrExpired},
	{"member", ErrAlreadyMember},
	{"full", ErrFull},
	{"chain", ErrLongChain},
	{"often", ErrTooOften},
	{"waits", errWaits},
	{"version", ErrOtherVersion},
	{"later", ErrLater},
}

// reasonOf is how an error travels. What is nobody else's business travels as "later".
func reasonOf(err error) string {
	for _, r := range refusals {
		if errors.Is(err, r.meaning) {
			return r.reason
		}
	}
	return "later"
}

// meaningOf is what a reason means here.
func meaningOf(reason string) error {
	for _, r := range refusals {
		if r.reason == reason {
			return r.meaning
		}
	}
	return fmt.Errorf("for %.40q: %w", reason, ErrLater)
}
