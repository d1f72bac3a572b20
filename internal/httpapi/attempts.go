package httpapi

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// attemptsPerMinute is how often an address may show a secret.
	attemptsPerMinute = 10
	// maxAddresses bounds the memory of addresses.
	maxAddresses = 4096
)

// attempts limits how often a client may try a secret. An IPv6 client is its /64, all of which is its own.
type attempts struct {
	now func() time.Time

	mu     sync.Mutex
	recent map[netip.Addr]*rate.Limiter // guarded by mu
	// others is shared by the addresses that do not fit into recent.
	others *rate.Limiter // guarded by mu
}

func newAttempts(now func() time.Time) *attempts {
	return &attempts{now: now, recent: make(map[netip.Addr]*rate.Limiter), others: newAttemptLimiter()}
}

func newAttemptLimiter() *rate.Limiter {
	return rate.NewLimiter(rate.Every(time.Minute/attemptsPerMinute), attemptsPerMinute)
}

// take counts an attempt, or refuses it and says when to come again. An attempt that succeeds is forgiven by
// calling the returned function.
func (a *attempts) take(client netip.Addr) (forgive func(), err error) {
	client = wholeClient(client)
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	attempt := a.limiter(client, now).ReserveN(now, 1)
	wait := attempt.DelayFrom(now)
	if wait == 0 {
		return func() { attempt.CancelAt(now) }, nil
	}
	attempt.CancelAt(now)
	return nil, later(wait, http.StatusTooManyRequests, "too_many_attempts",
		"Too many wrong tries came from this address. Wait a little, then try again.")
}

// wholeClient returns the address that stands for a client.
func wholeClient(client netip.Addr) netip.Addr {
	if client.Is6() {
		if prefix, err := client.WithZone("").Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return client
}

// limiter returns the limiter of a client; mu must be held.
func (a *attempts) limiter(client netip.Addr, now time.Time) *rate.Limiter {
	if limiter := a.recent[client]; limiter != nil {
		return limiter
	}
	if len(a.recent) >= maxAddresses {
		for addr, limiter := range a.recent {
			if limiter.TokensAt(now) >= attemptsPerMinute {
				delete(a.recent, addr)
			}
		}
	}
	if len(a.recent) >= maxAddresses {
		return a.others
	}
	limiter := newAttemptLimiter()
	a.recent[client] = limiter
	return limiter
}
