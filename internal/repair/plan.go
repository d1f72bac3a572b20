package repair

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// Copy is a chunk that a node is to pull.
type Copy struct {
	Chunk chunk.Info         `json:"chunk"`
	From  []placement.NodeID `json:"from"`
}

// Plan says what one node would do: Summary counts all of it, the lists are cut to as many as were asked for. What is most
// pressing comes first.
type Plan struct {
	Summary
	Copies []Copy `json:"copies"`
	// Spare is what this node is not to hold and all holders have; it is deleted once they have verified it, after a day.
	Spare      []chunk.Info `json:"spare"`
	LostChunks []chunk.Ref  `json:"lost_chunks"`
}

// Summary is a Plan without its lists, in a few hundred bytes, and Summaries of several nodes may be added up.
type Summary struct {
	// Node is whose it is, "" of several; Layout is the version that it works towards, "" when several differ.
	Node   placement.NodeID `json:"node,omitempty"`
	Layout string           `json:"layout,omitempty"`
	State  State            `json:"state,omitempty"`
	// Copy is what is to be pulled, Surplus what may be given back.
	Copy    Total `json:"copy"`
	Surplus Total `json:"surplus"`
	// UnderCopied, Least and Lost are as in Status.
	UnderCopied int `json:"under_copied"`
	Least       int `json:"least"`
	Lost        int `json:"lost"`
	// Silent are the nodes that did not answer: what they have is not known.
	Silent []placement.NodeID `json:"silent,omitempty"`
}

// Add sums up what two nodes, or more, would do.
func (s *Summary) Add(other Summary) {
	s.Node, s.State = "", ""
	if s.Layout != other.Layout {
		s.Layout = ""
	}
	s.Copy.sum(other.Copy)
	s.Surplus.sum(other.Surplus)
	s.UnderCopied += other.UnderCopied
	if s.Least == 0 || other.Least > 0 && other.Least < s.Least {
		s.Least = other.Least
	}
	s.Lost += other.Lost
	s.Silent = slices.Concat(s.Silent, other.Silent)
	slices.Sort(s.Silent)
	s.Silent = slices.Compact(s.Silent)
}

// String is one sentence for each thing that is to be said.
func (s Summary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "layout %s: %d chunks to copy (%d bytes), %d to spare (%d bytes), %d lost\n",
		cmp.Or(s.Layout, "of several versions"), s.Copy.Chunks, s.Copy.Bytes, s.Surplus.Chunks, s.Surplus.Bytes, s.Lost)
	if s.UnderCopied > 0 {
		fmt.Fprintf(&b, "%s have fewer copies than wanted, one of them %d\n", chunks(s.UnderCopied), s.Least)
	}
	for _, id := range s.Silent {
		fmt.Fprintf(&b, "%s does not answer\n", id)
	}
	return b.String()
}

// String is the plan for people to read.
func (p Plan) String() string {
	var b strings.Builder
	b.WriteString(p.Summary.String())
	for _, c := range p.Copies {
		fmt.Fprintf(&b, "copy %s (%d bytes) from %s to %s\n", c.Chunk.Ref, c.Chunk.Size, c.From[0], p.Node)
	}
	more(&b, p.Copy.Chunks-len(p.Copies), "to copy")
	for _, info := range p.Spare {
		fmt.Fprintf(&b, "spare %s (%d bytes) at %s\n", info.Ref, info.Size, p.Node)
	}
	more(&b, p.Surplus.Chunks-len(p.Spare), "to spare")
	for _, ref := range p.LostChunks {
		fmt.Fprintf(&b, "lost %s\n", ref)
	}
	more(&b, p.Lost-len(p.LostChunks), "lost")
	return b.String()
}

func more(b *strings.Builder, n int, what string) {
	if n > 0 {
		fmt.Fprintf(b, "and %d more %s\n", n, what)
	}
}

// Plan finds out what this node would do now, and lists at most that many of each kind. It changes nothing. Where it is
// called for several people at once, one waits for the other. Chunks that rest after they failed are in it.
func (r *Repairer) Plan(ctx context.Context, most int) (Plan, error) {
	select {
	case <-ctx.Done():
		return Plan{}, ctx.Err()
	case r.planning <- struct{}{}:
	}
	defer func() { <-r.planning }()
	p, _ := r.place()
	plan := Plan{Summary: Summary{Node: r.cfg.Self, Layout: p.layout.Version().String(), State: r.Status().State}}
	first := firstJobs{most: most}
	out, err := r.survey(ctx, p, true, first.add)
	if err != nil {
		return Plan{}, fmt.Errorf("plan repair: %w", err)
	}
	plan.Copy, plan.UnderCopied, plan.Least, plan.Lost, plan.Silent = out.missing, out.under, out.least, out.lost, out.silent
	plan.Copies, plan.LostChunks = first.copies(), out.lostChunks[:min(most, len(out.lostChunks))]
	if !p.member || p.draining {
		return plan, nil
	}
	err = r.surplus(ctx, p, func(_ *found, info chunk.Info) error {
		plan.spare(info, most)
		return nil
	})
	if err != nil {
		return Plan{}, fmt.Errorf("plan repair: %w", err)
	}
	return plan, nil
}

func (p *Plan) spare(info chunk.Info, most int) {
	p.Surplus.add(info.Size)
	if len(p.Spare) < most {
		p.Spare = append(p.Spare, info)
	}
}

// firstJobs keeps the most pressing of many jobs.
type firstJobs struct {
	most int
	jobs []*job
}

func (f *firstJobs) add(j *job) (counts bool) {
	if f.jobs = append(f.jobs, j); len(f.jobs) > 2*f.most {
		f.cut()
	}
	return true
}

func (f *firstJobs) cut() {
	slices.SortFunc(f.jobs, inOrder)
	f.jobs = f.jobs[:min(f.most, len(f.jobs))]
}

func (f *firstJobs) copies() []Copy {
	f.cut()
	copies := make([]Copy, len(f.jobs))
	for i, j := range f.jobs {
		copies[i] = Copy{Chunk: chunk.Info{Ref: j.ref, Size: j.size()}, From: j.nodes()}
	}
	return copies
}

// Summary returns what the last round found, without asking anybody. It knows nothing of surplus.
func (r *Repairer) Summary() Summary {
	s, version := r.Status(), r.cfg.Layouts()[0].Version()
	return Summary{
		Node: r.cfg.Self, Layout: version.String(), State: s.State, Copy: Total{Chunks: s.Queued, Bytes: s.BytesLeft},
		UnderCopied: s.UnderCopied, Least: s.Least, Lost: s.Lost, Silent: s.Silent,
	}
}
