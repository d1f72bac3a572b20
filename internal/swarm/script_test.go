package swarm_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/swarm"
)

var update = flag.Bool("update", false, "write what happens into the scripts")

// stage plays a script to a room; see testdata/scripts/README.txt.
type stage struct {
	room *swarm.Room
	now  time.Time
}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txt")
	if err != nil || len(files) < 3 {
		t.Fatalf("scripts: %v, %v", files, err)
	}
	for _, file := range files {
		if filepath.Base(file) == "README.txt" {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			played := play(t, string(text))
			if *update {
				err = os.WriteFile(file, []byte(played), 0o644)
			}
			if diff := cmp.Diff(string(text), played); err != nil || diff != "" && !*update {
				t.Errorf("%v (-script +played):\n%s", err, diff)
			}
		})
	}
}

// play returns the script with what really happened after each command.
func play(t *testing.T, text string) string {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := &stage{room: swarm.NewRoom(1, start, rand.New(rand.NewPCG(1, 2))), now: start}
	var played strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "<") {
			continue
		}
		played.WriteString(line + "\n")
		if line != "" && !strings.HasPrefix(line, "#") {
			for _, told := range s.tell(s.do(t, strings.Fields(line))) {
				played.WriteString("< " + told + "\n")
			}
		}
	}
	return played.String()
}

// do carries out a command.
func (s *stage) do(t *testing.T, words []string) []swarm.Envelope {
	command, rest := words[0], words[1:]
	switch command {
	case "film":
		for i := 0; i < len(rest); i += 2 {
			s.room.Learn(rest[i], uint32(number(t, rest[i+1])))
		}
		return nil
	case "wait":
		took, err := time.ParseDuration(rest[0])
		if err != nil {
			t.Fatal(err)
		}
		return s.wait(took)
	case "restart":
		s.room = swarm.NewRoom(2, s.now, rand.New(rand.NewPCG(1, 2)))
		return nil
	case "join":
		return s.room.Join(arrival(t, rest), s.now)
	case "leave", "gone":
		return s.room.Leave(fullID(rest[0]), command == "gone", s.now)
	}
	return s.room.Handle(fullID(rest[0]), message(t, command, rest[1:]), s.now)
}

// wait lets time pass, and the room do what is due meanwhile.
func (s *stage) wait(took time.Duration) (out []swarm.Envelope) {
	end := s.now.Add(took)
	for {
		due := s.room.Due()
		if due.IsZero() || due.After(end) {
			s.now = end
			return out
		}
		if due.After(s.now) {
			s.now = due
		}
		out = append(out, s.room.Tick(s.now)...)
	}
}

// arrival reads NAME [SHARE] [ADDRESS] [proxied] [returns] [called NAME].
func arrival(t *testing.T, words []string) swarm.Arrival {
	a := swarm.Arrival{ID: fullID(words[0]), Name: words[0], Share: swarm.ShareAll, Address: netip.MustParseAddr("192.168.1.9"), Direct: true}
	words = words[1:]
	if i := slices.Index(words, "called"); i >= 0 {
		a.Name, words = words[i+1], words[:i]
	}
	for _, word := range words {
		switch word {
		case "proxied":
			a.Direct = false
		case "returns":
			a.Returns = true
		case "all", "lan", "receive", "off":
			a.Share = swarm.Share(word)
		case "nowhere":
			a.Address = netip.Addr{}
		default:
			a.Address = netip.MustParseAddr(word)
		}
	}
	return a
}

func message(t *testing.T, command string, words []string) swarm.Message {
	switch command {
	case "state":
		m := &swarm.State{Position: float64(number(t, words[0])), Playing: true, Renditions: []string{"v0", "a0"}}
		if len(words) > 1 {
			m.Peers = number(t, words[1])
		}
		return m
	case "have":
		m := new(swarm.Have)
		for _, word := range words {
			switch run, gone := strings.CutPrefix(word, "-"); {
			case word == "full":
				m.Full = true
			case gone:
				m.Drop = append(m.Drop, chunks(t, run))
			default:
				m.Add = append(m.Add, chunks(t, word))
			}
		}
		return m
	case "lease", "urgent", "release":
		var runs swarm.Runs
		for _, word := range words {
			runs = append(runs, chunks(t, word))
		}
		if command == "release" {
			return &swarm.Release{Chunks: runs}
		}
		return &swarm.Lease{Chunks: runs, Urgent: command == "urgent"}
	case "share":
		return &swarm.ShareChange{Share: swarm.Share(words[0])}
	case "signal":
		return &swarm.Signal{To: fullID(words[0]), Kind: words[1], Data: strings.Join(words[2:], " ")}
	case "failed":
		return &swarm.Failed{Peer: fullID(words[0]), Why: words[1]}
	case "report":
		return &swarm.Report{Peer: fullID(words[0]), Chunk: chunks(t, words[1])}
	}
	t.Fatalf("there is no command %q", command)
	return nil
}

// tell writes envelopes as the scripts have them, one viewer after another.
func (s *stage) tell(out []swarm.Envelope) (lines []string) {
	for _, e := range out {
		line := shortID(e.To)
		switch m := e.Message.(type) {
		case nil:
			line += fmt.Sprintf(" close %d", e.Close)
		case *swarm.Welcome:
			line += fmt.Sprintf(" welcome epoch %d viewers %d", m.Epoch, m.Viewers)
		case *swarm.RoomSize:
			line += fmt.Sprintf(" room %d", m.Viewers)
		case *swarm.Peers:
			line += " peers" + peers(m)
		case *swarm.Signalled:
			line += fmt.Sprintf(" signal from %s %s %s", shortID(m.From), m.Kind, m.Data)
		case *swarm.Leases:
			line += " leases" + list("granted", m.Granted) + list("held", m.Held) + list("ready", m.Ready)
		case *swarm.PeerBanned:
			line += " banned " + shortID(m.Peer)
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
	return lines
}

func peers(m *swarm.Peers) string {
	var words []string
	for _, p := range m.Add {
		word := " +" + shortID(p.Viewer)
		if p.Name != shortID(p.Viewer) {
			word += "=" + p.Name
		}
		if p.Near {
			word += ",near"
		}
		if p.Offer {
			word += ",offer"
		}
		words = append(words, word)
	}
	for _, id := range m.Remove {
		words = append(words, " -"+shortID(id))
	}
	slices.Sort(words)
	return strings.Join(words, "")
}

func list(name string, runs swarm.Runs) (text string) {
	if len(runs) == 0 {
		return ""
	}
	for _, r := range runs {
		text += fmt.Sprintf(" %s:%d", r.Rendition, r.First)
		if r.Count > 1 {
			text += fmt.Sprintf("-%d", r.First+r.Count-1)
		}
	}
	return " " + name + text
}

// chunks reads v0:3 or v0:3-5.
func chunks(t *testing.T, word string) swarm.Run {
	rendition, ordinals, _ := strings.Cut(word, ":")
	first, last, many := strings.Cut(ordinals, "-")
	run := swarm.Run{Rendition: rendition, First: uint32(number(t, first)), Count: 1}
	if many {
		run.Count = uint32(number(t, last)) - run.First + 1
	}
	return run
}

func number(t *testing.T, word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func fullID(name string) swarm.ID { return swarm.ID(strings.Repeat(name, 12)) }
func shortID(id swarm.ID) string  { return string(id[:1]) }
