package hlscheck

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// attributes is an attribute list (RFC 8216, 4.2) whose values are taken out one by one, each with the type
// that its name demands. The first error is kept; what is left at the end is unknown.
type attributes struct {
	line   line
	values map[string]string // as written, quotes included
	err    error
}

var (
	nameSyntax    = regexp.MustCompile(`^[A-Z0-9-]+$`)
	integerSyntax = regexp.MustCompile(`^(0|[1-9][0-9]{0,18})$`)
	decimalSyntax = regexp.MustCompile(`^(0|[1-9][0-9]{0,9})(\.[0-9]{1,9})?$`)
)

func parseAttributes(l line) *attributes {
	a := &attributes{line: l, values: make(map[string]string)}
	rest := l.value
	for {
		name, value, after, err := nextAttribute(rest)
		if err != nil {
			a.fail("%w", err)
			return a
		}
		if _, twice := a.values[name]; twice {
			a.fail("second %s", name)
		}
		a.values[name] = value
		if after == "" {
			return a
		}
		if rest = strings.TrimPrefix(after, ","); rest == after {
			a.fail("no comma after %s", name)
			return a
		}
	}
}

// nextAttribute takes one NAME=value from the front of s.
func nextAttribute(s string) (name, value, rest string, err error) {
	name, rest, found := strings.Cut(s, "=")
	if !found || !nameSyntax.MatchString(name) {
		return "", "", "", fmt.Errorf("no attribute name at %q", s)
	}
	if strings.HasPrefix(rest, `"`) {
		end := strings.IndexByte(rest[1:], '"')
		if end < 0 {
			return "", "", "", fmt.Errorf("%s has no closing quote", name)
		}
		return name, rest[:end+2], rest[end+2:], nil
	}
	end := strings.IndexByte(rest, ',')
	if end < 0 {
		end = len(rest)
	}
	value, rest = rest[:end], rest[end:]
	if value == "" || strings.ContainsAny(value, "\" \t") {
		return "", "", "", fmt.Errorf("%s has no proper value", name)
	}
	return name, value, rest, nil
}

func (a *attributes) fail(format string, args ...any) {
	if a.err == nil {
		a.err = a.line.errorf(format, args...)
	}
}

func (a *attributes) has(name string) bool {
	_, has := a.values[name]
	return has
}

// take removes an attribute and returns its value as written; a missing one is an error.
func (a *attributes) take(name string) string {
	value, has := a.values[name]
	if !has {
		a.fail("no %s", name)
	}
	delete(a.values, name)
	return value
}

func (a *attributes) quoted(name string) string {
	value := a.take(name)
	if len(value) < 2 || value[0] != '"' {
		a.fail("%s is not a quoted string", name)
		return ""
	}
	if value == `""` {
		a.fail("%s is empty", name)
	}
	return value[1 : len(value)-1]
}

func (a *attributes) integer(name string) int64 {
	value := a.take(name)
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || !integerSyntax.MatchString(value) {
		a.fail("%s is not a decimal integer", name)
	}
	return n
}

func (a *attributes) decimal(name string) float64 {
	value := a.take(name)
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || !decimalSyntax.MatchString(value) {
		a.fail("%s is not a decimal number", name)
	}
	return n
}

// resolution reads two integers with an x between them.
func (a *attributes) resolution(name string) (width, height int) {
	value := a.take(name)
	w, h, _ := strings.Cut(value, "x")
	width, errW := strconv.Atoi(w)
	height, errH := strconv.Atoi(h)
	if errW != nil || errH != nil || fmt.Sprintf("%dx%d", width, height) != value || width < 1 || height < 1 {
		a.fail("%s is not a resolution", name)
	}
	return width, height
}

func (a *attributes) yes(name string) bool {
	value := a.take(name)
	if value != "YES" && value != "NO" {
		a.fail("%s is neither YES nor NO", name)
	}
	return value == "YES"
}

func (a *attributes) oneOf(name string, allowed ...string) string {
	value := a.take(name)
	for _, v := range allowed {
		if v == value {
			return value
		}
	}
	a.fail("%s is none of %v", name, allowed)
	return ""
}

func (a *attributes) address(name string) string {
	value := a.quoted(name)
	if err := checkAddress(a.line, value); a.err == nil {
		a.err = err
	}
	return value
}

// end returns the first error; what nobody took is one.
func (a *attributes) end() error {
	for name := range a.values {
		a.fail("unknown attribute %s", name)
	}
	return a.err
}
