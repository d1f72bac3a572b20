package rows_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net"
	"slices"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"shoal/internal/rows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRecordsOutliveTheProcess(t *testing.T) {
	storage := newMemory()
	first := open(t, "ann", storage, nil)
	save(t, first, "a", "one")
	save(t, first, "b", "two")
	remove(t, first, "b")
	again := open(t, "ann", storage, nil)
	if got := contents(t, again, "videos"); !maps.Equal(got, map[string]string{"a": "one"}) {
		t.Errorf("got %v", got)
	}
	if n := again.Len("videos"); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
	if _, err := again.Load(t.Context(), "videos", "b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("load what was deleted: %v", err)
	}
	// What is written after a restart is later than what was written before.
	save(t, again, "a", "three")
	other := open(t, "ben", newMemory(), nil)
	exchange(t, other, first)
	exchange(t, other, again)
	if got := contents(t, other, "videos")["a"]; got != "three" {
		t.Errorf("a is %q, want three", got)
	}
}

func TestWhatCouldNotBeStoredIsNotThere(t *testing.T) {
	storage := newMemory()
	table := open(t, "ann", storage, nil)
	full := errors.New("disk full")
	storage.fail = full
	if err := table.Save(t.Context(), "videos", "a", []byte("x")); !errors.Is(err, full) {
		t.Fatalf("save: %v", err)
	}
	storage.fail = nil
	if _, err := table.Load(t.Context(), "videos", "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("load: %v", err)
	}
	other := open(t, "ben", newMemory(), nil)
	if asked, _ := exchange(t, other, table); asked.Taken != 0 {
		t.Errorf("%d rows came out of nothing", asked.Taken)
	}
}

func TestDeletedRecordsDoNotComeBackFromWhoWasAway(t *testing.T) {
	ann, ben := open(t, "ann", newMemory(), nil), open(t, "ben", newMemory(), nil)
	save(t, ann, "film", "old")
	exchange(t, ann, ben)
	remove(t, ann, "film")
	exchange(t, ben, ann)
	if got := contents(t, ben, "videos"); len(got) != 0 {
		t.Errorf("ben still has %v", got)
	}
	exchange(t, ann, ben)
	if got := contents(t, ann, "videos"); len(got) != 0 {
		t.Errorf("it came back: %v", got)
	}
}

func TestEqualTablesSendNothing(t *testing.T) {
	ann, ben := open(t, "ann", newMemory(), nil), open(t, "ben", newMemory(), nil)
	for key, value := range videos(50) {
		save(t, ann, key, value)
	}
	exchange(t, ann, ben)
	if asked, answered := exchange(t, ben, ann); asked != (rows.Exchanged{}) || answered != (rows.Exchanged{}) {
		t.Errorf("equal tables exchanged %+v and %+v", asked, answered)
	}
	save(t, ben, "video-00007", "renamed")
	if asked, _ := exchange(t, ben, ann); asked.Sent != 1 || asked.Taken != 0 {
		t.Errorf("one change exchanged %+v", asked)
	}
}

func TestLongAbsenceIsCaughtUpInFewWrites(t *testing.T) {
	ann, storage := open(t, "ann", newMemory(), nil), newMemory()
	want := videos(3000)
	for key, value := range want {
		save(t, ann, key, value)
	}
	ben := open(t, "ben", storage, nil)
	if asked, _ := exchange(t, ben, ann); asked.Taken != len(want) {
		t.Errorf("took %d of %d", asked.Taken, len(want))
	}
	if got := contents(t, ben, "videos"); !maps.Equal(got, want) {
		t.Errorf("%d records, want %d", len(got), len(want))
	}
	if storage.saves > 10 {
		t.Errorf("%d rows took %d writes", len(want), storage.saves)
	}
}

