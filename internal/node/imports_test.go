package node_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	root     = "../.."
	document = root + "/docs/architecture.md"
	// forTests marks the packages in the table that no program imports.
	forTests = "*for tests*"
)

// listed is a package as `go list` tells it, with the names that the document uses.
type listed struct {
	name string
	// inside are imports of this module's packages, outside all others; those of tests are not among them.
	inside, outside []string
}

func TestTheTableOfImportsIsTrue(t *testing.T) {
	table := packageTable(t)
	packages := goList(t)
	got := map[string][]string{}
	for _, p := range packages {
		got[p.name] = p.inside
	}
	want := map[string][]string{}
	for name, row := range table {
		want[name] = row.imports
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/architecture.md and the imports differ (-document +code):\n%s", diff)
	}
}

func TestOnlyTestsImportWhatIsForTests(t *testing.T) {
	table := packageTable(t)
	for _, p := range goList(t) {
		for _, imported := range p.inside {
			if table[imported].forTests && !table[p.name].forTests {
				t.Errorf("%s imports %s, which is for tests", p.name, imported)
			}
		}
	}
}

func TestArrowsInThePictureGoDown(t *testing.T) {
	table := packageTable(t)
	rows := pictureRows(t, table)
	for name, row := range table {
		if _, ok := rows[name]; !ok && !row.forTests {
			t.Errorf("the picture lacks %s", name)
		}
	}
	for _, p := range goList(t) {
		for _, imported := range p.inside {
			from, drawn := rows[p.name]
			if to := rows[imported]; drawn && from >= to {
				t.Errorf("%s imports %s, which the picture does not show below it", p.name, imported)
			}
		}
	}
}

func TestWhatIsKeptInOnePlaceIsImportedOnlyThere(t *testing.T) {
	table, kept := packageTable(t), keptTable(t)
	used := map[string]map[string]bool{}
	for _, p := range goList(t) {
		if table[p.name].forTests {
			continue
		}
		for _, imported := range p.outside {
			for prefix, homes := range kept {
				if imported != prefix && !strings.HasPrefix(imported, prefix+"/") {
					continue
				}
				if !slices.Contains(homes, p.name) {
					t.Errorf("%s imports %s, which the document keeps to %v", p.name, imported, homes)
				}
				if used[prefix] == nil {
					used[prefix] = map[string]bool{}
				}
				used[prefix][p.name] = true
			}
		}
	}
	for prefix, homes := range kept {
		if got := slices.Sorted(maps.Keys(used[prefix])); !slices.Equal(got, homes) {
			t.Errorf("the document says that %v import %s; it is %v", homes, prefix, got)
		}
	}
}

// row is a line of the table of packages.
type row struct {
	imports  []string
	forTests bool
}

// packageTable reads the table under "Packages": name, what it is for, what it imports.
func packageTable(t *testing.T) map[string]row {
	t.Helper()
	table := map[string]row{}
	for _, cells := range tableUnder(t, "## Packages") {
		names := quoted(cells[0])
		if len(names) != 1 || len(cells) != 3 {
			t.Fatalf("a row of the table of packages is %q", cells)
		}
		table[names[0]] = row{imports: quoted(cells[2]), forTests: strings.Contains(cells[1], forTests)}
	}
	return table
}

// keptTable reads the table under "Kept in one place": an import, and the packages that may have it.
func keptTable(t *testing.T) map[string][]string {
	t.Helper()
	kept := map[string][]string{}
	for _, cells := range tableUnder(t, "## Kept in one place") {
		for _, name := range quoted(cells[0]) {
			kept[name] = quoted(cells[1])
		}
	}
	return kept
}

// pictureRows returns for every package the line of the first picture that names it.
func pictureRows(t *testing.T, table map[string]row) map[string]int {
	t.Helper()
	_, picture, found := strings.Cut(section(t, "## The picture"), "```text\n")
	picture, _, closed := strings.Cut(picture, "\n```")
	if !found || !closed {
		t.Fatal("docs/architecture.md has no picture")
	}
	rows := map[string]int{}
	word := regexp.MustCompile(`[a-z/]+`)
	for i, line := range strings.Split(picture, "\n") {
		for _, name := range word.FindAllString(line, -1) {
			if _, known := table[name]; !known {
				continue
			}
			if _, twice := rows[name]; twice {
				t.Fatalf("the picture names %s twice", name)
			}
			rows[name] = i
		}
	}
	return rows
}

// tableUnder returns the cells of the first table under a heading, without its two head lines.
func tableUnder(t *testing.T, heading string) [][]string {
	t.Helper()
	var cells [][]string
	for line := range strings.Lines(section(t, heading)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "|") {
			cells = append(cells, strings.Split(strings.Trim(line, "|"), "|"))
		}
	}
	if len(cells) < 3 {
		t.Fatalf("there is no table under %q", heading)
	}
	return cells[2:]
}

// section returns the text from a heading to the next one of its level.
func section(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n"+heading+"\n")
	if !found {
		t.Fatalf("docs/architecture.md has no %q", heading)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	return rest
}

// quoted returns what stands between back quotes in a cell, sorted.
func quoted(cell string) []string {
	names := []string{}
	for i, part := range strings.Split(cell, "`") {
		if i%2 == 1 {
			names = append(names, part)
		}
	}
	slices.Sort(names)
	return names
}

func goList(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./cmd/...", "./internal/...", "./test/...", "./web")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, sorted(p.ImportPath, p.Imports))
	}
}

func sorted(path string, imports []string) listed {
	p := listed{name: shortName(path), inside: []string{}}
	for _, imported := range imports {
		if strings.HasPrefix(imported, "shoal/") {
			p.inside = append(p.inside, shortName(imported))
		} else {
			p.outside = append(p.outside, imported)
		}
	}
	slices.Sort(p.inside)
	return p
}

// shortName is how the document calls a package: chunk, web, cmd/shoal.
func shortName(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, "shoal/"), "internal/")
}
