package rows_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"shoal/internal/rows"
)

// bubble runs a test in virtual time with nodes that may all write and have met.
func bubble(t *testing.T, names []string, test func(t *testing.T, f *fleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, names...)
		defer f.close()
		f.admit(names...)
		until(t, "all are alike", 10*time.Second, f.alike)
		time.Sleep(5 * time.Second)
		test(t, f)
	})
}

var three = []string{"ann", "ben", "cyd"}

func TestWhatOneWritesIsWithAllAtOnce(t *testing.T) {
	bubble(t, three, func(t *testing.T, f *fleet) {
		for i := range 20 {
			f.nodes["ben"].save(t, fmt.Sprint(i), "title")
			if took := until(t, "all have it", time.Second, f.alike); took > 100*time.Millisecond {
				t.Errorf("a record took %v", took)
			}
		}
		remove(t, f.nodes["cyd"].records, "7")
		until(t, "all know it is gone", time.Second, f.alike)
		if got := f.nodes["ann"].has(t, "7"); got != "" {
			t.Errorf("ann has %q", got)
		}
	})
}

func TestWhoWasAwayCatchesUpWhenItAppears(t *testing.T) {
	bubble(t, three, func(t *testing.T, f *fleet) {
		storage := f.crash("cyd")
		f.nodes["ann"].grow(t, 1000)
		remove(t, f.nodes["ben"].records, "video-00005")
		f.start("cyd", storage)
		took := until(t, "all are alike", 10*time.Second, f.alike)
		t.Logf("1,000 records after %v", took)
		f.crash("cyd")
		f.start("cyd", newMemory()) // its disk was lost
		until(t, "all are alike", 10*time.Second, f.alike)
	})
}

func TestOneWhoWasAwayIsNotGivenTheSameByEverybody(t *testing.T) {
	names := []string{"ann", "b1", "b2", "b3", "b4", "b5", "b6", "b9"}
	bubble(t, names, func(t *testing.T, f *fleet) {
		f.crash("b9")
		f.nodes["ann"].grow(t, 500)
		until(t, "the others are alike", 10*time.Second, f.alike)
		size := 0
		for _, value := range f.nodes["ann"].storage.copy()["records"] {
			size += len(value)
		}
		var got atomic.Int64
		f.net.Delay(time.Millisecond)
		f.net.Tap(func(_, to string, n int) {
			if to == "b9" {
				got.Add(int64(n))
			}
		})
		f.start("b9", newMemory())
		until(t, "all are alike", 10*time.Second, f.alike)
		time.Sleep(10 * time.Second)
		if times := float64(got.Load()) / float64(size); times > 5 {
			t.Errorf("it was given %.1f times what there is", times)
		} else {
			t.Logf("it was given %.1f times what there is", times)
		}
	})
}

func TestRecordsOfANewMemberAreTakenOnceItIsKnown(t *testing.T) {
	bubble(t, three, func(t *testing.T, f *fleet) {
		f.start("dot", newMemory())
		f.nodes["dot"].save(t, "mine", "early")
		time.Sleep(10 * time.Second)
		if got := f.nodes["ben"].has(t, "mine"); got != "" {
			t.Errorf("ben took %q of a stranger", got)
		}
		f.admit("dot")
		took := until(t, "all are alike", 10*time.Second, f.alike)
		t.Logf("what was refused before is with all after %v", took)
		f.nodes["dot"].save(t, "mine", "late")
		until(t, "all have it", time.Second, f.alike)
	})
}

