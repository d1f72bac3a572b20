package httpapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/library"
	"shoal/internal/manifest"
)

const (
	// copiesTime is how long an answer may wait for what the nodes say of its videos' copies.
	copiesTime = 500 * time.Millisecond
	// scarceFresh and safeFresh are how long it is believed of a video with fewer copies than wanted, and with all of them.
	scarceFresh, safeFresh = 10 * time.Second, 2 * time.Minute
	// maxCounted is of how many videos it is remembered, maxKeepers how many sets of nodes of each.
	maxCounted, maxKeepers = 10_000, 64
	// maxCounting is how many answers may ask the nodes at once.
	maxCounting = 4
)

// copies knows how many nodes keep each video. It asks them when that is asked for, and remembers what they said.
type copies struct {
	cluster Cluster
	library Library
	now     func() time.Time
	asking  slots

	mu      sync.Mutex
	counted map[manifest.VideoID]counted // guarded by mu
}

// counted is which sets of nodes keep the chunks of a video. From that follows what is left of it when one of them is gone.
type counted struct {
	keepers  [][]string
	manifest []chunk.Info
	at       time.Time
}

func newCopies(cfg Config) *copies {
	return &copies{
		cluster: cfg.Cluster, library: cfg.Library, now: cfg.Now,
		asking: make(slots, maxCounting), counted: make(map[manifest.VideoID]counted),
	}
}

// of returns the least number of copies of any chunk of a video, on nodes that answer; nil when it is not known yet. It asks
// them for as long as ctx allows, where what is known is too old.
func (c *copies) of(ctx context.Context, v library.Video) *int {
	if len(v.Manifest) == 0 {
		return pointer(0)
	}
	up := c.up()
	if up == nil {
		return pointer(1) // all chunks of a video lie on this node
	}
	was, found := c.remembered(v)
	if found && c.now().Sub(was.at) < freshness(least(was.keepers, up), c.cluster.Copies()) {
		return pointer(least(was.keepers, up))
	}
	if is, err := c.count(ctx, v); err == nil {
		return pointer(least(is.keepers, up))
	}
	if found {
		return pointer(least(was.keepers, up))
	}
	return nil
}

func pointer(n int) *int { return &n }

func freshness(have, want int) time.Duration {
	if have < want {
		return scarceFresh
	}
	return safeFresh
}

// up returns the nodes that answer, nil when there is no other one than this.
func (c *copies) up() map[string]bool {
	up, nodes := make(map[string]bool), 0
	for _, m := range c.cluster.Members() {
		if m.State != NodeRemoved {
			nodes++
		}
		if answers(m) {
			up[m.ID] = true
		}
	}
	if nodes < 2 {
		return nil
	}
	return up
}

// least returns the size of the smallest set of nodes, those that are not up left out.
func least(keepers [][]string, up map[string]bool) int {
	smallest := -1
	for _, set := range keepers {
		n := 0
		for _, id := range set {
			if up[id] {
				n++
			}
		}
		if smallest < 0 || n < smallest {
			smallest = n
		}
	}
	return max(smallest, 0)
}

func (c *copies) remembered(v library.Video) (counted, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was, found := c.counted[v.ID]
	return was, found && slices.Equal(was.manifest, v.Manifest)
}

var errNotAsked = errors.New("the nodes are not asked")

// count asks the nodes. Beyond a few at once, it does not.
func (c *copies) count(ctx context.Context, v library.Video) (is counted, err error) {
	if ctx.Err() != nil || !c.asking.take() {
		return is, errNotAsked
	}
	defer c.asking.give()
	m, err := c.library.Manifest(ctx, v.ID)
	if err != nil {
		return is, err
	}
	held, err := c.cluster.Holders(ctx, chunksOf(v, m))
	if err != nil {
		return is, err
	}
	is = counted{keepers: distinct(held), manifest: v.Manifest, at: c.now()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.counted) >= maxCounted {
		for id := range c.counted { // any one: it is asked for again if it is needed
			delete(c.counted, id)
			break
		}
	}
	c.counted[v.ID] = is
	return is, nil
}

// distinct returns the sets of nodes that occur, each once and the smallest first; of very many the smallest.
func distinct(held [][]string) (sets [][]string) {
	seen := make(map[string]bool)
	for _, nodes := range held {
		set := slices.Sorted(slices.Values(nodes))
		if key := strings.Join(set, " "); !seen[key] {
			seen[key] = true
			sets = append(sets, set)
		}
	}
	slices.SortFunc(sets, func(a, b []string) int { return len(a) - len(b) })
	return slices.Clone(sets[:min(len(sets), maxKeepers)])
}

// chunksOf lists what a video is made of, its manifest too, each chunk once.
func chunksOf(v library.Video, m *manifest.Manifest) (chunks []chunk.Info) {
	seen := make(map[chunk.Ref]bool)
	add := func(info chunk.Info) {
		if !seen[info.Ref] {
			seen[info.Ref] = true
			chunks = append(chunks, info)
		}
	}
	for _, info := range v.Manifest {
		add(info)
	}
	for info := range m.Chunks() {
		add(info)
	}
	return chunks
}

// jsonHolder is a node and how much of a video it holds.
type jsonHolder struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Chunks int    `json:"chunks"`
	Bytes  int64  `json:"bytes"`
}

type jsonHeldChunk struct {
	Ref   chunk.Ref `json:"ref"`
	Size  int64     `json:"size"`
	Nodes []string  `json:"nodes"`
}

// getHolders tells which nodes hold which chunks.
func (h *Handler) getHolders(w *response, r *http.Request) error {
	v, m, err := h.manifestOf(r)
	if err != nil {
		return err
	}
	chunks := chunksOf(v, m)
	held, err := h.cfg.Cluster.Holders(r.Context(), chunks)
	if err != nil {
		return err
	}
	answer := struct {
		Nodes  []jsonHolder    `json:"nodes"`
		Chunks []jsonHeldChunk `json:"chunks"`
	}{h.holders(chunks, held), make([]jsonHeldChunk, len(chunks))}
	for i, info := range chunks {
		answer.Chunks[i] = jsonHeldChunk{Ref: info.Ref, Size: info.Size, Nodes: append([]string{}, held[i]...)}
	}
	return h.answer(w, http.StatusOK, answer)
}

// holders sums up what each node holds, in the order of the members.
func (h *Handler) holders(chunks []chunk.Info, held [][]string) []jsonHolder {
	sums := make(map[string]*jsonHolder)
	for i, info := range chunks {
		for _, id := range held[i] {
			sum := sums[id]
			if sum == nil {
				sum = &jsonHolder{ID: id, Name: h.nodeName(id)}
				sums[id] = sum
			}
			sum.Chunks++
			sum.Bytes += info.Size
		}
	}
	all := []jsonHolder{}
	for _, m := range h.cfg.Cluster.Members() {
		if sum := sums[m.ID]; sum != nil {
			all = append(all, *sum)
		}
	}
	return all
}

// nodeName returns what people call a node.
func (h *Handler) nodeName(id string) string {
	if id == h.cfg.Node.ID {
		return h.cfg.Node.Name
	}
	if m, err := h.findMember(id); err == nil && m.Name != "" {
		return m.Name
	}
	return id
}
