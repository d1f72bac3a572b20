package hlscheck

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Master is a multivariant playlist.
type Master struct {
	Version int
	// Independent is true with EXT-X-INDEPENDENT-SEGMENTS.
	Independent  bool
	Alternatives []Alternative
	// Variants has at least one element, in the order of the playlist.
	Variants []Variant
}

// Alternative is an EXT-X-MEDIA tag.
type Alternative struct {
	// Type is AUDIO or SUBTITLES.
	Type        string
	Group, Name string
	// Language is a BCP 47 tag, or "".
	Language            string
	Default, Autoselect bool
	// Forced is for subtitles alone.
	Forced bool
	// Channels is 0 when not told.
	Channels int
	// URI is "" when the sound is that of the only variant that uses the group.
	URI string
}

// Variant is an EXT-X-STREAM-INF tag and the address after it.
type Variant struct {
	// Bandwidth is the peak, both in bits a second.
	Bandwidth, AverageBandwidth int64
	Codecs                      []string
	// Width, Height and FrameRate are 0 when not told.
	Width, Height int
	FrameRate     float64
	// Audio is the group of alternatives that plays with it, or "".
	Audio string
	// Subtitles is the group of texts that may be shown with it, or "".
	Subtitles string
	URI       string
}

// ReadMaster reads a multivariant playlist.
func ReadMaster(text []byte) (*Master, error) {
	lines, err := split(text)
	if err != nil {
		return nil, fmt.Errorf("read multivariant playlist: %w", err)
	}
	m := &Master{}
	if err := m.read(lines); err != nil {
		return nil, fmt.Errorf("read multivariant playlist: %w", err)
	}
	return m, nil
}

func (m *Master) read(lines []line) error {
	seen := make(once)
	var pending *Variant
	for _, l := range lines {
		if (pending != nil) != (l.tag == "") {
			return l.errorf("an address follows #EXT-X-STREAM-INF, and only that")
		}
		if l.tag == "" {
			pending.URI = l.value
			m.Variants = append(m.Variants, *pending)
			pending = nil
			continue
		}
		var err error
		if pending, err = m.tag(l, seen); err != nil {
			return err
		}
	}
	if pending != nil {
		return errors.New("no address after the last #EXT-X-STREAM-INF")
	}
	if err := seen.require("EXT-X-VERSION"); err != nil {
		return err
	}
	return m.check()
}

// tag reads a line that is no address; a variant is returned to wait for its address.
func (m *Master) tag(l line, seen once) (*Variant, error) {
	switch l.tag {
	case "EXT-X-VERSION":
		if err := seen.see(l); err != nil {
			return nil, err
		}
		version, err := readVersion(l)
		m.Version = version
		return nil, err
	case "EXT-X-INDEPENDENT-SEGMENTS":
		m.Independent = true
		if err := seen.see(l); err != nil {
			return nil, err
		}
		return nil, l.requireBare()
	case "EXT-X-MEDIA":
		a, err := readAlternative(l)
		m.Alternatives = append(m.Alternatives, a)
		return nil, err
	case "EXT-X-STREAM-INF":
		return readVariant(l)
	}
	return nil, l.errorf("unknown tag #%s", l.tag)
}

func readAlternative(l line) (Alternative, error) {
	var a Alternative
	list := parseAttributes(l)
	a.Type = list.oneOf("TYPE", "AUDIO", "SUBTITLES")
	a.Group = list.quoted("GROUP-ID")
	a.Name = list.quoted("NAME")
	if list.has("LANGUAGE") {
		a.Language = list.quoted("LANGUAGE")
	}
	a.Default = list.has("DEFAULT") && list.yes("DEFAULT")
	automatic := list.has("AUTOSELECT")
	a.Autoselect = automatic && list.yes("AUTOSELECT")
	if a.Default && automatic && !a.Autoselect {
		list.fail("DEFAULT=YES with AUTOSELECT=NO")
	}
	if list.has("CHANNELS") {
		text := list.quoted("CHANNELS")
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || !integerSyntax.MatchString(text) {
			list.fail("CHANNELS is not a count")
		}
		a.Channels = n
	}
	if a.Type == "SUBTITLES" && list.has("FORCED") {
		a.Forced = list.yes("FORCED")
	}
	if list.has("URI") {
		a.URI = list.address("URI")
	} else if !a.Default || a.Type == "SUBTITLES" {
		list.fail("no URI, and not the default sound")
	}
	return a, list.end()
}

