package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// The rows that a scenario may have to reach something in.
const (
	rowOrigin  = "… origin bytes per byte watched"
	rowSaved   = "… saved, of the possible (N−1)/N"
	rowFetched = "… fetched per byte watched"
	rowFirst   = "… first frame, median"
	rowStalls  = "… stalls in all"
	rowTwice   = "… fetched twice or refused"
	rowWrong   = "… wrong bytes given to the decoder, buffers"
)

// figures are those of one run; NaN where there is nothing to tell.
type figures struct {
	origin, saved, fetched, twice float64 // ratios, twice in percent
	first, worst                  float64 // seconds
	stalls, stalled               float64 // number, seconds
	seek                          float64 // seconds
	late                          float64 // origin bytes per byte watched of the last viewer
	rest                          float64 // bytes a viewer of pages, playlists and messages
	cpu                           float64 // processor seconds a minute watched
	wrong, buffers                float64
	played                        float64 // seconds, all viewers together
	blind, troubles               int
}

func (f figures) String() string {
	text := fmt.Sprintf("origin/watched %.2f, saved %.2f, fetched/watched %.2f, first frame %.2f s to %.2f s, %.0f stalls (%.1f s), twice %.2f %%, %.0f of %.0f buffers wrong, %.0f s watched",
		f.origin, f.saved, f.fetched, f.first, f.worst, f.stalls, f.stalled, f.twice, f.wrong, f.buffers, f.played)
	if f.blind > 0 {
		text += fmt.Sprintf(", %d saw nothing", f.blind)
	}
	if f.troubles > 0 {
		text += fmt.Sprintf(", %d errors in pages", f.troubles)
	}
	return text
}

// tally is what the viewers of one run saw together.
type tally struct {
	firsts, seeks    []float64 // seconds
	stalls, stalled  float64
	played           float64
	fromPeers, twice float64 // bytes
	wrong, buffers   float64
	blind            int
	counted          bool // whether the player counts what came twice
	troubles         []string
}

func (o *original) tally(viewers []watched) (sum tally) {
	for _, v := range viewers {
		first := v.Age // at least
		if v.FirstFrame != nil {
			first = *v.FirstFrame
		} else {
			sum.blind++
		}
		sum.firsts = append(sum.firsts, first/1000)
		for _, ms := range v.Seeks {
			sum.seeks = append(sum.seeks, ms/1000)
		}
		sum.stalls += float64(v.Stalls)
		sum.stalled += v.StallMs / 1000
		sum.played += v.Played
		sum.fromPeers += v.PeerBytes
		if v.Bytes != nil {
			sum.counted = true
			sum.twice += v.Bytes.Duplicate + v.Bytes.Rejected
		}
		for _, b := range v.Appended {
			sum.buffers++
			if !o.marks[b] {
				sum.wrong++
			}
		}
		sum.troubles = append(sum.troubles, v.Troubles...)
	}
	return sum
}

// judge turns what one run brought into figures.
func (t *theatre) judge(got *showing) figures {
	sum := t.film.tally(got.Viewers)
	for _, trouble := range sum.troubles[:min(3, len(sum.troubles))] {
		t.say("    in a page: %s", strings.SplitN(trouble, "\n", 2)[0])
	}
	n := float64(len(got.Viewers))
	watched, fetched := sum.played*t.film.bytesPerSecond, got.film+sum.fromPeers
	// What each viewer must have before it can know anybody is nothing that could be saved.
	useful := max(0, sum.fromPeers-sum.twice)
	f := figures{
		origin: got.film / watched, fetched: fetched / watched, twice: math.NaN(),
		saved: useful / (useful + got.film - got.first) / ((n - 1) / n),
		first: median(sum.firsts), worst: slices.Max(sum.firsts), seek: math.NaN(),
		stalls: sum.stalls, stalled: sum.stalled, late: math.NaN(), cpu: math.NaN(),
		rest: (got.all - got.film) / n, wrong: sum.wrong, buffers: sum.buffers,
		played: sum.played, blind: sum.blind, troubles: len(sum.troubles),
	}
	if sum.counted {
		f.twice = sum.twice / fetched * 100
	}
	if got.CPUSeconds != nil {
		f.cpu = *got.CPUSeconds / (sum.played / 60)
	}
	if len(sum.seeks) > 0 {
		f.seek = median(sum.seeks)
	}
	if last := got.Viewers[len(got.Viewers)-1]; got.lateBytes > 0 {
		f.late = got.lateBytes / (last.Played * t.film.bytesPerSecond)
	}
	return f
}

// swarmRow is one figure of all sides.
type swarmRow struct {
	name string
	of   func(figures) float64
	show string
}

func swarmRows() []swarmRow {
	return []swarmRow{
		{rowOrigin, func(f figures) float64 { return f.origin }, "%.2f"},
		{rowSaved, func(f figures) float64 { return f.saved }, "%.2f"},
		{rowFetched, func(f figures) float64 { return f.fetched }, "%.2f"},
		{rowTwice, func(f figures) float64 { return f.twice }, "%.2f %%"},
		{rowFirst, func(f figures) float64 { return f.first }, "%.2f s"},
		{"… first frame, the last to see it", func(f figures) float64 { return f.worst }, "%.2f s"},
		{rowStalls, func(f figures) float64 { return f.stalls }, "%.0f"},
		{"… time stalled, all together", func(f figures) float64 { return f.stalled }, "%.1f s"},
		{"… seek, median", func(f figures) float64 { return f.seek }, "%.2f s"},
		{"… origin bytes per byte that the late one watched", func(f figures) float64 { return f.late }, "%.2f"},
		{"… page, playlists and messages, a viewer", func(f figures) float64 { return f.rest / 1000 }, "%.0f kB"},
		{"… processor time of the browser, a minute watched", func(f figures) float64 { return f.cpu }, "%.1f s"},
		{rowWrong, func(f figures) float64 { return f.wrong }, "%.0f"},
	}
}

// report adds a line that names the sides, and a row for each figure that there is.
func (t *theatre) report(s scenario, results map[string][]figures) {
	theirs := slices.DeleteFunc(t.sidesOf(s), func(side string) bool { return side == ours })
	t.table.told(fmt.Sprintf("%s: %s", s.name, s.title()), "", strings.Join(theirs, " · "))
	for _, row := range swarmRows() {
		own := row.median(results[ours])
		var cells, ratios []string
		told := !math.IsNaN(own)
		for _, side := range theirs {
			v := row.median(results[side])
			told = told || !math.IsNaN(v)
			cells, ratios = append(cells, cellOf(row.show, v)), append(ratios, cellOf("%.2f", own/v))
		}
		if !told {
			continue
		}
		var a *aim
		if judge := s.reach[row.name]; judge != nil && len(results[ours]) > 0 {
			judged := judge(own)
			a = &judged
		}
		t.table.beside(row.name, cellOf(row.show, own), strings.Join(cells, " · "), strings.Join(ratios, " · "), a)
	}
}

// median is that of all rounds; NaN when there is nothing in one of them.
func (r swarmRow) median(rounds []figures) float64 {
	values := []float64{}
	for _, f := range rounds {
		v := r.of(f)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return math.NaN()
		}
		values = append(values, v)
	}
	switch {
	case len(values) == 0:
		return math.NaN()
	case r.name == rowWrong:
		return slices.Max(values) // one wrong byte is one too many
	}
	return median(values)
}

func cellOf(show string, v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return fmt.Sprintf(show, v)
}