func TestChangedIsToldOfWhatCameAndWroteOfWhatWasWritten(t *testing.T) {
	var changed []string
	var wrote [][]byte
	ann := open(t, "ann", newMemory(), nil)
	rows.OnWrite(ann, func(text []byte) { wrote = append(wrote, text) })
	ben := open(t, "ben", newMemory(), func(c *rows.Config) {
		c.Changed = func(id rows.ID, value []byte, deleted bool) { changed = append(changed, id.Key+"="+string(value)) }
	})
	save(t, ann, "a", "one")
	save(t, ben, "own", "x")
	if n, err := ben.Merge(t.Context(), wrote); n != 1 || err != nil {
		t.Errorf("merged %d, %v", n, err)
	}
	if n, err := ben.Merge(t.Context(), wrote); n != 0 || err != nil {
		t.Errorf("merged the same again: %d, %v", n, err)
	}
	if !slices.Equal(changed, []string{"a=one"}) {
		t.Errorf("changed: %v", changed)
	}
}

func TestRowsOfStrangersAndForgeriesAreRefusedAndOthersTaken(t *testing.T) {
	var texts [][]byte
	collect := func(text []byte) { texts = append(texts, text) }
	stranger := open(t, "mallory", newMemory(), nil)
	rows.OnWrite(stranger, collect)
	save(t, stranger, "mine", "x")
	ann := open(t, "ann", newMemory(), nil)
	rows.OnWrite(ann, collect)
	save(t, ann, "forged", "true title")
	texts[1] = bytes.Replace(texts[1], []byte("true"), []byte("fake"), 1)
	save(t, ann, "good", "fine")
	ben := open(t, "ben", newMemory(), nil)
	n, err := ben.Merge(t.Context(), append(texts, []byte("rubbish")))
	if n != 1 || !errors.Is(err, rows.ErrRefused) {
		t.Errorf("merged %d, %v", n, err)
	}
	if got := contents(t, ben, "videos"); !maps.Equal(got, map[string]string{"good": "fine"}) {
		t.Errorf("got %v", got)
	}
}

func TestWriterThatLostItsMemoryDoesNotDivideTheOthers(t *testing.T) {
	ann := open(t, "ann", newMemory(), nil)
	save(t, ann, "k", "before")
	ben := open(t, "ben", newMemory(), nil)
	exchange(t, ben, ann)
	lost := open(t, "ann", newMemory(), nil) // writes at the same logical time again
	save(t, lost, "k", "after")
	cyd := open(t, "cyd", newMemory(), nil)
	exchange(t, cyd, lost)
	exchange(t, cyd, ben)
	exchange(t, lost, ben)
	b, c, l := contents(t, ben, "videos"), contents(t, cyd, "videos"), contents(t, lost, "videos")
	if !maps.Equal(b, c) || !maps.Equal(b, l) {
		t.Errorf("ben %v, cyd %v, ann %v", b, c, l)
	}
}

func TestHostilePeersEndTheExchangeAndNothingElse(t *testing.T) {
	frame := func(text []byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
	}
	digests := frame(make([]byte, rows.Parts*16))
	for name, says := range map[string][]byte{
		"nothing":             {},
		"half a length":       {0, 0},
		"a huge frame":        {0xff, 0xff, 0xff, 0xff, 1},
		"too few digests":     frame(make([]byte, 16)),
		"rubbish for a row":   slices.Concat(digests, frame([]byte("rubbish"))),
		"rubbish for names":   slices.Concat(digests, frame(nil), frame([]byte{0x9f})),
		"a part out of range": slices.Concat(digests, frame(nil), frame([]byte{0x81, 0x85, 0x60, 0x60, 0x19, 0xff, 0xff, 0x60, 0x00})),
		"asks for what is not here": slices.Concat(digests, frame(nil),
			frame([]byte{0x81, 0x85, 0x61, 'v', 0x61, 'k', 0x00, 0x60, 0x00}), frame(nil)),
	} {
		t.Run(name, func(t *testing.T) {
			table := open(t, "ann", newMemory(), nil)
			save(t, table, "a", "one")
			if _, err := table.Answer(t.Context(), half{bytes.NewReader(says), io.Discard}); err == nil {
				t.Error("want an error")
			}
			if got := contents(t, table, "videos"); !maps.Equal(got, map[string]string{"a": "one"}) {
				t.Errorf("got %v", got)
			}
		})
	}
}

type half struct {
	io.Reader
	io.Writer
}

