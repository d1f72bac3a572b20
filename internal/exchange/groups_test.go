package exchange_test

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/exchange"
	"shoal/internal/placement"
)

// allGroups are all that there are.
func allGroups() []placement.Group {
	groups := make([]placement.Group, placement.Groups)
	for i := range groups {
		groups[i] = placement.Group(i)
	}
	return groups
}

// digests returns what groups tells of all groups that are not empty.
func digests(t testing.TB, groups *exchange.Groups) map[placement.Group]exchange.Digest {
	t.Helper()
	all, err := groups.Digests(t.Context(), allGroups())
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[placement.Group]exchange.Digest)
	for g, d := range all {
		if d != (exchange.Digest{}) {
			known[placement.Group(g)] = d
		}
	}
	return known
}

func same(a, b map[placement.Group]exchange.Digest) bool {
	if len(a) != len(b) {
		return false
	}
	for g, d := range a {
		if b[g] != d {
			return false
		}
	}
	return true
}

// collect returns what a list yields, and its error.
func collect(list iter.Seq2[chunk.Info, error]) (infos []chunk.Info, err error) {
	for info, err := range list {
		if err != nil {
			return infos, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

func TestDigestsAreEqualWhenTheChunksAre(t *testing.T) {
	w := newNetwork(t, 2, 1)
	a, b := w.nodes["a"], w.nodes["b"]
	if len(digests(t, a.groups)) != 0 {
		t.Error("an empty disk has digests")
	}
	order := rand.Perm(200)
	for i := range order {
		chunktest.Put(t, a.disk, chunktest.Data(uint64(i), 10))
		chunktest.Put(t, b.disk, chunktest.Data(uint64(order[i]), 10)) // b is read only after this.
	}
	if !same(digests(t, a.groups), digests(t, b.groups)) {
		t.Error("equal chunks, different digests")
	}
	gone := chunk.Sum(chunktest.Data(7, 10))
	if err := a.disk.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	mine, theirs := digests(t, a.groups), digests(t, b.groups)
	for g, d := range theirs {
		if (mine[g] == d) == (g == placement.GroupOf(gone)) {
			t.Errorf("group %d: equal %v", g, mine[g] == d)
		}
	}
}

func TestDigestsFollowWhatComesAndGoesMeanwhile(t *testing.T) {
	w := newNetwork(t, 1, 1)
	n := w.nodes["a"]
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var all sync.WaitGroup
	for worker := range uint64(4) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, worker))
			for range 300 {
				data := chunktest.Data(random.Uint64N(50), 10)
				switch random.IntN(3) {
				case 0:
					n.disk.Delete(t.Context(), chunk.Sum(data))
				case 1:
					n.disk.Put(t.Context(), data)
				case 2:
					n.groups.Digests(t.Context(), []placement.Group{placement.GroupOf(chunk.Sum(data))})
				}
			}
		})
	}
	all.Wait()
	followed := digests(t, n.groups)
	if fresh := digests(t, exchange.NewGroups(n.disk)); !same(followed, fresh) {
		t.Errorf("followed are %v, read anew %v", followed, fresh)
	}
}

// restless is a disk on which something happens while its names are read.
type restless struct {
	*memoryDisk
	during func()
	reads  int
}

func (d *restless) Names(ctx context.Context, first byte) ([]chunk.Ref, error) {
	refs, err := d.memoryDisk.Names(ctx, first)
	d.reads++
	d.during()
	return refs, err
}

func TestChangesWhileTheNamesAreReadCount(t *testing.T) {
	w := newNetwork(t, 1, 1)
	d := &restless{memoryDisk: newMemoryDisk(t)}
	groups := exchange.NewGroups(d)
	stays, goes, comes := chunktest.Data(1, 10), chunktest.Data(2, 10), chunktest.Data(3, 10)
	chunktest.Put(t, d, stays)
	chunktest.Put(t, d, goes)
	d.during = func() {
		d.during = func() {}
		// All in other folders perhaps, so it happens in each of them once.
		d.Delete(t.Context(), chunk.Sum(goes))
		d.Put(t.Context(), comes)
	}
	for _, data := range [][]byte{goes, comes} {
		if _, err := groups.Digests(t.Context(), []placement.Group{placement.GroupOf(chunk.Sum(data))}); err != nil {
			t.Fatal(err)
		}
	}
	chunktest.Put(t, w.nodes["a"].disk, stays)
	chunktest.Put(t, w.nodes["a"].disk, comes)
	if !same(digests(t, groups), digests(t, w.nodes["a"].groups)) {
		t.Error("the digests are not those of what is there")
	}
}