func TestASilentNodeHoldsUpNobody(t *testing.T) {
	bubble(t, three, func(t *testing.T, f *fleet) {
		for i := range 8 { // as many that take everything and never say a word
			name := fmt.Sprintf("mute-%d", i)
			f.net.Join(name, func(ctx context.Context, _, _ string, conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
			f.mu.Lock()
			f.nodes[name] = nil
			f.mu.Unlock()
		}
		defer func() {
			for i := range 8 {
				delete(f.nodes, fmt.Sprintf("mute-%d", i))
			}
		}()
		f.net.Freeze("cyd")
		time.Sleep(time.Second)
		f.nodes["ann"].save(t, "a", "one")
		took := until(t, "ben has it", time.Second, func() bool { return f.nodes["ben"].has(t, "a") == "one" })
		f.net.Thaw("cyd")
		took2 := until(t, "cyd has it", 10*time.Second, func() bool { return f.nodes["cyd"].has(t, "a") == "one" })
		storage := f.crash("ben")
		f.nodes["ann"].grow(t, 500)
		f.start("ben", storage)
		took3 := until(t, "ben has all", 10*time.Second, func() bool { return f.nodes["ben"].records.Len("videos") == 501 })
		t.Log(took, took2, took3)
		for i := range 8 {
			f.net.Crash(fmt.Sprintf("mute-%d", i))
		}
	})
}

func TestWhatWasWrittenLastGoesOutBeforeTheEnd(t *testing.T) {
	bubble(t, three, func(t *testing.T, f *fleet) {
		f.net.Delay(10 * time.Millisecond)
		f.nodes["ann"].save(t, "a", "before")
		until(t, "all have it", time.Second, f.alike)
		f.nodes["ann"].save(t, "a", "last")
		begun := time.Now()
		f.end("ann")
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("it took %v to end", took)
		}
		time.Sleep(100 * time.Millisecond)
		if got := f.nodes["ben"].has(t, "a"); got != "last" {
			t.Errorf("ben has %q", got)
		}
	})
}

func TestEndsSoonWhateverTheOthersDo(t *testing.T) {
	bubble(t, three, func(t *testing.T, f *fleet) {
		f.net.Freeze("ann")
		f.nodes["ann"].grow(t, 2000) // more than may wait
		time.Sleep(3 * time.Second)
		begun := time.Now()
		f.end("ann")
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("it took %v to end", took)
		}
		f.net.FreeAll()
	})
}

func TestStrangeStreamsEnd(t *testing.T) {
	framed := func(text []byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
	}
	greet := func(what byte, table string) []byte {
		return framed(append([]byte{0xa2, 1, what, 2, 0x60 + byte(len(table))}, table...))
	}
	bubble(t, three, func(t *testing.T, f *fleet) {
		for name, says := range map[string][]byte{
			"nothing":                   {},
			"half a length":             {0, 0},
			"an endless frame":          {0xff, 0xff, 0xff, 0xff},
			"rubbish":                   framed([]byte("rubbish")),
			"no such table":             greet(1, "secrets"),
			"no such purpose":           greet(9, "records"),
			"an exchange and no more":   greet(1, "records"),
			"an exchange, few digests":  append(greet(1, "records"), framed(make([]byte, 16))...),
			"an exchange without end":   append(greet(1, "records"), framed(make([]byte, rows.Parts*16))...),
			"pushes of rubbish":         append(greet(2, "records"), bytes.Repeat(framed([]byte("rubbish")), 2000)...),
			"pushes and no more":        greet(2, "records"),
			"a push that does not come": append(greet(2, "records"), 0, 0, 1, 0),
		} {
			conn, err := f.nodes["cyd"].place.Dial(t.Context(), "ann", rows.Protocol)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write(says); err != nil {
				t.Logf("%s: %v", name, err)
			}
			begun := time.Now()
			if _, err := io.Copy(io.Discard, conn); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(begun); took > 3*time.Minute {
				t.Errorf("%s: it took %v to end", name, took)
			}
			conn.Close()
		}
		f.nodes["cyd"].save(t, "a", "still works")
		until(t, "all have it", time.Second, f.alike)
	})
}

func TestOneNodeHasSoManyStreams(t *testing.T) {
	bubble(t, three, func(t *testing.T, f *fleet) {
		open := 0
		for range 50 {
			conn, err := f.nodes["cyd"].place.Dial(t.Context(), "ann", rows.Protocol)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
				open++
			}
		}
		if open > 8 {
			t.Errorf("%d streams are answered at one time", open)
		}
	})
}

