package manifest

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"shoal/internal/chunk"
)

// Names in playlists are relative: the multivariant playlist lies beside a folder for each rendition, which
// holds its media playlist, initialisation section and segments.
const (
	// MediaName is the file name of a rendition's media playlist.
	MediaName = "index.m3u8"

	// targetSeconds is what every media playlist declares, so that it is the same in every draft.
	targetSeconds = 8

	// A player fetches the rung that is listed first. At this rate a first segment of 1 s takes at most 0.3 s of a
	// 20 Mbit/s link; above it a smaller rung starts sooner, and the player climbs by itself.
	firstRungBitrate = 6_000_000

	audioGroup = "audio"
	textGroup  = "text"
)

// InitName returns the file name of a rendition's initialisation section.
func InitName(hash chunk.Ref) string { return "init-" + hash.String() + ".mp4" }

// SegmentName returns the file name of a segment of picture or sound.
func SegmentName(hash chunk.Ref) string { return hash.String() + ".m4s" }

// TextName returns the file name of a segment of text.
func TextName(hash chunk.Ref) string { return hash.String() + ".vtt" }

// Master returns the multivariant playlist (RFC 8216, 4.3.4) of a manifest that is Playable. Of a draft it
// lists the rungs that are complete, or else the first one that has begun: a rung that is made later
// is there at the next opening. Sound is listed as soon as it has begun.
func Master(m *Manifest) []byte {
	var out bytes.Buffer
	out.WriteString("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n")
	rungs, sound := m.variants()
	writeAlternatives(&out, sound, rungs)
	texts := m.begunOf(Text)
	writeTexts(&out, texts)
	for _, r := range rungs {
		writeVariant(&out, r, sound, len(texts) > 0)
	}
	return out.Bytes()
}

// First returns the renditions of a manifest that is Playable which a player opens first: the one that Master lists
// first, and the sound that plays beside it unless another is chosen.
func First(m *Manifest) []*Rendition {
	rungs, sound := m.variants()
	if len(sound) > 0 && rungs[0].Kind == Video {
		return []*Rendition{rungs[0], sound[preferred(sound)]}
	}
	return rungs[:1]
}

// variants returns what a player chooses from by bit rate, and the sound tracks to play with it.
func (m *Manifest) variants() (rungs, sound []*Rendition) {
	sound, rungs = m.begunOf(Audio), inOrder(listed(m.begunOf(Video)))
	if len(rungs) == 0 && len(sound) > 0 {
		// Tracks are no rungs to choose from by bit rate, so the preferred one is the only variant.
		rungs = sound[preferred(sound):][:1]
		if len(sound) == 1 {
			sound = nil
		}
	}
	return rungs, sound
}

// begunOf returns the renditions of a kind that have a segment, in the order of the manifest.
func (m *Manifest) begunOf(kind Kind) []*Rendition {
	var begun []*Rendition
	for i := range m.Renditions {
		if r := &m.Renditions[i]; r.Kind == kind && len(r.Segments) > 0 {
			begun = append(begun, r)
		}
	}
	return begun
}

// listed returns the rungs to offer: those that are complete, else the first one.
func listed(rungs []*Rendition) []*Rendition {
	complete := slices.DeleteFunc(slices.Clone(rungs), func(r *Rendition) bool { return !r.Complete })
	if len(complete) > 0 || len(rungs) == 0 {
		return complete
	}
	return rungs[:1]
}

// inOrder puts the best rung of a modest bit rate first, or the smallest one if none is modest; the others
// follow from the best to the smallest.
func inOrder(rungs []*Rendition) []*Rendition {
	if len(rungs) == 0 {
		return nil
	}
	average := func(r *Rendition) int64 { a, _ := r.Bitrate(); return a }
	sorted := slices.Clone(rungs)
	slices.SortStableFunc(sorted, func(a, b *Rendition) int { return cmp.Compare(average(b), average(a)) })
	first := slices.IndexFunc(sorted, func(r *Rendition) bool { return average(r) <= firstRungBitrate })
	if first < 0 {
		first = len(sorted) - 1
	}
	return slices.Insert(slices.Delete(slices.Clone(sorted), first, first+1), 0, sorted[first])
}

// writeVariant lists r with the sound tracks, and the texts if there are any, that one may choose from while it plays.
func writeVariant(out *bytes.Buffer, r *Rendition, sound []*Rendition, texts bool) {
	average, peak := rates(r, sound)
	codecs := []string{r.Codec}
	for _, s := range sound {
		if !slices.Contains(codecs, s.Codec) {
			codecs = append(codecs, s.Codec)
		}
	}
	fmt.Fprintf(out, `#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,CODECS="%s"`, peak, average, strings.Join(codecs, ","))
	if r.Width > 0 {
		fmt.Fprintf(out, ",RESOLUTION=%dx%d", r.Width, r.Height)
	}
	if r.FrameRate > 0 {
		fmt.Fprintf(out, ",FRAME-RATE=%.3f", r.FrameRate)
	}
	if len(sound) > 0 {
		fmt.Fprintf(out, `,AUDIO="%s"`, audioGroup)
	}
	if texts {
		fmt.Fprintf(out, `,SUBTITLES="%s"`, textGroup)
	}
	fmt.Fprintf(out, "\n%s/%s\n", r.ID, MediaName)
}

// rates returns the bit rates of r together with the greediest of the sound tracks, which play beside a
// picture but in the place of each other.
func rates(r *Rendition, sound []*Rendition) (average, peak int64) {
	for _, s := range sound {
		a, p := s.Bitrate()
		average, peak = max(average, a), max(peak, p)
	}
	a, p := r.Bitrate()
	if r.Kind == Audio {
		return max(average, a), max(peak, p)
	}
	return average + a, peak + p
}

