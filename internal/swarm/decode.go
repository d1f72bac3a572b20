package swarm

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode"
	"unicode/utf8"
)

// Decode reads a message of a viewer: one JSON object in which every member that belongs to it has the right kind
// and is within its limits. The error says what is wrong, and may be shown.
func Decode(text []byte) (Message, error) {
	o, err := readObject(text)
	if err != nil {
		return nil, err
	}
	kind := o.word("t")
	if o.err != nil {
		return nil, o.err
	}
	read, known := readers[kind]
	if !known {
		return nil, errors.New("there is no such message")
	}
	m := read(o)
	if o.err != nil {
		return nil, fmt.Errorf("%s: %w", kind, o.err)
	}
	return m, nil
}

var readers = map[string]func(*object) Message{
	"join":    readJoin,
	"state":   readState,
	"have":    readHave,
	"lease":   readLease,
	"release": readRelease,
	"share":   func(o *object) Message { return &ShareChange{o.share()} },
	"signal":  readSignal,
	"failed":  func(o *object) Message { return &Failed{o.id("peer"), o.word("why", "unreachable", "slow", "closed")} },
	"report":  readReport,
}

func readJoin(o *object) Message {
	j := &Join{Ticket: o.text("viewer", maxTicket), Share: o.share()}
	if o.has("name") {
		j.Name = o.text("name", maxName)
	}
	for _, r := range j.Name {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) || turnsText(r) {
			o.fail("name has a character %U", r)
		}
	}
	return j
}

// turnsText tells whether a character changes the direction of the text around it.
func turnsText(r rune) bool { return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 }

func readState(o *object) Message {
	s := &State{
		Position: o.number("position", maxSeconds), Buffer: o.number("buffer", maxSeconds), Playing: o.flag("playing"),
		Peers: int(o.whole("peers", maxPeers)), Renditions: []string{},
	}
	for _, item := range o.list("renditions", maxRenditions) {
		s.Renditions = append(s.Renditions, o.rendition(item))
	}
	s.Bytes = o.bytes()
	return s
}

func readHave(o *object) Message {
	h := &Have{Full: o.flag("full"), Add: o.runs("add", maxHaveRuns), Drop: o.runs("drop", maxHaveRuns)}
	if len(h.Add)+len(h.Drop) > maxHaveRuns {
		o.fail("more than %d runs", maxHaveRuns)
	}
	return h
}

func readLease(o *object) Message {
	return &Lease{Chunks: o.chunks(maxLease), Urgent: o.flag("urgent")}
}

func readRelease(o *object) Message { return &Release{o.chunks(maxRelease)} }

func readSignal(o *object) Message {
	s := &Signal{To: o.id("to"), Kind: o.word("kind", "offer", "answer", "candidate", "bye")}
	if o.has("data") || s.Kind != "bye" {
		s.Data = o.text("data", maxData)
	}
	return s
}

func readReport(o *object) Message {
	r := &Report{Peer: o.id("peer"), Chunk: o.run(o.members["chunk"])}
	if r.Chunk.Count > 1 {
		o.fail("chunk is more than one")
	}
	return r
}

// object is a JSON object that is being read. The first thing that is wrong stays in err.
type object struct {
	members map[string]json.RawMessage
	err     error
}

func readObject(text []byte) (*object, error) {
	o := new(object)
	if !utf8.Valid(text) {
		return nil, errors.New("it is no UTF-8")
	}
	// Names are looked up in a map, since struct fields would match in any letters.
	if err := json.Unmarshal(text, &o.members); err != nil || o.members == nil {
		return nil, errors.New("it is no JSON object")
	}
	return o, nil
}

func (o *object) fail(format string, args ...any) {
	if o.err == nil {
		o.err = fmt.Errorf(format, args...)
	}
}

func (o *object) has(name string) bool { _, has := o.members[name]; return has }

// read puts a member into v, whose JSON begins with one of the characters in begins.
func (o *object) read(name string, raw json.RawMessage, begins string, v any) bool {
	if len(raw) == 0 {
		o.fail("%s is missing", name)
		return false
	}
	// null would leave v as it is without an error.
	if !slices.Contains([]byte(begins), raw[0]) || json.Unmarshal(raw, v) != nil {
		o.fail("%s is not of the right kind", name)
		return false
	}
	return true
}

