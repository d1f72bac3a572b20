package library

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxTitleRunes = 200
	maxNameRunes  = 255
	untitled      = "Untitled"
)

// hidden tells whether r breaks a line, does something to a terminal, or turns the text around it.
func hidden(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\ufeff':
		return true
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	}
	return false
}

// checkTitle returns the title that a person chose, without the spaces around it, or ErrTitle.
func checkTitle(title string) (string, error) {
	title = strings.TrimSpace(title)
	n := utf8.RuneCountInString(title)
	if n < 1 || n > maxTitleRunes || !utf8.ValidString(title) || strings.ContainsFunc(title, hidden) {
		return "", ErrTitle
	}
	return title, nil
}

// cleanName makes text to show of a file's name as a stranger sent it: the last element of a path, valid
// UTF-8, nothing hidden, at most maxNameRunes.
func cleanName(name string) string {
	name = strings.ToValidUTF8(name, "\ufffd")
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if hidden(r) {
			return -1
		}
		return r
	}, name)
	return firstRunes(strings.TrimSpace(name), maxNameRunes)
}

// titleFromName makes a title of a clean file name: "The.Last.Wave.mkv" is "The Last Wave".
func titleFromName(name string) string {
	title := strings.TrimSuffix(name, extension(name))
	if !strings.ContainsFunc(title, unicode.IsSpace) {
		title = strings.NewReplacer(".", " ", "_", " ").Replace(title)
	}
	title = strings.Join(strings.Fields(title), " ")
	if title == "" {
		return untitled
	}
	return strings.TrimSpace(firstRunes(title, maxTitleRunes))
}

// extension returns the end of name that tells a file's kind, with its dot: up to five letters and digits,
// at least one of them a letter, so that "Blade Runner 2.0" keeps its number.
func extension(name string) string {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || len(name)-dot > 6 {
		return ""
	}
	letters := 0
	for _, c := range []byte(name[dot+1:]) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			letters++
		case c < '0' || c > '9':
			return ""
		}
	}
	if letters == 0 {
		return ""
	}
	return name[dot:]
}

// firstRunes returns the first n runes of s, or all of them.
func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
