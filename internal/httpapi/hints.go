package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"shoal/internal/manifest"
)

// What the client's build calls its parts, in the list that it leaves in buildList.
const (
	buildList  = ".vite/manifest.json"
	entryPart  = "index.html"
	stylesPart = "style.css"
	startPart  = "src/ui/start.ts"
	playerPart = "src/player/player-view.tsx"
)

// hintBeginning names the playlists that every player of a video reads first, and what the page asks about it.
func hintBeginning(header http.Header, id manifest.VideoID, first []*manifest.Rendition) {
	paths := []string{hlsPath(id, "master.m3u8")}
	for _, r := range first {
		paths = append(paths, hlsPath(id, r.ID, manifest.MediaName))
	}
	for _, path := range append(paths, "/api/v1/videos/"+string(id)) {
		header.Add("Link", fmt.Sprintf("<%s>; rel=preload; as=fetch; crossorigin=anonymous", path))
	}
}

func hint(header http.Header, links []string) {
	for _, link := range links {
		header.Add("Link", link)
	}
}

// builtPart is a script or a style sheet in the list of the client's build.
type builtPart struct {
	File    string   `json:"file"`
	Imports []string `json:"imports"`
}

// pageHints are headers that name the files which every page needs, and those which the page of a video needs, in the
// order of their urgency: browsers have six connections, and those that come first get them. Pages that were not
// built have none.
func pageHints(files fs.FS) (every, watch []string, err error) {
	data, err := fs.ReadFile(files, buildList)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the list of the client's parts: %w", err)
	}
	var parts map[string]builtPart
	if err := json.Unmarshal(data, &parts); err != nil {
		return nil, nil, fmt.Errorf("read the list of the client's parts: %w", err)
	}
	for _, name := range []string{entryPart, stylesPart, startPart, playerPart} {
		if parts[name].File == "" {
			return nil, nil, fmt.Errorf("the list of the client's parts lacks %s", name)
		}
	}
	every = linksTo(parts, entryPart, stylesPart, startPart)
	watch = linksTo(parts, entryPart, stylesPart, playerPart, startPart)
	return every, watch, nil
}

// linksTo returns a header for each of the named parts and for what they import, none twice.
func linksTo(parts map[string]builtPart, names ...string) (links []string) {
	for len(names) > 0 {
		part := parts[names[0]]
		names = names[1:]
		if link := fileLink("/" + part.File); !slices.Contains(links, link) {
			links = append(links, link)
			names = append(slices.Clone(part.Imports), names...)
		}
	}
	return links
}

func fileLink(path string) string {
	if strings.HasSuffix(path, ".css") {
		return fmt.Sprintf("<%s>; rel=preload; as=style; crossorigin=anonymous", path)
	}
	return fmt.Sprintf("<%s>; rel=modulepreload", path)
}