func TestAfterAChangeThatWentWrongTheNamesAreReadAgain(t *testing.T) {
	d := &restless{memoryDisk: newMemoryDisk(t), during: func() {}}
	groups := exchange.NewGroups(d)
	ref := chunktest.Put(t, d, chunktest.Data(1, 10)).Ref
	group := []placement.Group{placement.GroupOf(ref)}
	ask := func() ([]exchange.Digest, error) { return groups.Digests(t.Context(), group) }
	want, err := ask()
	if err != nil || want[0].Chunks != 1 {
		t.Fatalf("%+v, %v", want, err)
	}
	ask()
	if d.reads != 1 {
		t.Errorf("read %d times, want once", d.reads)
	}
	d.watcher(ref, false, false)
	if got, err := ask(); err != nil || got[0] != want[0] || d.reads != 2 {
		t.Errorf("%+v, %v after %d readings", got, err, d.reads)
	}
	d.watcher(ref, false, false)
	d.during = func() { d.watcher(ref, false, false) }
	if _, err := ask(); err == nil {
		t.Error("a digest of what nobody knows")
	}
	d.during = func() {}
	if got, err := ask(); err != nil || got[0] != want[0] {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestOtherNodesAreToldTheSameDigestsAndLists(t *testing.T) {
	w := newNetwork(t, 2, 1)
	a, b := w.nodes["a"], w.nodes["b"]
	var refs []chunk.Ref
	for i := range uint64(700) {
		refs = append(refs, chunktest.Put(t, b.disk, chunktest.Data(i, 5+int(i))).Ref)
	}
	slices.SortFunc(refs, func(a, b chunk.Ref) int { return slices.Compare(a[:], b[:]) })
	want, err := b.groups.Digests(t.Context(), allGroups())
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.store.Client().Digests(t.Context(), "b", allGroups())
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d digests, %v", len(got), err)
	}
	listed, err := collect(a.store.Client().List(t.Context(), "b", allGroups()...))
	if err != nil || len(listed) != len(refs) {
		t.Fatalf("%d chunks listed, want %d: %v", len(listed), len(refs), err)
	}
	for i, info := range listed {
		if there, err := b.disk.Stat(t.Context(), refs[i]); err != nil || there != info {
			t.Errorf("chunk %d is %v, want %v", i, info, there)
		}
	}
	some := []placement.Group{placement.GroupOf(refs[0]), placement.GroupOf(refs[400])}
	listed, err = collect(a.store.Client().List(t.Context(), "b", some...))
	if err != nil || len(listed) < 2 {
		t.Errorf("%d chunks listed of two groups: %v", len(listed), err)
	}
	for _, info := range listed {
		if !slices.Contains(some, placement.GroupOf(info.Ref)) {
			t.Errorf("chunk %s was not asked for", info.Ref)
		}
	}
}

func TestAListMayBeStopped(t *testing.T) {
	w := newNetwork(t, 2, 1)
	for i := range uint64(600) {
		chunktest.Put(t, w.nodes["b"].disk, chunktest.Data(i, 5))
	}
	seen := 0
	for _, err := range w.nodes["a"].store.Client().List(t.Context(), "b", allGroups()...) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 3 {
			break
		}
	}
	if seen != 3 {
		t.Errorf("%d chunks seen", seen)
	}
}

func TestGroupsOutOfOrderAreNotAskedFor(t *testing.T) {
	w := newNetwork(t, 2, 1)
	for _, groups := range [][]placement.Group{nil, {2, 1}, {1, 1}, {placement.Groups}} {
		if _, err := w.nodes["a"].store.Client().Digests(t.Context(), "b", groups); err == nil {
			t.Errorf("digests of %v: no error", groups)
		}
		if _, err := collect(w.nodes["a"].store.Client().List(t.Context(), "b", groups...)); err == nil {
			t.Errorf("lists of %v: no error", groups)
		}
	}
}

