package web_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"shoal/web"
)

func TestFilesHasAPageWhetherOrNotTheClientIsBuilt(t *testing.T) {
	page, err := fs.ReadFile(web.Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "<title>Shoal</title>") {
		t.Errorf("index.html has no title:\n%s", page)
	}
}

func TestThePageHasOneScriptWhichWaitsForNothing(t *testing.T) {
	files := web.Files()
	if _, err := fs.Stat(files, "assets"); err != nil {
		t.Skip("the client is not built")
	}
	page, err := fs.ReadFile(files, "index.html")
	if err != nil {
		t.Fatal(err)
	}
	// The node puts the opening of a video before it.
	scripts := regexp.MustCompile(`<script [^>]*>`).FindAllString(string(page), -1)
	if len(scripts) != 1 || !strings.Contains(scripts[0], " async ") || !strings.Contains(scripts[0], ` type="module"`) {
		t.Errorf("the page has the scripts %q", scripts)
	}
}

func TestEveryAssetHasAHashInItsName(t *testing.T) {
	hashed := regexp.MustCompile(`-[\w-]{8}\.\w+$`)
	assets, err := fs.Glob(web.Files(), "assets/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range assets {
		if !hashed.MatchString(name) {
			t.Errorf("%s has no hash in its name, so it must not be cached for ever", name)
		}
	}
}

func TestThePageNamesOnlyFilesThatAreThere(t *testing.T) {
	files := web.Files()
	page, err := fs.ReadFile(files, "index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?:src|href)="/([^"]+)"`).FindAllStringSubmatch(string(page), -1) {
		if _, err := fs.Stat(files, match[1]); err != nil {
			t.Errorf("index.html names %s: %v", match[1], err)
		}
	}
}

func TestTheListOfPartsNamesFilesThatAreThere(t *testing.T) {
	files := web.Files()
	data, err := fs.ReadFile(files, ".vite/manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the client is not built")
	}
	if err != nil {
		t.Fatal(err)
	}
	var parts map[string]struct{ File string }
	if err := json.Unmarshal(data, &parts); err != nil {
		t.Fatal(err)
	}
	// What the node looks for when it starts.
	for _, name := range []string{"index.html", "style.css", "src/ui/start.ts", "src/player/player-view.tsx"} {
		if _, err := fs.Stat(files, parts[name].File); err != nil || parts[name].File == "" {
			t.Errorf("%s is built to %q: %v", name, parts[name].File, err)
		}
	}
}
