package httpapi

import "net/http"

// rights says what a request must show to be let through to a route.
type rights int

const (
	// open routes ask nothing of anybody.
	open rights = iota
	// reader routes show the library. Reading needs nothing, but a wrong token is told so.
	reader
	// admin routes change something or show secrets.
	admin
)

// route is one line of the table. A handler that answers an error has written nothing yet.
type route struct {
	method, path string
	rights       rights
	// counted is the kind under which the bytes of the answer are counted, "" for not at all.
	counted kind
	serve   func(w *response, r *http.Request) error
}

// routes is the whole interface of the node.
func (h *Handler) routes() []route {
	return append(h.builtRoutes(), h.comingRoutes()...)
}

func (h *Handler) builtRoutes() []route {
	return []route{
		{"GET", "/api/v1/videos", reader, "", h.listVideos},
		{"POST", "/api/v1/videos", admin, "", h.addVideo},
		{"OPTIONS", uploadsPath, open, "", h.tusRoute(h.tus.PostFile)},
		{"POST", uploadsPath, admin, "", h.tusRoute(h.tus.PostFile)},
		{"HEAD", uploadsPath + "/{id}", admin, "", h.tusRoute(h.tus.HeadFile)},
		{"PATCH", uploadsPath + "/{id}", admin, "", h.tusRoute(h.tus.PatchFile)},
		{"DELETE", uploadsPath + "/{id}", admin, "", h.tusRoute(h.tus.DelFile)},
		{"GET", "/api/v1/videos/{id}", reader, "", h.getVideo},
		{"PATCH", "/api/v1/videos/{id}", admin, "", h.patchVideo},
		{"DELETE", "/api/v1/videos/{id}", admin, "", h.deleteVideo},
		{"POST", "/api/v1/videos/{id}/restore", admin, "", h.restoreVideo},
		{"POST", "/api/v1/videos/{id}/retry", admin, "", h.retryVideo},
		{"POST", "/api/v1/videos/{id}/cancel", admin, "", h.cancelVideo},
		{"GET", "/api/v1/videos/{id}/manifest", reader, "", h.getManifest},
		{"GET", "/api/v1/videos/{id}/holders", reader, "", h.getHolders},
		{"GET", "/api/v1/videos/{id}/subtitles", reader, "", h.listSubtitles},
		{"POST", "/api/v1/videos/{id}/subtitles", admin, "", h.addSubtitles},
		{"DELETE", "/api/v1/videos/{id}/subtitles/{rendition}", admin, "", h.removeSubtitles},
		{"GET", "/api/v1/status", reader, "", h.getStatus},
		{"GET", "/api/v1/watch", admin, "", h.getWatched},
		{"GET", "/api/v1/nodes", reader, "", h.listNodes},
		{"DELETE", "/api/v1/nodes/{id}", admin, "", h.removeNode},
		{"POST", "/api/v1/nodes/{id}/approve", admin, "", h.approveNode},
		{"POST", "/api/v1/nodes/{id}/drain", admin, "", h.drainNode},
		{"POST", "/api/v1/invites", admin, "", h.makeInvite},
		{"GET", "/api/v1/repair/plan", admin, "", h.planRepair},
		{"POST", "/api/v1/repair", admin, "", h.startRepair},
		{"GET", "/api/v1/events", reader, "", h.getEvents},
		{"GET", "/api/v1/session", reader, "", h.getSession},
		{"POST", "/api/v1/session", open, "", h.signIn},
		{"DELETE", "/api/v1/session", open, "", h.signOut},
		{"GET", "/api/v1/tokens", admin, "", h.listTokens},
		{"POST", "/api/v1/tokens", admin, "", h.makeToken},
		{"DELETE", "/api/v1/tokens", admin, "", h.revokeTokens},
		{"GET", "/api/v1/scrub", reader, "", h.getScrub},
		{"POST", "/api/v1/scrub", admin, "", h.startScrub},
		{"GET", "/api/v1/backup", admin, "", h.getBackup},
		{"GET", "/api/v1/openapi.json", open, "", h.getOpenAPI},
		{"GET", "/api/v1/swarm", reader, "", h.getSwarm},

		{"GET", "/hls/{id}/master.m3u8", reader, kindPage, h.getMaster},
		{"GET", "/hls/{id}/{rendition}/index.m3u8", reader, kindPage, h.getMedia},
		{"GET", "/hls/{id}/{rendition}/{file}", reader, kindSegment, h.getSegment},
		{"GET", "/hls/{id}/storyboard.vtt", reader, kindPage, h.getStoryboard},
		{"GET", "/hls/{id}/{file}", reader, kindPage, h.getPicture},

		{"GET", "/stream/{file}", reader, kindProgressive, h.getMovie},

		{"GET", "/chunks/{sha256}", reader, kindChunk, h.getChunk},

		{"GET", "/healthz", open, "", h.getHealth},
		{"GET", "/readyz", open, "", h.getReady},
		{"GET", "/metrics", open, "", h.getMetrics},

		{"GET", "/{$}", open, kindPage, h.getIndex},
		{"GET", "/watch/{id}", open, kindPage, h.getWatch},
		{"GET", "/add", open, kindPage, h.getIndex},
		{"GET", "/network", open, kindPage, h.getIndex},
		{"GET", "/settings", open, kindPage, h.getIndex},
		{"GET", "/trash", open, kindPage, h.getIndex},
		{"GET", "/assets/{file...}", open, kindPage, h.getAsset},
		{"GET", "/{file}", open, kindPage, h.getAsset},
	}
}

// comingRoutes are promised and not there yet; they say so to everybody and do nothing.
func (h *Handler) comingRoutes() []route {
	var coming []route
	for _, at := range [][2]string{
		{"POST", "/api/v1/backup"},
	} {
		coming = append(coming, route{at[0], at[1], open, "", notAvailableYet})
	}
	return coming
}

// gate is what stands in front of a route: the rights, the count of its bytes, the answer to its errors.
func (h *Handler) gate(rt route) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w := rw.(*response) // made by ServeHTTP, the only way to here
		w.counter = h.metrics.origin[rt.counted]
		err := h.admit(rt, r)
		if err == nil {
			err = rt.serve(w, r)
		}
		if err != nil {
			h.fail(w, r, err)
		}
	})
}
