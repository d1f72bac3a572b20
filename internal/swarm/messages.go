package swarm

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Message is what a viewer and its room say to each other. A message that was handed out is not changed any more.
type Message interface {
	// kind is the message's member t.
	kind() string
}

// Share says with whom a viewer exchanges.
type Share string

// The ways to share: with everybody, with the same network only, taking without giving, not at all.
const (
	ShareAll     Share = "all"
	ShareLAN     Share = "lan"
	ShareReceive Share = "receive"
	ShareOff     Share = "off"
)

// Run is Count chunks of a rendition that follow each other, from ordinal First on.
type Run struct {
	Rendition    string
	First, Count uint32
}

// MarshalJSON writes the array that a run is on the wire.
func (r Run) MarshalJSON() ([]byte, error) {
	text := append(make([]byte, 0, 32), '[', '"')
	text = append(text, r.Rendition...) // a-z0-9
	text = append(text, '"', ',')
	text = strconv.AppendUint(text, uint64(r.First), 10)
	text = append(text, ',')
	text = strconv.AppendUint(text, uint64(r.Count), 10)
	return append(text, ']'), nil
}

// Runs is a list that is written as an empty one when it is nil.
type Runs []Run

// MarshalJSON writes a list.
func (r Runs) MarshalJSON() ([]byte, error) {
	if r == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]Run(r))
}

// From viewers to their room.
type (
	// Join is the first message of a viewer.
	Join struct {
		Ticket string `json:"viewer"`
		Name   string `json:"name"`
		Share  Share  `json:"share"`
	}
	// State tells where a viewer is in the film, in seconds, and what it has loaded.
	State struct {
		Position   float64  `json:"position"`
		Buffer     float64  `json:"buffer"`
		Playing    bool     `json:"playing"`
		Renditions []string `json:"renditions"`
		Peers      int      `json:"peers"`
		Bytes      Bytes    `json:"bytes"`
	}
	// Have tells what a viewer can give; Full replaces what was told before.
	Have struct {
		Full bool `json:"full"`
		Add  Runs `json:"add"`
		Drop Runs `json:"drop"`
	}
	// Lease asks for leave to fetch chunks; Urgent tells that they are fetched already.
	Lease struct {
		Chunks Runs `json:"chunks"`
		Urgent bool `json:"urgent"`
	}
	// Release gives up chunks that were asked for.
	Release struct {
		Chunks Runs `json:"chunks"`
	}
	// ShareChange moves the switch.
	ShareChange struct {
		Share Share `json:"share"`
	}
	// Signal is for an introduced peer.
	Signal struct {
		To   ID     `json:"to"`
		Kind string `json:"kind"`
		Data string `json:"data"`
	}
	// Failed tells that there is no connection to a peer, or none any more.
	Failed struct {
		Peer ID     `json:"peer"`
		Why  string `json:"why"`
	}
	// Report tells that a peer sent bytes that do not match.
	Report struct {
		Peer  ID  `json:"peer"`
		Chunk Run `json:"chunk"`
	}
)

// Bytes counts what a viewer got and gave since its page began.
type Bytes struct {
	Origin    int64 `json:"origin"`
	Peers     int64 `json:"peers"`
	Cache     int64 `json:"cache"`
	Uploaded  int64 `json:"uploaded"`
	Duplicate int64 `json:"duplicate"`
	Rejected  int64 `json:"rejected"`
}

// From a room to its viewers.
type (
	// Welcome answers Join.
	Welcome struct {
		Viewer  ID    `json:"viewer"`
		Epoch   int64 `json:"epoch"`
		Viewers int   `json:"viewers"`
		StateMS int64 `json:"state_ms"`
		HaveMS  int64 `json:"have_ms"`
		LeaseMS int64 `json:"lease_ms"`
	}
	// RoomSize tells how many viewers there are.
	RoomSize struct {
		Viewers int `json:"viewers"`
	}
	// Peers introduces, and takes back.
	Peers struct {
		Add    []Peer `json:"add"`
		Remove []ID   `json:"remove"`
	}
	// Peer is another viewer; Near tells that it is on the same network, Offer that the offer is to be made to it.
	Peer struct {
		Viewer ID     `json:"viewer"`
		Name   string `json:"name"`
		Near   bool   `json:"near"`
		Offer  bool   `json:"offer"`
	}
	// Signalled is a Signal as the other one gets it.
	Signalled struct {
		From ID     `json:"from"`
		Kind string `json:"kind"`
		Data string `json:"data"`
	}
	// Leases answers Lease.
	Leases struct {
		Epoch   int64 `json:"epoch"`
		Granted Runs  `json:"granted"`
		Held    Runs  `json:"held"`
		Ready   Runs  `json:"ready"`
	}
	// PeerBanned names a viewer that sent bad bytes to two others.
	PeerBanned struct {
		Peer ID `json:"peer"`
	}
)

func (*Join) kind() string        { return "join" }
func (*State) kind() string       { return "state" }
func (*Have) kind() string        { return "have" }
func (*Lease) kind() string       { return "lease" }
func (*Release) kind() string     { return "release" }
func (*ShareChange) kind() string { return "share" }
func (*Signal) kind() string      { return "signal" }
func (*Failed) kind() string      { return "failed" }
func (*Report) kind() string      { return "report" }

func (*Welcome) kind() string    { return "welcome" }
func (*RoomSize) kind() string   { return "room" }
func (*Peers) kind() string      { return "peers" }
func (*Signalled) kind() string  { return "signal" }
func (*Leases) kind() string     { return "leases" }
func (*PeerBanned) kind() string { return "banned" }

// MarshalJSON writes lists that are empty rather than null.
func (p *Peers) MarshalJSON() ([]byte, error) {
	type plain Peers
	full := plain(*p)
	if full.Add == nil {
		full.Add = []Peer{}
	}
	if full.Remove == nil {
		full.Remove = []ID{}
	}
	return json.Marshal(full)
}

// Encode returns a message as it is sent.
func Encode(m Message) []byte {
	body, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Errorf("encode %s: %w", m.kind(), err)) // numbers are finite and texts are texts
	}
	text := make([]byte, 0, len(body)+16)
	text = append(text, `{"t":"`...)
	text = append(text, m.kind()...)
	text = append(text, '"', ',')
	return append(text, body[1:]...)
}
