package swarm

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

const (
	// bansBy is how many viewers must have had bad bytes from one.
	bansBy = 2
	// maxAccused is how many a viewer may report before it is rather the viewer's own doing.
	maxAccused = 3
)

func (r *Room) takeSignal(v *viewer, m *Signal, now time.Time) {
	i := slices.IndexFunc(v.ties, func(t tie) bool { return t.peer.id == m.To })
	if i < 0 || !v.signals.take(now, signalBurst, signalRate) {
		return // the peer may just have gone
	}
	p := v.ties[i].peer
	r.send(p, &Signalled{From: v.id, Kind: m.Kind, Data: m.Data})
	switch m.Kind {
	case "candidate":
		if data, ok := shownCandidate(v, p, m.Data); ok {
			r.send(p, &Signalled{From: v.id, Kind: m.Kind, Data: data})
		}
	case "bye":
		r.untie(v, p, now)
	}
}

// shownCandidate returns a copy of a candidate that hides its address, with the address that the node sees. That is for
// two on the same private network that both reach the node directly, so that it sees what each other would.
func shownCandidate(from, to *viewer, data string) (string, bool) {
	a := from.address.WithZone("")
	if !near(from, to) || !from.direct || !to.direct || !a.IsPrivate() && !a.IsLinkLocalUnicast() {
		return "", false
	}
	var init map[string]any
	if json.Unmarshal([]byte(data), &init) != nil {
		return "", false
	}
	line, _ := init["candidate"].(string)
	// RFC 8839, section 5.1: foundation, component, transport, priority, address, port, "typ", type.
	words := strings.Split(line, " ")
	if len(words) < 8 || !strings.HasSuffix(words[4], ".local") || words[6] != "typ" || words[7] != "host" {
		return "", false
	}
	words[4] = a.String()
	init["candidate"] = strings.Join(words, " ")
	text, err := json.Marshal(init)
	return string(text), err == nil && len(text) <= maxData
}

func (r *Room) takeFailed(v *viewer, m *Failed, now time.Time) {
	i := slices.IndexFunc(v.ties, func(t tie) bool { return t.peer.id == m.Peer })
	if i < 0 {
		return // the other side told it already
	}
	p := v.ties[i].peer
	r.untie(v, p, now)
	r.tellRemoved(p, v.id)
	switch m.Why {
	case "slow":
		v.remember(p.id, now.Add(avoidSlow))
	case "unreachable":
		v.remember(p.id, now.Add(avoidUnreachable))
		for _, x := range []*viewer{v, p} {
			if x.peers > 0 {
				continue
			}
			// Who reaches nobody is tried more and more seldom.
			x.fails = min(x.fails+1, 6)
			x.tryAt = now.Add(time.Second << x.fails)
			if x.stranded() {
				r.uncount(x)
			}
		}
	}
	r.lookAfter(v, false, now)
}

// takeReport parts two for good, and bans who was reported by two.
func (r *Room) takeReport(v *viewer, m *Report, now time.Time) {
	if !v.knew(m.Peer) || v.isParted(m.Peer) {
		return
	}
	r.counts.Reports++
	p := r.viewers[m.Peer]
	v.part(m.Peer)
	if p == nil {
		return
	}
	p.part(v.id)
	if v.tieTo(p) >= 0 {
		r.untie(v, p, now)
		r.tellRemoved(p, v.id)
	}
	// What one of the two waits for may have been the other's to bring.
	for _, c := range slices.Concat(v.waits, p.waits) {
		r.settle(c, now)
	}
	if v.accused++; v.accused > maxAccused {
		return
	}
	p.reporters = append(p.reporters, v.id)
	if len(p.reporters) >= bansBy {
		r.ban(p, now)
	}
	r.lookAfter(v, false, now)
}

// ban ends a viewer's part in the room and tells those who knew it.
func (r *Room) ban(p *viewer, now time.Time) {
	r.banned = appendBounded(r.banned, p.id, maxBanned)
	var told []*viewer
	for _, t := range p.ties {
		told = append(told, t.peer)
	}
	for _, x := range p.past {
		if v := r.viewers[x.id]; v != nil && !slices.Contains(told, v) {
			told = append(told, v)
		}
	}
	if p.present() {
		r.close(p, Banned, now)
	} else {
		r.away = slices.DeleteFunc(r.away, func(w *viewer) bool { return w == p })
		r.forget(p, now)
	}
	for _, v := range told {
		r.send(v, &PeerBanned{p.id})
	}
}
