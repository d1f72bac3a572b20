package httpapi_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// exchange is a request of a script and what its answer must be; see testdata/scripts/README.txt.
type exchange struct {
	line    int
	request string
	headers []string
	body    string
	status  int
	answer  []string // headers
	content []string
	empty   bool
	keep    [][2]string // variable, header
}

func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txt")
	if err != nil || len(files) < 2 {
		t.Fatalf("scripts: %v, %v", files, err)
	}
	for _, file := range files {
		if filepath.Base(file) == "README.txt" {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			h := newHouse(t)
			url := h.serve()
			known := h.variables()
			exchanges := parseScript(t, string(text))
			if len(exchanges) == 0 {
				t.Fatal("the script says nothing")
			}
			for _, e := range exchanges {
				e.run(t, dial(t, url), known)
			}
		})
	}
}

func (h *house) variables() map[string]string {
	return map[string]string{
		"TOKEN": token, "ID": string(h.film.id), "SEGMENT": h.film.hash.String(), "INIT": h.film.init.String(),
		"POSTER": h.film.poster.String(), "SIZE": strconv.Itoa(len(h.film.segment)), "OTHER": strings.Repeat("a", 26),
	}
}

func parseScript(t *testing.T, text string) []*exchange {
	t.Helper()
	var all []*exchange
	var e *exchange
	answered := true
	for i, line := range strings.Split(text, "\n") {
		mark, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || mark == "#":
		case mark == ">" && answered:
			e, answered = &exchange{line: i + 1, request: rest}, false
			all = append(all, e)
		case mark == ">":
			e.headers = append(e.headers, rest)
		case mark == ">>":
			e.body += rest
		case mark == "<" && !answered:
			answered = true
			e.status, _ = strconv.Atoi(rest)
		case mark == "<":
			e.answer = append(e.answer, rest)
		case mark == "<<":
			e.content = append(e.content, rest)
		case mark == "<<!":
			e.empty = true
		case mark == "=":
			name, header, _ := strings.Cut(rest, " ")
			e.keep = append(e.keep, [2]string{name, header})
		default:
			t.Fatalf("line %d: %q", i+1, line)
		}
	}
	return all
}

func (e *exchange) run(t *testing.T, c *client, known map[string]string) {
	t.Helper()
	fill := func(s string) string { return os.Expand(s, func(name string) string { return known[name] }) }
	var headers []string
	for _, header := range e.headers {
		headers = append(headers, fill(header))
	}
	body := fill(e.body)
	if body != "" {
		headers = append(headers, "Content-Length: "+strconv.Itoa(len(body)))
	}
	c.says(fill(e.request), headers...)
	c.sends(body)
	method, _, _ := strings.Cut(e.request, " ")
	answer, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("line %d: read answer: %v", e.line, err)
	}
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("line %d: read body: %v", e.line, err)
	}
	if answer.StatusCode != e.status {
		t.Errorf("line %d: %s: status %d, want %d\n%.500s", e.line, e.request, answer.StatusCode, e.status, got)
	}
	for _, header := range e.answer {
		if problem := compareHeader(answer.Header, fill(header)); problem != "" {
			t.Errorf("line %d: %s: %s", e.line, e.request, problem)
		}
	}
	for _, content := range e.content {
		if !strings.Contains(string(got), fill(content)) {
			t.Errorf("line %d: %s: the body lacks %q:\n%.500s", e.line, e.request, fill(content), got)
		}
	}
	if e.empty && len(got) > 0 {
		t.Errorf("line %d: %s: the body has %d bytes, want none", e.line, e.request, len(got))
	}
	for _, keep := range e.keep {
		known[keep[0]], _, _ = strings.Cut(answer.Header.Get(keep[1]), ";")
	}
}

// compareHeader tells what is wrong with a header, "" for nothing.
func compareHeader(got http.Header, want string) string {
	if name, absent := strings.CutPrefix(want, "!"); absent {
		if got.Get(name) != "" {
			return name + " is " + got.Get(name)
		}
		return ""
	}
	name, value, _ := strings.Cut(want, ": ")
	part, partly := strings.CutPrefix(value, "~")
	if partly && strings.Contains(got.Get(name), part) || got.Get(name) == value {
		return ""
	}
	return name + " is " + strconv.Quote(got.Get(name)) + ", want " + strconv.Quote(value)
}
