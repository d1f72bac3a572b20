package swarm

import (
	"errors"
	"math/rand/v2"
	"slices"
	"time"
)

// idleTime is how long an empty room is kept.
const idleTime = 30 * time.Second

// ErrFull says that a room, or the node, takes no more viewers.
var ErrFull = errors.New("no room for another viewer")

// Limits bound what a node keeps.
type Limits struct {
	// Rooms, Viewers in all, and RoomViewers in one room.
	Rooms, Viewers, RoomViewers int
}

// Rooms are the rooms of a node, by the names of their videos.
type Rooms struct {
	limits  Limits
	random  *rand.Rand
	rooms   map[string]*Room
	epoch   int64
	counts  Counts
	stripes map[string]stripe
}

// NewRooms returns no rooms. Random is what neighbours are chosen with.
func NewRooms(limits Limits, random *rand.Rand) *Rooms {
	return &Rooms{limits: limits, random: random, rooms: make(map[string]*Room), stripes: make(map[string]stripe)}
}

// Open returns the room of a video for another viewer, or ErrFull.
func (r *Rooms) Open(video string, now time.Time) (*Room, error) {
	room := r.rooms[video]
	switch {
	case r.Viewers() >= r.limits.Viewers, room == nil && len(r.rooms) >= r.limits.Rooms,
		room != nil && room.Viewers() >= r.limits.RoomViewers:
		return nil, ErrFull
	case room == nil:
		// Wall time goes on over a restart.
		r.epoch = max(r.epoch+1, now.UnixMilli())
		room = newRoom(r.epoch, now, r.random, &r.counts)
		r.rooms[video] = room
	}
	room.bound(r.limits.RoomViewers)
	return room, nil
}

// bound forgets those who are away longest, if they and those who are here are too many.
func (r *Room) bound(most int) {
	for len(r.away) > 0 && len(r.viewers) >= most {
		v := r.away[0]
		r.away = slices.Delete(r.away, 0, 1)
		r.forget(v, v.left)
	}
}

// Room returns the room of a video, or nil.
func (r *Rooms) Room(video string) *Room { return r.rooms[video] }

// Len returns how many rooms there are.
func (r *Rooms) Len() int { return len(r.rooms) }

// Viewers returns how many viewers are here.
func (r *Rooms) Viewers() int {
	n := 0
	for _, room := range r.rooms {
		n += room.Viewers()
	}
	return n
}

// Counts returns what happened in all rooms so far.
func (r *Rooms) Counts() Counts { return r.counts }

// Tick does what is due in all rooms, and hands what is to be sent to send.
func (r *Rooms) Tick(now time.Time, send func(video string, out []Envelope)) {
	for video, room := range r.rooms {
		if due := room.Due(); !due.IsZero() && !now.Before(due) {
			send(video, room.Tick(now))
		}
		if len(room.viewers) == 0 && now.Sub(room.idle) >= idleTime {
			delete(r.rooms, video)
		}
	}
	r.forgetStripes(now)
}

// Status is what may be shown of a viewer; never its address.
type Status struct {
	ID     ID
	Name   string
	Video  string
	Buffer float64
	Peers  int
	Bytes  Bytes
}

// Snapshot returns at most so many viewers, in the order of their videos and ids.
func (r *Rooms) Snapshot(most int) []Status {
	all := []Status{}
	videos := make([]string, 0, len(r.rooms))
	for video := range r.rooms {
		videos = append(videos, video)
	}
	slices.Sort(videos)
	for _, video := range videos {
		from := len(all)
		for _, v := range r.rooms[video].everyone.members {
			if len(all) == most {
				break
			}
			all = append(all, Status{v.id, v.name, video, float64(v.buffer), v.peers, v.bytes})
		}
		slices.SortFunc(all[from:], func(a, b Status) int {
			if a.ID < b.ID {
				return -1
			}
			return 1
		})
	}
	return all
}
