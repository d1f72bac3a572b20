// Package swarm decides how the viewers of a video share: who is introduced to whom, who may fetch a chunk from
// the origin, and what each is told. It is a state machine: messages, time and randomness come in, messages go
// out. It starts no goroutine and does no I/O, so that a server and a simulation can drive it alike; a Room and
// Rooms are used by one goroutine at a time. What viewers and rooms say to each other stands in docs/protocol.md.
package swarm

import "time"

// Bounds of messages, as docs/protocol.md has them.
const (
	// MaxMessage is the greatest length of a message in bytes; MaxJoin that of one that says no more than join.
	MaxMessage = 64 << 10
	MaxJoin    = 1 << 10

	maxTicket     = 128
	maxName       = 40
	maxSeconds    = 10_000_000
	maxRenditions = 8
	maxPeers      = 1000
	maxWhole      = 1<<53 - 1
	maxRunCount   = 1024
	maxOrdinal    = 1<<32 - 1
	maxHaveRuns   = 512
	maxLease      = 64
	maxRelease    = 1024
	maxData       = 16 << 10
)

// How a room behaves. The protocol tells viewers the first three, so they may change.
const (
	stateEvery = 2 * time.Second
	haveEvery  = 500 * time.Millisecond
	leaseTime  = 8 * time.Second

	// graceTime is how long a room grants nothing when viewers come back to it after its restart, and graceAge how
	// old it may be then: they come within 15 s.
	graceTime = 2 * time.Second
	graceAge  = 30 * time.Second
	// awayTime is how long a viewer whose connection broke keeps its neighbours.
	awayTime = 20 * time.Second
	// noticeEvery is how often a viewer is told the number of viewers, and smallRoom up to how many are told unasked.
	noticeEvery = time.Second
	smallRoom   = 64

	minTies  = 6
	goodTies = 8
	maxTies  = 10

	// The messages of a viewer: as many at once, and so many a second. Signals have less, since each is passed on.
	messageBurst, messageRate = 400, 20
	signalBurst, signalRate   = 200, 10
	// How often a viewer's switch brings it together at once with those that it parted from.
	switchBurst, switchRate = 5, 0.2
)

// Code says why a connection is closed.
type Code int

// The codes of docs/protocol.md, "Closing".
const (
	Stopping  Code = 1001
	BadWords  Code = 4000
	Flooding  Code = 4001
	TooSlow   Code = 4002
	Replaced  Code = 4003
	BadTicket Code = 4004
	Banned    Code = 4005
	Full      Code = 4006
)

// ID names a viewer: 12 characters of a-z2-7. It is chosen by the node.
type ID string

const idLength = 12

// ParseID tells whether s is an id.
func ParseID(s string) (ID, bool) {
	if len(s) != idLength {
		return "", false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return "", false
		}
	}
	return ID(s), true
}

// Envelope is something to be handed to a viewer: a message, or else the end of its connection.
type Envelope struct {
	To      ID
	Message Message
	Close   Code
}
