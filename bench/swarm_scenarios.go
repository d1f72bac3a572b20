package main

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The sides of a comparison.
const (
	ours  = "ours"
	plain = "plain" // hls.js with its defaults
	p2pml = "p2pml" // p2p-media-loader with its defaults
)

// scenario is what a group of viewers goes through.
type scenario struct {
	name    string
	about   string // what follows "6 viewers"
	viewers int
	// apart lies between two joins, watch between the last one and the moment of measuring.
	apart, watch time.Duration
	// late is when the last viewer joins, counted from the first; 0 when it joins like the others.
	late time.Duration
	// rate is the origin's uplink in bits a second.
	rate float64
	// twist is what happens besides: "churn", "seeks", "poison", "slow" or "restart".
	twist string
	sides []string
	// reach bounds rows, by their name; where that differs by the number of viewers, only for the one that stands here.
	reach map[string]aimFor
}

// aimFor judges a figure of ours.
type aimFor func(float64) aim

func below(bound float64, unit string) aimFor {
	return func(v float64) aim { return atMost(v, bound, unit) }
}

func above(bound float64) aimFor {
	return func(v float64) aim { return atLeast(v, bound, "") }
}

func scenarios() []scenario {
	all, swarms := []string{ours, plain, p2pml}, []string{ours, p2pml}
	unlimited := math.Inf(1)
	safe := map[string]aimFor{rowWrong: below(0, ""), rowTwice: below(1, " %")}
	return []scenario{
		{"s1", "2 s apart", 6, 2 * time.Second, 45 * time.Second, 0, unlimited, "", all, map[string]aimFor{
			rowOrigin: below(0.35, ""), rowSaved: above(0.95), rowFetched: below(1.6, ""), rowWrong: below(0, ""), rowTwice: below(1, " %")}},
		{"s2", "at once", 6, 0, 40 * time.Second, 0, unlimited, "", all, safe},
		{"s3", "at once, origin 12 Mbit/s", 6, 0, 40 * time.Second, 0, 12e6, "", all, map[string]aimFor{
			rowFirst: below(2, " s"), rowStalls: below(2, ""), rowWrong: below(0, ""), rowTwice: below(1, " %")}},
		{"s4", "2 s apart, origin 8 Mbit/s", 6, 2 * time.Second, 40 * time.Second, 0, 8e6, "", all, safe},
		{"s4b", "2 s apart, origin 2 Mbit/s", 6, 2 * time.Second, 40 * time.Second, 0, 2e6, "", all, safe},
		{"s5", "2 s apart, one leaves and one comes each 5 s", 6, 2 * time.Second, 45 * time.Second, 0, unlimited, "churn", all, safe},
		{"s6", "2 s apart, each seeks 3 times", 6, 2 * time.Second, 45 * time.Second, 0, unlimited, "seeks", all, safe},
		{"s7", "2 s apart, the first one sends spoiled bytes", 6, 2 * time.Second, 40 * time.Second, 0, unlimited, "poison", swarms, safe},
		{"s8", "2 s apart, the first one sends 300 kbit/s", 6, 2 * time.Second, 40 * time.Second, 0, unlimited, "slow", swarms, safe},
		{"s9", "2 s apart, the node restarts after 20 s", 6, 2 * time.Second, 40 * time.Second, 0, unlimited, "restart", []string{ours}, safe},
		{"s11", "2 s apart, the last one comes after 60 s", 6, 2 * time.Second, 20 * time.Second, 60 * time.Second, unlimited, "", all, safe},
		{"alone", "alone", 1, 0, 30 * time.Second, 0, unlimited, "", all, safe},
	}
}

// chooseScenarios reads names such as "s1,s1x4,s3"; x4 stands for 4 viewers.
func chooseScenarios(list string) (chosen []scenario, err error) {
	known := scenarios()
	for _, word := range strings.Split(list, ",") {
		name, count, counted := strings.Cut(word, "x")
		i := slices.IndexFunc(known, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no scenario %q; there are%s", name, scenarioNames())
		}
		s := known[i]
		if counted {
			if s, err = s.with(count); err != nil {
				return nil, err
			}
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

// with changes the number of viewers.
func (s scenario) with(count string) (scenario, error) {
	viewers, err := strconv.Atoi(count)
	if err != nil || viewers < 1 || viewers > 20 {
		return s, fmt.Errorf("%sx%s: there can be 1 to 20 viewers", s.name, count)
	}
	if viewers == s.viewers {
		return s, nil
	}
	s.name, s.viewers = s.name+"x"+count, viewers
	// Fewer viewers have less to share.
	reach := map[string]aimFor{}
	for row, a := range s.reach {
		if row != rowOrigin {
			reach[row] = a
		}
	}
	if s.name == "s1x4" {
		reach[rowOrigin] = below(0.5, "")
	}
	s.reach = reach
	return s, nil
}

// swarmFlags adds the flags of the swarm experiment, and returns what reads them once they are parsed.
func swarmFlags() func() (swarmChoice, error) {
	list := flag.String("swarm-scenarios", "s1,s1x4,s3", "what the viewers go through, separated by commas; s1x4 has 4 viewers:"+scenarioNames())
	rounds := flag.Int("swarm-rounds", 3, "how often each side goes through each scenario")
	sides := flag.String("swarm-sides", strings.Join([]string{ours, plain, p2pml}, ","), "what is watched, in turn")
	seed := flag.Int("swarm-seed", 1, "chooses who leaves and where viewers seek; each round adds 1")
	return func() (swarmChoice, error) {
		chosen, err := chooseScenarios(*list)
		if err == nil && *rounds < 1 {
			err = errors.New("-swarm-rounds is at least 1")
		}
		picked := strings.Split(*sides, ",")
		for _, side := range picked {
			if err == nil && !slices.Contains([]string{ours, plain, p2pml}, side) {
				err = fmt.Errorf("there is no side %q; there are %s, %s and %s", side, ours, plain, p2pml)
			}
		}
		return swarmChoice{chosen, *rounds, picked, *seed}, err
	}
}

func scenarioNames() (text string) {
	for _, s := range scenarios() {
		text += fmt.Sprintf("\n%-9s %s", s.name, s.title())
	}
	return text
}

func (s scenario) title() string {
	if s.viewers == 1 {
		return "a viewer " + s.about
	}
	return fmt.Sprintf("%d viewers %s", s.viewers, s.about)
}

// lasts is how long one run takes at most, before anything goes wrong.
func (s scenario) lasts() time.Duration {
	return max(s.late, time.Duration(s.viewers)*s.apart) + s.watch
}
