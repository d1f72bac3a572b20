package httpapi_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shoal/internal/httpapi"
	"shoal/internal/library"
)

type document struct {
	Paths      map[string]map[string]json.RawMessage
	Components struct{ Schemas map[string]schema }
}

// schema is the part of JSON Schema that the document uses.
type schema struct {
	Ref        string `json:"$ref"`
	Type       any
	OneOf      []schema
	Items      *schema
	Properties map[string]schema
	Enum       []any
}

func (h *house) document() document {
	h.t.Helper()
	return decode[document](h.t, h.asks("GET", "/api/v1/openapi.json", "").Body)
}

func TestTheDocumentNamesExactlyTheRoutes(t *testing.T) {
	h := newHouse(t)
	type operation struct {
		ID        string `json:"operationId"`
		Security  []any
		Responses map[string]any
	}
	documented := make(map[string]operation)
	for path, item := range h.document().Paths {
		for method, raw := range item {
			if method != "parameters" {
				var op operation
				if err := json.Unmarshal(raw, &op); err != nil {
					t.Fatal(err)
				}
				documented[strings.ToUpper(method)+" "+path] = op
			}
		}
	}
	routes := h.Routes()
	ids := make(map[string]bool)
	for _, route := range routes {
		path := strings.NewReplacer("{$}", "", "...}", "}").Replace(route.Path)
		op, found := documented[route.Method+" "+path]
		if !found {
			t.Errorf("%s %s is not in the document", route.Method, path)
			continue
		}
		if op.ID == "" || ids[op.ID] {
			t.Errorf("%s %s: operation id %q", route.Method, path, op.ID)
		}
		ids[op.ID] = true
		if (len(op.Security) > 0) != (route.Rights == "admin") {
			t.Errorf("%s %s: security %v, rights %s", route.Method, path, op.Security, route.Rights)
		}
		if _, coming := op.Responses["501"]; coming == route.Built {
			t.Errorf("%s %s: the document says 501 %v", route.Method, path, coming)
		}
	}
	if len(documented) != len(routes) {
		t.Errorf("%d operations in the document, %d routes", len(documented), len(routes))
	}
}

func TestAnswersAreAsTheDocumentSays(t *testing.T) {
	cluster := newNodes(attic(), barn())
	cluster.members[1].Drain = &httpapi.Drain{Progress: 0.5}
	cluster.nearby = []httpapi.Nearby{{ID: "node-four", Name: "shed", Code: "K7QX"}}
	cluster.plan = httpapi.RepairPlan{Moves: []httpapi.Move{{From: nodeID, To: "node-two", Chunks: 3, Bytes: 300}}, Silent: []string{"node-three"}}
	h := newHouse(t, func(c *httpapi.Config) {
		c.Cluster = cluster
		c.Watched = func() *httpapi.Watched {
			return &httpapi.Watched{Dir: "/films", Warnings: []httpapi.Warning{{Code: "x", Message: "y"}}}
		}
	})
	doc := h.document()
	failed := h.accepted("failed.mp4")
	if err := h.library.Fail(t.Context(), failed, "not_a_video", "no"); err != nil {
		t.Fatal(err)
	}
	h.accepted("in work.mp4")
	if _, err := h.library.Receive("arriving.mp4", ""); err != nil {
		t.Fatal(err)
	}
	h.IssueKey()
	look := h.Watch()
	if err := cluster.Drain(t.Context(), "node-three"); err != nil {
		t.Fatal(err)
	}
	look()
	video := "/api/v1/videos/" + string(h.film.id)
	for _, c := range []struct{ method, path, body, schema string }{
		{"GET", "/api/v1/videos", "", "Videos"},
		{"GET", video, "", "Video"},
		{"GET", video + "/manifest", "", "Manifest"},
		{"GET", video + "/holders", "", "Holders"},
		{"POST", video + "/subtitles?filename=The.Last.Wave.en.vtt", subtitles, "AddedSubtitles"},
		{"GET", video + "/subtitles", "", "SubtitlesList"},
		{"GET", "/api/v1/watch", "", "Watched"},
		{"GET", "/api/v1/status", "", "Status"},
		{"GET", "/api/v1/nodes", "", "Nodes"},
		{"POST", "/api/v1/nodes/node-two/drain", `{"undo":true}`, "Node"},
		{"POST", "/api/v1/invites", `{"expires":60}`, "Link"},
		{"GET", "/api/v1/repair/plan", "", "Plan"},
		{"POST", "/api/v1/repair", "", "Repair"},
		{"GET", "/api/v1/events", "", "Events"},
		{"GET", "/api/v1/scrub", "", "Scrub"},
		{"POST", "/api/v1/scrub", "", "Scrub"},
		{"GET", "/api/v1/session", "", "Session"},
		{"GET", "/api/v1/tokens", "", "Tokens"},
		{"POST", "/api/v1/tokens", `{"role":"admin"}`, "Link"},
		{"GET", "/api/v1/videos/none", "", "Error"},
	} {
		var answer any
		w := h.adminAsks(c.method, c.path, c.body, "Accept", "application/json")
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		doc.compare(t, c.path, schema{Ref: "#/components/schemas/" + c.schema}, answer)
	}
}

// compare checks a value against a schema: types, words, and that it has exactly the properties.
func (d document) compare(t *testing.T, at string, s schema, value any) {
	t.Helper()
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		found, ok := d.Components.Schemas[name]
		if !ok {
			t.Fatalf("%s: no schema %s", at, name)
		}
		d.compare(t, at, found, value)
		return
	}
	if s.OneOf != nil {
		if value != nil {
			d.compare(t, at, s.OneOf[0], value)
		}
		return
	}
	if kind := kindOf(value); !slices.Contains(asList(s.Type), any(kind)) && (kind != "number" || !slices.Contains(asList(s.Type), any("integer"))) {
		t.Errorf("%s is %s, want %v", at, kind, s.Type)
	}
	if s.Enum != nil && !slices.Contains(s.Enum, value) {
		t.Errorf("%s is %v, want one of %v", at, value, s.Enum)
	}
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			d.compare(t, at+"[]", *s.Items, v)
		}
	case map[string]any:
		if diff := cmp.Diff(slices.Sorted(maps.Keys(s.Properties)), slices.Sorted(maps.Keys(value))); diff != "" {
			t.Errorf("%s: properties (-document +answer):\n%s", at, diff)
		}
		for name, v := range value {
			d.compare(t, at+"."+name, s.Properties[name], v)
		}
	}
}

func asList(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

func TestEveryCodeOfAnEventIsInTheDocument(t *testing.T) {
	var documented []string
	for _, code := range newHouse(t).document().Components.Schemas["Event"].Properties["code"].Enum {
		documented = append(documented, code.(string))
	}
	if diff := cmp.Diff(httpapi.EventCodes(), documented); diff != "" {
		t.Errorf("codes (-code +document):\n%s", diff)
	}
}

func TestStatesAndStagesInTheDocumentAreTheLibrarys(t *testing.T) {
	video := newHouse(t).document().Components.Schemas["Video"]
	for name, want := range map[string][]any{
		"state": {string(library.Receiving), string(library.Processing), string(library.Ready), string(library.Failed), string(library.Trashed)},
		"stage": {library.StageReceive, library.StageCheck, library.StagePrepare, library.StageCopy, library.StageDone},
	} {
		if diff := cmp.Diff(want, video.Properties[name].Enum); diff != "" {
			t.Errorf("%s (-library +document):\n%s", name, diff)
		}
	}
	want(t, newHouse(t).asks("GET", "/api/v1/openapi.json", ""), http.StatusOK)
}
