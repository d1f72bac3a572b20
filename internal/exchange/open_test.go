package exchange_test

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
)

// reader returns a node that is no holder of a chunk, and the holder that it will ask first.
func (w *network) reader(ref chunk.Ref) (reader, first, second *node) {
	holders, others := w.holders(ref)
	return others[0], holders[0], holders[1]
}

func TestTroubleOfOneHolderIsNotNoticed(t *testing.T) {
	const size = chunk.MaxSize
	// The limits are virtual time.
	for name, c := range map[string]struct {
		fault func(net.Conn) net.Conn
		limit time.Duration
	}{
		"frozen from the beginning":    {frozen(0), 60 * time.Millisecond},
		"frozen after the first frame": {frozen(20), 310 * time.Millisecond},
		"frozen in the middle":         {frozen(size / 2), 310 * time.Millisecond},
		"frozen before the last byte":  {frozen(size), 310 * time.Millisecond},
		"cut at once":                  {cut(0), 0},
		"cut in the middle":            {cut(size / 2), 0},
		"slow":                         {slow(1000, 10*time.Millisecond), 1100 * time.Millisecond},
		"wrong bytes":                  {garbled(size / 2), 0},
		"a wrong frame":                {garbled(4), 0},
		"a wrong length of the frame":  {garbled(1), 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 3, 2)
				info, data := w.put(1, size)
				reader, first, _ := w.reader(info.Ref)
				first.setFault(c.fault)
				begin := time.Now()
				reader.reads(data)
				if took := time.Since(begin); took > c.limit {
					t.Errorf("it took %s, want at most %s", took, c.limit)
				}
			})
		})
	}
}

func TestAHolderThatSendsSteadilyIsLeftToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3, 2)
		info, data := w.put(1, chunk.MaxSize)
		reader, first, _ := w.reader(info.Ref)
		first.setFault(slow(64<<10, 30*time.Millisecond)) // 0.8 s in all
		reader.reads(data)
		if hedges := reader.store.Stats().Hedges; hedges != 0 {
			t.Errorf("%d others were asked", hedges)
		}
	})
}

func TestAFrozenHolderCostsFewHedges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3, 2)
		var frozenNode *node
		for seed := range uint64(40) {
			info, data := w.put(seed, 1000)
			reader, first, second := w.reader(info.Ref)
			if frozenNode == nil {
				frozenNode = first
				first.setFault(frozen(0))
			}
			if frozenNode == first || frozenNode == second {
				reader.reads(data)
			}
		}
		for _, n := range w.nodes {
			s := n.store.Stats()
			if s.Hedges > 2 || s.Overtaken != s.Hedges {
				t.Errorf("node %s asked a second one %d times, %d of use; want at most 2, all of use", n.id, s.Hedges, s.Overtaken)
			}
		}
	})
}

func TestAnswersThatMakeNoSenseAreRefused(t *testing.T) {
	data := chunktest.Data(1, 1000)
	for name, answer := range map[string]string{
		"no answer":          "",
		"another operation":  "a10104",
		"no size":            "a10101",
		"a size of 0":        "a2010102 00",
		"too large":          "a201010 21a00100001",
		"negative":           "a201010220",
		"an unknown status":  "a10118ff",
		"no CBOR":            "ff",
		"an unknown field":   "a2010118630a",
		"an array":           "820119",
		"twice the same key": "a201010101",
		"a longer chunk":     "a20101021903e9",
		"a shorter chunk":    "a20101021903e7",
		"a list of sizes":    "a10104",
		"a large frame":      strings.Repeat("00", 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 3, 2)
				info, _ := w.put(1, 1000)
				reader, first, second := w.reader(info.Ref)
				text := frame(t, strings.ReplaceAll(answer, " ", ""))
				if answer == "" {
					text = nil
				}
				first.setAnswer(func() []byte { return append(text, data...) })
				reader.reads(data)
				synctest.Wait()
				if second.server.Stats().Sent != 1 {
					t.Error("the other holder was not asked")
				}
			})
		})
	}
}

func TestBytesBehindAChunkAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3, 2)
		info, data := w.put(1, 1000)
		reader, first, _ := w.reader(info.Ref)
		first.setAnswer(func() []byte { return append(append(frame(t, "a20101021903e8"), data...), "and more"...) })
		reader.reads(data)
	})
}

func TestABusyHolderIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 2, 1)
		info, data := w.put(1, 1000)
		holders, others := w.holders(info.Ref)
		asked := 0
		holders[0].setAnswer(func() []byte {
			if asked++; asked < 3 {
				return frame(t, "a10108")
			}
			return append(frame(t, "a20101021903e8"), data...)
		})
		others[0].reads(data)
	})
}

func TestWrongBytesAreCountedAndTheirSenderChecksItsCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3, 2)
		info, data := w.put(1, 1000)
		reader, first, _ := w.reader(info.Ref)
		garble := garbled(500)
		first.setFault(func(conn net.Conn) net.Conn {
			if first.asked.Load() == 0 {
				return garble(conn)
			}
			return conn
		})
		reader.reads(data)
		synctest.Wait()
		if got := reader.store.Stats().WrongBytes[first.id]; got != 1 {
			t.Errorf("counted %d wrong chunks, want 1", got)
		}
		if first.disk.verified.Load() != 1 {
			t.Error("the copy was not checked")
		}
		if !strings.Contains(reader.log.String(), "wrong bytes") {
			t.Error("nothing was logged")
		}
	})
}

func TestAHolderWhoseCopyWentBadSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3, 2)
		info, data := w.put(1, 1000)
		reader, first, second := w.reader(info.Ref)
		first.disk.Corrupt(info.Ref)
		reader.reads(data)
		if len(reader.store.Stats().WrongBytes) != 0 {
			t.Error("it was taken for a liar")
		}
		synctest.Wait()
		if second.server.Stats().Sent != 1 || first.keeps(info.Ref) {
			t.Error("the bad copy was not given up")
		}
	})
}
