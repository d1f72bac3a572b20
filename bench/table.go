package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// table is what the program prints in the end.
type table struct{ rows [][]string }

// aim is what a row has to reach, as a bound on the ratio of ours to theirs, or on ours alone.
type aim struct {
	text string
	met  bool
}

func atMost(value, bound float64, unit string) aim {
	return aim{fmt.Sprintf("≤ %g%s", bound, unit), value <= bound}
}

func atLeast(value, bound float64, unit string) aim {
	return aim{fmt.Sprintf("≥ %g%s", bound, unit), value >= bound}
}

// compared adds a row with two sides and their ratio.
func (t *table) compared(what, ours, theirs string, ratio float64, a aim) {
	t.rows = append(t.rows, []string{what, ours, theirs, fmt.Sprintf("%.2f", ratio), a.text, verdict(a)})
}

// single adds a row with nothing to compare with.
func (t *table) single(what, ours string, a aim) {
	t.rows = append(t.rows, []string{what, ours, "", "", a.text, verdict(a)})
}

// beside adds a row with several others on their side, and perhaps nothing to reach.
func (t *table) beside(what, ours, theirs, ratios string, a *aim) {
	row := []string{what, ours, theirs, ratios, "", ""}
	if a != nil {
		row[4], row[5] = a.text, verdict(*a)
	}
	t.rows = append(t.rows, row)
}

// told adds a row that has nothing to reach.
func (t *table) told(what, ours, theirs string) {
	t.rows = append(t.rows, []string{what, ours, theirs, "", "", ""})
}

func verdict(a aim) string {
	if a.met {
		return "yes"
	}
	return "NO"
}

// print writes the rows as a table that is readable as it is, and is Markdown too.
func (t *table) print(w io.Writer) {
	rows := append([][]string{{"what", "ours", "theirs", "ratio", "reach", "ok"}, {"", "", "", "", "", ""}}, t.rows...)
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	for n, row := range rows {
		for i, cell := range row {
			fill := " "
			if n == 1 {
				fill = "-"
			}
			fmt.Fprint(w, "| ", cell, strings.Repeat(fill, widths[i]-utf8.RuneCountInString(cell)), " ")
		}
		fmt.Fprintln(w, "|")
	}
}

// median returns the middle of what was measured, 0 for nothing.
func median[T int64 | float64 | time.Duration](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// percentile returns the value that a part of those measured, 0 to 1, does not exceed.
func percentile(values []time.Duration, part float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
func inMillis(d time.Duration) string  { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// inMB shows bytes in units of 1,000,000.
func inMB(bytes float64) string { return fmt.Sprintf("%.0f MB", bytes/1e6) }

func ratioOf(ours, theirs time.Duration) float64 { return ours.Seconds() / theirs.Seconds() }