func readVariant(l line) (*Variant, error) {
	var v Variant
	list := parseAttributes(l)
	v.Bandwidth = list.integer("BANDWIDTH")
	v.AverageBandwidth = list.integer("AVERAGE-BANDWIDTH")
	if v.AverageBandwidth < 1 || v.AverageBandwidth > v.Bandwidth {
		list.fail("AVERAGE-BANDWIDTH is 0 or above BANDWIDTH")
	}
	v.Codecs = strings.Split(list.quoted("CODECS"), ",")
	for i, c := range v.Codecs {
		if c == "" || strings.ContainsRune(c, ' ') || slices.Contains(v.Codecs[:i], c) {
			list.fail("CODECS has %q empty, spaced or twice", c)
		}
	}
	if list.has("RESOLUTION") {
		v.Width, v.Height = list.resolution("RESOLUTION")
	}
	if list.has("FRAME-RATE") {
		v.FrameRate = list.decimal("FRAME-RATE")
	}
	if list.has("AUDIO") {
		v.Audio = list.quoted("AUDIO")
	}
	if list.has("SUBTITLES") {
		v.Subtitles = list.quoted("SUBTITLES")
	}
	return &v, list.end()
}

// check finds what is wrong between lines.
func (m *Master) check() error {
	if len(m.Variants) == 0 {
		return errors.New("no variant")
	}
	type group struct{ kind, name string }
	groups := make(map[group]bool)
	for _, a := range m.Alternatives {
		groups[group{a.Type, a.Group}] = true
	}
	used, users := make(map[string]bool), make(map[group]int)
	for _, v := range m.Variants {
		for _, g := range []group{{"AUDIO", v.Audio}, {"SUBTITLES", v.Subtitles}} {
			if g.name != "" && !groups[g] {
				return fmt.Errorf("variant %s: no group %q of type %s", v.URI, g.name, g.kind)
			}
			users[g]++
		}
		if used[v.URI] {
			return fmt.Errorf("variant %s: listed twice", v.URI)
		}
		used[v.URI] = true
	}
	for _, a := range m.Alternatives {
		if n := users[group{a.Type, a.Group}]; n == 0 || n > 1 && a.URI == "" {
			return fmt.Errorf("group %q: %d variants use %q", a.Group, n, a.Name)
		}
	}
	return m.checkAlternatives()
}

// checkAlternatives applies RFC 8216, 4.3.4.1.1, to each group.
func (m *Master) checkAlternatives() error {
	type pair struct {
		group, text string
		forced      bool
	}
	names, automatic, defaults := make(map[pair]bool), make(map[pair]bool), make(map[string]bool)
	for _, a := range m.Alternatives {
		name, language := pair{a.Group, a.Name, false}, pair{a.Group, a.Language, a.Forced}
		switch {
		case names[name]:
			return fmt.Errorf("group %q: two alternatives named %q", a.Group, a.Name)
		case a.Autoselect && automatic[language]:
			return fmt.Errorf("group %q: two of language %q are selected automatically", a.Group, a.Language)
		case a.Default && defaults[a.Group]:
			return fmt.Errorf("group %q: two defaults", a.Group)
		}
		names[name] = true
		automatic[language] = automatic[language] || a.Autoselect
		defaults[a.Group] = defaults[a.Group] || a.Default
	}
	return nil
}

func readVersion(l line) (int, error) {
	version, err := strconv.Atoi(l.value)
	if err != nil || !integerSyntax.MatchString(l.value) || version < 7 || version > 13 {
		return 0, l.errorf("version %q, want 7 to 13", l.value)
	}
	return version, nil
}