// preferred returns the index of the track that plays unless another is chosen.
func preferred(sound []*Rendition) int {
	return max(0, slices.IndexFunc(sound, func(r *Rendition) bool { return r.Default }))
}

// writeAlternatives lists the sound tracks. Only the first of a language is chosen automatically: RFC 8216,
// 4.3.4.1.1, forbids two that differ in nothing but their name. A track that is a variant has no address here.
func writeAlternatives(out *bytes.Buffer, sound, variants []*Rendition) {
	if len(sound) == 0 {
		return
	}
	first := preferred(sound)
	languages := map[string]bool{sound[first].Language: true}
	names := make(map[string]bool)
	for i, r := range sound {
		fmt.Fprintf(out, `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="%s",NAME="%s"`, audioGroup, uniqueName(r, "Audio "+strconv.Itoa(i+1), names))
		if r.Language != "" {
			fmt.Fprintf(out, `,LANGUAGE="%s"`, r.Language)
		}
		automatic := i == first || !languages[r.Language]
		languages[r.Language] = true
		fmt.Fprintf(out, ",DEFAULT=%s,AUTOSELECT=%s", yes(i == first), yes(automatic))
		if r.Channels > 0 {
			fmt.Fprintf(out, `,CHANNELS="%d"`, r.Channels)
		}
		if !slices.Contains(variants, r) {
			fmt.Fprintf(out, `,URI="%s/%s"`, r.ID, MediaName)
		}
		out.WriteByte('\n')
	}
}

// writeTexts lists the texts. One of each language may be chosen automatically, a forced one besides.
func writeTexts(out *bytes.Buffer, texts []*Rendition) {
	type kind struct {
		language string
		forced   bool
	}
	seen, names := make(map[kind]bool), make(map[string]bool)
	for _, r := range texts {
		if r.Default {
			seen[kind{r.Language, r.Forced}] = true
		}
	}
	for i, r := range texts {
		fmt.Fprintf(out, `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="%s",NAME="%s"`, textGroup, uniqueName(r, "Text "+strconv.Itoa(i+1), names))
		if r.Language != "" {
			fmt.Fprintf(out, `,LANGUAGE="%s"`, r.Language)
		}
		k := kind{r.Language, r.Forced}
		automatic := r.Default || !seen[k]
		seen[k] = true
		fmt.Fprintf(out, ",DEFAULT=%s,AUTOSELECT=%s,FORCED=%s,URI=\"%s/%s\"\n", yes(r.Default), yes(automatic), yes(r.Forced), r.ID, MediaName)
	}
}

func yes(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}

// uniqueName returns what a person sees for a track, different from the names in taken; plain is for one that has
// neither name nor language.
func uniqueName(r *Rendition, plain string, taken map[string]bool) string {
	base := cmp.Or(quotable(r.Name), r.Language, plain)
	name := base
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s (%d)", base, n)
	}
	taken[name] = true
	return name
}

// quotable makes text fit for a quoted-string, which knows no escapes.
func quotable(text string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\ufeff':
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	return strings.Join(strings.Fields(clean), " ")
}

// Media returns the media playlist (RFC 8216, 4.3.3) of a rendition that has a segment. The lines of a segment
// are the same in every draft, so that a playlist grows only at its end.
func Media(r *Rendition) []byte {
	var out bytes.Buffer
	out.Grow(256 + len(r.Segments)*96)
	fmt.Fprintf(&out, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:0\n", r.targetDuration())
	if r.Complete {
		out.WriteString("#EXT-X-PLAYLIST-TYPE:VOD\n")
	} else {
		// Without a start a player takes the growing list for a live one and joins at its end.
		out.WriteString("#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-START:TIME-OFFSET=0\n")
	}
	if !r.Init.isZero() {
		fmt.Fprintf(&out, "#EXT-X-MAP:URI=\"%s\"\n", InitName(r.Init.Hash))
	}
	name := SegmentName
	if r.Kind == Text {
		name = TextName
	}
	for i := range r.Segments {
		length := r.listedLength(i)
		fmt.Fprintf(&out, "#EXTINF:%d.%06d,\n%s\n", length/time.Second, length%time.Second/time.Microsecond, name(r.Segments[i].Hash))
	}
	if r.Complete {
		out.WriteString("#EXT-X-ENDLIST\n")
	}
	return out.Bytes()
}

// listedLength returns the length of segment i in whole microseconds, counted from the end of the one before it,
// so that the lengths add up to the media's clock: rounding does not pile up and a gap is not lost. The first
// segment's begins at zero, since players line up renditions by their lists.
func (r *Rendition) listedLength(i int) time.Duration {
	from := uint64(0)
	if i > 0 {
		from = r.end(i)
	}
	return r.clock(r.end(i+1)).Round(time.Microsecond) - r.clock(from).Round(time.Microsecond)
}

// ListedEnd returns when segment i ends on the clock of the media playlist, which begins at zero.
func (r *Rendition) ListedEnd(i int) time.Duration {
	return r.clock(r.end(i + 1)).Round(time.Microsecond)
}

// targetDuration is the fixed one, or the longest segment where a source has a gap or a distant key frame.
func (r *Rendition) targetDuration() int {
	longest := 0.0
	for i := range r.Segments {
		longest = max(longest, math.Round(r.listedLength(i).Seconds()))
	}
	return max(targetSeconds, int(longest))
}
