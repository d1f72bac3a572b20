package swarm_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"shoal/internal/swarm"
)

// TestOnePageThatIsLoadedAgainIsNoCrowd lets viewers come: a letter is one, with a sign before it when it was here
// before, and a number is a time in milliseconds that passes.
func TestOnePageThatIsLoadedAgainIsNoCrowd(t *testing.T) {
	for _, c := range []struct{ name, come, want string }{
		{"a crowd begins apart", "a b c d", "0.000 0.618 0.236 0.854"},
		{"a chain of arrivals is a crowd", "a 1500 b 1500 c", "0.000 0.618 0.236"},
		{"who comes later is alone", "a b 2001 c", "0.000 0.618 0.000"},
		{"one page again and again", "a 300 +a 300 +a 300 +a", "0.000 0.000 0.000 0.000"},
		{"again, soon after another came", "a 9000 b 500 +a", "0.000 0.000 0.000"},
		{"another comes soon after", "a 9000 +a 500 b 500 c", "0.000 0.000 0.000 0.618"},
		{"again and again beside another", "a 9000 b 500 +a 500 +a 100 +a", "0.000 0.000 0.000 0.000 0.000"},
		{"who is loaded again keeps no crowd together", "a b 1500 +b 1500 c 500 +b", "0.000 0.618 0.618 0.000 0.000"},
		{"one of a crowd begins anew where it began", "a b +b c", "0.000 0.618 0.618 0.236"},
		{"again in the middle of a crowd", "a 9000 b c +a", "0.000 0.000 0.618 0.236"},
		{"all again at once are a crowd", "a b c 9000 +a +b +c", "0.000 0.618 0.236 0.000 0.000 0.618"},
	} {
		if got := come(swarm.NewRooms(swarm.Limits{}, rand.New(rand.NewPCG(1, 1))), c.come); got != c.want {
			t.Errorf("%s: %s: %s, want %s", c.name, c.come, got, c.want)
		}
	}
}

func come(rooms *swarm.Rooms, words string) string {
	var places []string
	now, ids := start, make(map[string]swarm.ID)
	for i, word := range strings.Fields(words) {
		if pause, err := strconv.Atoi(word); err == nil {
			now = now.Add(time.Duration(pause) * time.Millisecond)
			continue
		}
		name, again := strings.CutPrefix(word, "+")
		before := swarm.ID("")
		if again {
			before = ids[name]
		}
		ids[name] = viewerID(i)
		places = append(places, fmt.Sprintf("%.3f", rooms.Stripe("film", before, ids[name], now)))
	}
	return strings.Join(places, " ")
}
