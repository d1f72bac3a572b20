package ingest

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// NameParts is what the name of a sidecar says of it.
type NameParts struct {
	Language, Name string
	Forced         bool
}

// ReadSidecarName reads what people put between a film's name and the end of a sidecar's, such as "de" and "forced"
// in film.de.forced.srt. source is the film's file name; where the sidecar does not begin as it does, only
// the usual words at the end are read. What is no usual word becomes the name.
func ReadSidecarName(source, sidecar string) (found NameParts) {
	stem := strings.TrimSuffix(sidecar, path.Ext(sidecar))
	film := strings.TrimSuffix(source, path.Ext(source))
	rest, ours := stem, false
	if len(stem) >= len(film) && strings.EqualFold(stem[:len(film)], film) {
		rest, ours = stem[len(film):], true
	}
	words := strings.FieldsFunc(rest, func(r rune) bool { return r == '.' || r == ' ' || r == '[' || r == ']' || r == '(' || r == ')' })
	var name []string
	for i, word := range slices.Backward(words) {
		known := found.take(word, ours)
		if !known && !ours || !ours && i == 0 {
			break // the rest is the film's name in other words
		}
		if !known {
			name = append(name, strings.Trim(word, "_- "))
		}
	}
	slices.Reverse(name)
	found.Name = plainText(strings.TrimSpace(strings.Join(append(name, found.Name), " ")))
	return found
}

// take reads one word; any makes a language of any code, else it must be a usual one.
func (p *NameParts) take(word string, any bool) bool {
	lower := strings.ToLower(strings.Trim(word, "_- "))
	switch lower {
	case "":
		return true
	case "forced":
		p.Forced = true
		return true
	case "default", "sub", "subs", "subtitle", "subtitles":
		return true
	case "sdh", "cc":
		p.Name = "SDH"
		return true
	}
	language := languageOf(lower, any)
	switch {
	case language == "", p.Language != "" && p.Language != "hi":
		return false
	case p.Language == "hi": // "hi" is Hindi, and behind another language it means hearing impaired
		p.Name = "SDH"
	}
	p.Language = language
	return true
}

// codeSyntax matches what may be a language of two or three letters, with a script or a region behind it.
var codeSyntax = regexp.MustCompile(`^([a-z]{2,3})(?:[-_]([a-z]{2}|[a-z]{4}|[0-9]{3}))?$`)

func languageOf(word string, any bool) string {
	if tag := languageNames[word]; tag != "" {
		return tag
	}
	part := codeSyntax.FindStringSubmatch(word)
	if part == nil || languageTag(part[1]) == "" {
		return ""
	}
	if !any && !strings.Contains(usualCodes, " "+part[1]+" ") {
		return ""
	}
	switch tail := part[2]; len(tail) {
	case 0:
		return part[1]
	case 4:
		return part[1] + "-" + strings.ToUpper(tail[:1]) + tail[1:]
	default:
		return part[1] + "-" + strings.ToUpper(tail)
	}
}

// usualCodes are those that subtitles on the net have, and that are no words of film titles.
const usualCodes = " en eng de ger deu fr fre fra es spa it ita pt por nl dut nld pl pol cs cze ces sk slo slk sl slv hr hrv sr srp hu hun ro rum ron" +
	" bg bul ru rus uk ukr el gre ell tr tur ar ara he heb fa per fas zh chi zho ja jpn ko kor vi vie th tha id ind ms may msa sv swe no nor nb nob da dan fi fin" +
	" et est lv lav lt lit is ice isl ca cat eu baq eus gl glg "

// languageNames are English and own names of languages, as sidecars have them.
var languageNames = map[string]string{
	"english": "en", "german": "de", "deutsch": "de", "french": "fr", "français": "fr", "francais": "fr", "spanish": "es", "español": "es", "espanol": "es",
	"italian": "it", "italiano": "it", "portuguese": "pt", "português": "pt", "brazilian": "pt-BR", "dutch": "nl", "nederlands": "nl",
	"polish": "pl", "polski": "pl", "czech": "cs", "slovak": "sk", "hungarian": "hu", "romanian": "ro", "bulgarian": "bg", "croatian": "hr", "serbian": "sr", "slovenian": "sl",
	"russian": "ru", "ukrainian": "uk", "greek": "el", "turkish": "tr", "türkçe": "tr", "arabic": "ar", "hebrew": "he", "persian": "fa", "hindi": "hi",
	"chinese": "zh", "japanese": "ja", "korean": "ko", "vietnamese": "vi", "thai": "th", "indonesian": "id",
	"swedish": "sv", "svenska": "sv", "norwegian": "no", "danish": "da", "finnish": "fi", "catalan": "ca",
}
