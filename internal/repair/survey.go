package repair

import (
	"context"
	"slices"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// survey is one look at the groups that this node is to hold.
type survey struct {
	r       *Repairer
	place   place
	compare *comparison
	full    bool
	// missing is called with what this node is to pull, and tells whether that counts.
	missing func(*job) bool
	// needed is nil until it is asked for.
	needed *wanted
	lost   map[placement.Group][]uint64
	out    outcome
}

// survey compares the groups that this node is to hold with those of others. When full is set, it also finds what nobody has.
// A node without others leaves that to its upkeep, and asks its disk for nothing.
func (r *Repairer) survey(ctx context.Context, p place, full bool, missing func(*job) bool) (outcome, error) {
	s := &survey{r: r, place: p, full: full, missing: missing, lost: make(map[placement.Group][]uint64)}
	s.out.underIn = make(map[placement.Group]int)
	s.out.full, s.out.version = full, p.layout.Version()
	if r.lone() {
		return s.out, nil
	}
	var err error
	if s.compare, err = r.compare(ctx, p.layout, p.own); err != nil {
		return outcome{}, err
	}
	if full {
		if s.needed, err = r.gather(ctx, s.owns()); err != nil {
			return outcome{}, err
		}
	}
	if err := r.list(ctx, s.compare, s.pick, func(f *found) error { return s.look(ctx, f) }); err != nil {
		return outcome{}, err
	}
	s.out.silent = s.compare.silent()
	if full {
		err = s.nameLost(ctx)
	}
	return s.out, err
}

// pick chooses the groups that are to be listed: where something differs and, in a full survey, those that this node counts.
func (s *survey) pick(i int) bool {
	if !s.compare.settled(i, true) {
		return true
	}
	g := s.compare.groups[i]
	return s.full && len(s.needed.marks[g]) > 0 && s.counts(s.compare.layout.Holders(g))
}

// counts tells whether this node is the one that counts for a group: the first of its holders that answers.
func (s *survey) counts(holders []placement.NodeID) bool {
	at := slices.IndexFunc(holders, s.compare.heard)
	return at >= 0 && holders[at] == s.r.cfg.Self
}

// look finds out what is to be done for one group.
func (s *survey) look(ctx context.Context, f *found) (err error) {
	if !s.full && f.level() {
		return ctx.Err()
	}
	if s.needed == nil {
		if s.needed, err = s.r.gather(ctx, s.owns()); err != nil {
			return err
		}
	}
	infos := f.chunks(s.needed.has)
	plan := new(placement.Plan)
	plan.Add(s.place.layout, f.group, f.held, infos)
	for _, c := range plan.Copies {
		if c.To == s.r.cfg.Self {
			s.lacks(f, c)
		}
	}
	if s.counts(f.holders) {
		s.count(f, infos)
	}
	return ctx.Err()
}

// owns returns whether a group is one that this node is to hold.
func (s *survey) owns() func(placement.Group) bool {
	var own [placement.Groups]bool
	for _, g := range s.place.own {
		own[g] = true
	}
	return func(g placement.Group) bool { return own[g] }
}

// lacks makes a job of a chunk that this node is to pull.
func (s *survey) lacks(f *found, c placement.Copy) {
	j := &job{ref: c.Chunk.Ref, copies: len(c.From), urgency: s.r.cfg.Urgency(c.Chunk.Ref), offers: offersOf(f, c)}
	if s.missing(j) {
		s.out.missing.add(j.size())
	}
}

// offersOf sorts those who have a chunk by the size they say it has. Who is asked first depends on the chunk, so that they
// share the work.
func offersOf(f *found, c placement.Copy) (offers []offer) {
	first := int(c.Chunk.Ref[len(c.Chunk.Ref)-1]) % len(c.From)
	for _, id := range slices.Concat(c.From[first:], c.From[:first]) {
		size := f.held[id][c.Chunk.Ref]
		at := slices.IndexFunc(offers, func(o offer) bool { return o.size == size })
		if at < 0 {
			at = len(offers)
			offers = append(offers, offer{size: size})
		}
		offers[at].from = append(offers[at].from, id)
	}
	return offers
}

// count counts the chunks of which there are too few copies, and notes those of which there are none.
func (s *survey) count(f *found, infos []chunk.Info) {
	for _, info := range infos {
		copies := 0
		for _, chunks := range f.held {
			if _, has := chunks[info.Ref]; has {
				copies++
			}
		}
		if copies >= len(f.holders) {
			continue
		}
		s.out.underIn[f.group]++
		if s.out.under++; s.out.least == 0 || copies < s.out.least {
			s.out.least = copies
		}
	}
	if marks := s.needed.missing(f.group, infos); s.full && len(marks) > 0 {
		s.lost[f.group] = marks
	}
}

// nameLost finds out the names of what is lost. While somebody is silent, nothing is lost that was not before.
func (s *survey) nameLost(ctx context.Context) (err error) {
	if len(s.out.silent) > 0 {
		s.r.mu.Lock()
		before := s.r.last.lostIn
		s.r.mu.Unlock()
		for g, marks := range s.lost {
			s.lost[g] = slices.DeleteFunc(marks, func(mark uint64) bool { return !slices.Contains(before[g], mark) })
		}
	}
	for _, marks := range s.lost {
		s.out.lost += len(marks)
	}
	s.out.lostIn = s.lost
	if s.out.lost > 0 {
		s.out.lostChunks, err = s.r.name(ctx, s.lost, keptLost)
	}
	return err
}