func TestCutExchangeKeepsWhatCame(t *testing.T) {
	ann := open(t, "ann", newMemory(), nil)
	for key, value := range videos(2000) {
		save(t, ann, key, value)
	}
	ben := open(t, "ben", newMemory(), nil)
	one, other := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = ann.Answer(context.Background(), other)
		other.Close()
	}()
	asked, err := ben.Sync(t.Context(), &limited{one, 100_000})
	if err == nil {
		t.Error("want an error")
	}
	one.Close()
	<-done
	if got := len(contents(t, ben, "videos")); got != asked.Taken {
		t.Errorf("%d records of %d that were taken", got, asked.Taken)
	}
	exchange(t, ben, ann)
	if got := len(contents(t, ben, "videos")); got != 2000 {
		t.Errorf("%d records afterwards", got)
	}
}

// limited is a stream that breaks after so many bytes were read.
type limited struct {
	net.Conn
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := l.Conn.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// Nodes write, delete, restart and meet in any order. At the end, when all have met, all are equal; every record has the value that was
// written by who knew most; nothing that all knew to be deleted is there.
func TestAllNodesEndEqualWhateverTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"ann", "ben", "cyd", "dot"}
		storages, tables := make([]*memory, len(names)), make([]*rows.Table, len(names))
		for i, name := range names {
			storages[i] = newMemory()
			tables[i] = open(t, name, storages[i], nil)
		}
		meetAll := func() {
			for range 2 {
				for i := range tables {
					exchange(t, tables[i], tables[(i+1)%len(tables)])
				}
			}
		}
		who := rapid.IntRange(0, len(names)-1)
		key := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		t.Repeat(map[string]func(*rapid.T){
			"save": func(t *rapid.T) {
				save(t, tables[who.Draw(t, "who")], key.Draw(t, "key"), rapid.StringN(1, 5, 20).Draw(t, "value"))
			},
			"delete":  func(t *rapid.T) { remove(t, tables[who.Draw(t, "who")], key.Draw(t, "key")) },
			"restart": func(t *rapid.T) { i := who.Draw(t, "who"); tables[i] = open(t, names[i], storages[i], nil) },
			"meet": func(t *rapid.T) {
				if a, b := who.Draw(t, "a"), who.Draw(t, "b"); a != b {
					exchange(t, tables[a], tables[b])
				}
			},
			"after all have met, what one writes holds": func(t *rapid.T) {
				meetAll()
				k := key.Draw(t, "key")
				i := who.Draw(t, "who")
				if rapid.Bool().Draw(t, "deletes") {
					remove(t, tables[i], k)
					meetAll()
					for j := range tables {
						if got, there := contents(t, tables[j], "videos")[k]; there {
							t.Fatalf("%s was deleted by %s, and %s has %q", k, names[i], names[j], got)
						}
					}
					return
				}
				save(t, tables[i], k, "last word")
				meetAll()
				for j := range tables {
					if got := contents(t, tables[j], "videos")[k]; got != "last word" {
						t.Fatalf("%s has %q for %s", names[j], got, k)
					}
				}
			},
		})
		meetAll()
		want := contents(t, tables[0], "videos")
		for i := range tables {
			if got := contents(t, tables[i], "videos"); !maps.Equal(got, want) {
				t.Fatalf("%s has %v, ann has %v", names[i], got, want)
			}
			if n := tables[i].Len("videos"); n != len(want) {
				t.Fatalf("%s counts %d records of %d", names[i], n, len(want))
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	var text []byte
	table := open(f, "ann", newMemory(), nil)
	rows.OnWrite(table, func(b []byte) { text = b })
	save(f, table, "key", "value")
	f.Add(text)
	remove(f, table, "key")
	f.Add(text)
	f.Add([]byte("rubbish"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := rows.Decode(text)
		if err != nil {
			if !errors.Is(err, rows.ErrRefused) {
				t.Fatalf("not ErrRefused: %v", err)
			}
			return
		}
		again, err := r.Encode()
		if err != nil || !bytes.Equal(again, text) {
			t.Fatalf("decoded %x, encoded %x, %v", text, again, err)
		}
	})
}