// Nodes write, delete, part, meet, crash, restart, stay away for long and lose their disks. When all have met again, all are alike,
// with what was written last.
func TestAllEndAlikeWhateverHappens(t *testing.T) {
	seed := rand.Uint64()
	if testing.Short() {
		seed = 1
	}
	for i := range uint64(3) {
		t.Run(fmt.Sprint(seed+i), func(t *testing.T) {
			names := []string{"ann", "b1", "b2", "b3", "b4"}
			bubble(t, names, func(t *testing.T, f *fleet) {
				newStory(f, names, seed+i).run(t, 150)
			})
		})
	}
}

// story is what happens to a fleet by chance. Each record is one node's, which alone writes it, so that it is known what holds in the end.
type story struct {
	f      *fleet
	names  []string
	random *rand.Rand
	want   map[string]string
	away   map[string]*memory
	number int
}

func newStory(f *fleet, names []string, seed uint64) *story {
	return &story{f: f, names: names, random: rand.New(rand.NewPCG(seed, 0)), want: make(map[string]string), away: make(map[string]*memory)}
}

func (s *story) run(t *testing.T, steps int) {
	for range steps {
		s.step(t)
		time.Sleep(time.Duration(s.random.IntN(3000)) * time.Millisecond)
	}
	s.gather()
	until(t, "all are alike", 5*time.Minute, s.f.alike)
	for name, r := range s.f.nodes {
		got := contents(t, r.records, "videos")
		for key, want := range s.want {
			if got[key] != want {
				t.Errorf("%s has %q for %s, want %q", name, got[key], key, want)
			}
			delete(got, key)
		}
		if len(got) > 0 {
			t.Errorf("%s also has %v", name, got)
		}
	}
	t.Logf("%d writes, %d records, %d rows that say that one is gone", s.number, s.f.nodes["ann"].records.Len("videos"), s.f.nodes["ann"].records.Deleted())
}

func (s *story) one() (string, *replica) {
	name := s.names[s.random.IntN(len(s.names))]
	return name, s.f.nodes[name]
}

func (s *story) step(t *testing.T) {
	name, r := s.one()
	switch s.random.IntN(12) {
	case 0: // the network falls into two
		cut := 1 + s.random.IntN(len(s.names)-1)
		s.f.part(s.names[:cut], s.names[cut:])
	case 1:
		s.f.meet()
	case 2:
		s.f.net.Reset(name, s.names[s.random.IntN(len(s.names))])
	case 3:
		if r != nil && len(s.away) < 3 {
			s.away[name] = s.f.crash(name)
		}
	case 4:
		s.gather()
		time.Sleep(time.Duration(s.random.IntN(600)) * time.Second)
	case 5: // a disk is lost, after all was with others
		if r != nil && len(s.away) == 0 {
			s.gather()
			until(t, "all are alike", 5*time.Minute, s.f.alike)
			s.f.crash(name)
			s.f.start(name, newMemory())
			until(t, "all are alike", 5*time.Minute, s.f.alike)
		}
	default:
		if r != nil {
			s.write(t, name, r)
		}
	}
}

func (s *story) write(t *testing.T, name string, r *replica) {
	for range 1 + s.random.IntN(30) {
		s.number++
		key := fmt.Sprintf("%s-%d", name, s.random.IntN(20))
		if s.random.IntN(4) == 0 {
			remove(t, r.records, key)
			delete(s.want, key)
			continue
		}
		s.want[key] = fmt.Sprint(s.number)
		r.save(t, key, s.want[key])
	}
}

// gather brings back who is away, and ends what parts them.
func (s *story) gather() {
	for name, storage := range s.away {
		s.f.start(name, storage)
		delete(s.away, name)
	}
	s.f.meet()
}

func FuzzHello(f *testing.F) {
	f.Add([]byte{0xa2, 1, 1, 2, 0x61, 'a'})
	f.Fuzz(func(t *testing.T, text []byte) { _ = rows.DecodeHello(text) })
}

func FuzzStamps(f *testing.F) {
	f.Add([]byte{0x81, 0x85, 0x61, 'v', 0x61, 'k', 0x01, 0x60, 0x00})
	f.Fuzz(func(t *testing.T, text []byte) { _ = rows.DecodeStamps(text) })
}