func (o *object) text(name string, most int) (s string) {
	if o.read(name, o.members[name], `"`, &s) && utf8.RuneCountInString(s) > most {
		o.fail("%s is longer than %d characters", name, most)
	}
	return s
}

// word reads a text that is one of those listed, if any are.
func (o *object) word(name string, words ...string) string {
	s := o.text(name, maxData)
	if len(words) > 0 && !slices.Contains(words, s) {
		o.fail("%s is none of %q", name, words)
	}
	return s
}

func (o *object) share() Share {
	return Share(o.word("share", string(ShareAll), string(ShareLAN), string(ShareReceive), string(ShareOff)))
}

func (o *object) id(name string) ID {
	id, ok := ParseID(o.text(name, maxData))
	if !ok {
		o.fail("%s is no id", name)
	}
	return id
}

func (o *object) flag(name string) (b bool) {
	if o.has(name) {
		o.read(name, o.members[name], "tf", &b)
	}
	return b
}

func (o *object) number(name string, most float64) (f float64) {
	if o.read(name, o.members[name], "-0123456789", &f) && !(f >= 0 && f <= most) {
		o.fail("%s is not within 0 and %.0f", name, most)
	}
	return f
}

func (o *object) whole(name string, most float64) int64 {
	f := o.number(name, most)
	if f != math.Trunc(f) {
		o.fail("%s is no whole number", name)
	}
	return int64(f)
}

func (o *object) bytes() Bytes {
	b := &object{err: o.err}
	o.read("bytes", o.members["bytes"], "{", &b.members)
	all := Bytes{
		Origin: b.whole("origin", maxWhole), Peers: b.whole("peers", maxWhole), Cache: b.whole("cache", maxWhole),
		Uploaded: b.whole("uploaded", maxWhole), Duplicate: b.whole("duplicate", maxWhole), Rejected: b.whole("rejected", maxWhole),
	}
	if b.err != nil {
		o.fail("bytes: %w", b.err)
	}
	return all
}

// list reads an array of at most so many items, none when it is missing.
func (o *object) list(name string, most int) (items []json.RawMessage) {
	if o.has(name) && o.read(name, o.members[name], "[", &items) && len(items) > most {
		o.fail("%s has more than %d items", name, most)
		return nil
	}
	return items
}

func (o *object) rendition(raw json.RawMessage) (s string) {
	if o.read("rendition", raw, `"`, &s) && !isRendition(s) {
		o.fail("a rendition is not 1 to 16 characters of a-z0-9")
	}
	return s
}

func isRendition(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 16
}

func (o *object) runs(name string, most int) Runs {
	items := o.list(name, most)
	runs := make(Runs, 0, len(items))
	for _, item := range items {
		runs = append(runs, o.run(item))
	}
	return runs
}

// chunks reads the member chunks, which is some chunks and not too many.
func (o *object) chunks(most int) Runs {
	runs, count := o.runs("chunks", most), 0
	for _, r := range runs {
		count += int(r.Count)
	}
	if count < 1 || count > most {
		o.fail("chunks are %d, not 1 to %d", count, most)
	}
	return runs
}

func (o *object) run(raw json.RawMessage) Run {
	var parts []any
	if !o.read("run", raw, "[", &parts) || o.err != nil {
		return Run{}
	}
	if len(parts) != 3 {
		o.fail("a run is no array of three")
		return Run{}
	}
	rendition, _ := parts[0].(string)
	if !isRendition(rendition) {
		o.fail("a rendition is not 1 to 16 characters of a-z0-9")
	}
	first, count := wholeOf(parts[1]), wholeOf(parts[2])
	if first < 0 || count < 1 || count > maxRunCount || first+count > maxOrdinal+1 {
		o.fail("a run is not within its limits")
		return Run{}
	}
	return Run{rendition, uint32(first), uint32(count)}
}

// wholeOf returns a whole number that is no greater than an ordinal may be, else -1.
func wholeOf(v any) int64 {
	f, ok := v.(float64)
	if !ok || f != math.Trunc(f) || f < 0 || f > maxOrdinal {
		return -1
	}
	return int64(f)
}