func TestNonsenseAboutGroupsIsRefused(t *testing.T) {
	ref := strings.Repeat("00", 31) + "01"
	later := strings.Repeat("00", 31) + "02"
	const size = "00000005"
	for name, answer := range map[string][]string{
		"nothing":                  {},
		"no end":                   {"a2010c025824" + ref + size},
		"a part without data":      {"a1010c", "a1010d"},
		"half a chunk":             {"a2010c024100", "a1010d"},
		"not of the group":         {"a2010c025824" + "ff" + ref[2:] + size, "a1010d"},
		"twice the same":           {"a2010c025824" + ref + size, "a2010c025824" + ref + size, "a1010d"},
		"out of order":             {"a2010c025824" + later + size, "a2010c025824" + ref + size, "a1010d"},
		"a size of 0":              {"a2010c025824" + ref + "00000000", "a1010d"},
		"a size that is too large": {"a2010c025824" + ref + "00100001", "a1010d"},
		"another status":           {"a10104"},
		"it failed":                {"a1010b"},
		"a frame that is too large": {
			"a2010c025a00010000" + strings.Repeat("00", 1<<16), "a1010d",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 2, 1)
				w.nodes["b"].setAnswer(func() (text []byte) {
					for _, one := range answer {
						text = append(text, frame(t, one)...)
					}
					return text
				})
				client := w.nodes["a"].store.Client()
				if infos, err := collect(client.List(t.Context(), "b", 0)); err == nil {
					t.Errorf("list: %v and no error", infos)
				}
				if digests, err := client.Digests(t.Context(), "b", []placement.Group{0}); err == nil {
					t.Errorf("digests: %v and no error", digests)
				}
			})
		})
	}
}

func TestASilentNodeIsNotWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 2, 1)
		w.nodes["b"].setFault(frozen(0))
		client := w.nodes["a"].store.Client()
		begin := time.Now()
		_, digestsErr := client.Digests(t.Context(), "b", []placement.Group{0})
		_, listErr := collect(client.List(t.Context(), "b", 0))
		_, hasErr := client.Has(t.Context(), "b", []chunk.Ref{{}})
		verifyErr := client.Verify(t.Context(), "b", chunk.Ref{})
		_, fetchErr := client.Fetch(t.Context(), []placement.NodeID{"b"}, chunk.Info{Size: 1})
		for what, err := range map[string]error{"digests": digestsErr, "list": listErr, "has": hasErr, "verify": verifyErr, "fetch": fetchErr} {
			if err == nil {
				t.Errorf("%s: no error", what)
			}
		}
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("all that took %s", took)
		}
	})
}

func TestFetchTakesTheFirstThatIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 5, 2)
		data := chunktest.Data(1, chunk.MaxSize)
		info := chunk.Info{Ref: chunk.Sum(data), Size: chunk.MaxSize}
		for _, id := range []placement.NodeID{"c", "d", "e"} {
			chunktest.Put(t, w.nodes[id].disk, data)
		}
		w.nodes["c"].setFault(garbled(chunk.MaxSize / 2))
		w.nodes["d"].setFault(cut(1000))
		client := w.nodes["a"].store.Client()
		got, err := client.Fetch(t.Context(), []placement.NodeID{"b", "c", "d", "e"}, info)
		if err != nil || chunk.Verify(info.Ref, got) != nil {
			t.Errorf("fetched %d bytes, %v", len(got), err)
		}
		chunk.Release(got)
		if w.nodes["a"].store.Stats().WrongBytes["c"] != 1 || w.nodes["c"].disk.verified.Load() != 1 {
			t.Error("who sent wrong bytes was not told")
		}
		if _, err := client.Fetch(t.Context(), []placement.NodeID{"b"}, info); !errors.Is(err, chunk.ErrNotFound) {
			t.Errorf("from who does not have it: %v, want ErrNotFound", err)
		}
		if _, err := client.Fetch(t.Context(), []placement.NodeID{"b", "d"}, info); !errors.Is(err, exchange.ErrUnreachable) {
			t.Errorf("from who may have it: %v, want ErrUnreachable", err)
		}
		info.Size--
		if _, err := client.Fetch(t.Context(), []placement.NodeID{"e"}, info); err == nil {
			t.Error("a chunk of another size: no error")
		}
	})
}

func TestVerifyHasANodeReadItsCopy(t *testing.T) {
	w := newNetwork(t, 2, 1)
	info := chunktest.Put(t, w.nodes["b"].disk, chunktest.Data(1, 1000))
	client := w.nodes["a"].store.Client()
	if err := client.Verify(t.Context(), "b", info.Ref); err != nil {
		t.Error(err)
	}
	w.nodes["b"].disk.Corrupt(info.Ref)
	if err := client.Verify(t.Context(), "b", info.Ref); !errors.Is(err, chunk.ErrCorrupt) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
	if err := client.Verify(t.Context(), "b", info.Ref); !errors.Is(err, chunk.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
}
