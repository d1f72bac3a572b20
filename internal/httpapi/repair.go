package httpapi

import (
	"cmp"
	"net/http"
	"time"
)

// jsonRepair says how far the chunks are from their number of copies.
type jsonRepair struct {
	State        RepairState `json:"state"`
	QueuedChunks int64       `json:"queued_chunks"`
	BytesLeft    int64       `json:"bytes_left"`
	ETASeconds   float64     `json:"eta_seconds"`
	UnderCopied  int64       `json:"under_copied"`
	Begins       *time.Time  `json:"begins"`
}

func toJSONRepair(r Repair) jsonRepair {
	return jsonRepair{
		State: cmp.Or(r.State, RepairIdle), QueuedChunks: r.QueuedChunks, BytesLeft: r.BytesLeft, ETASeconds: r.ETA.Seconds(),
		UnderCopied: r.UnderCopied, Begins: known(r.Begins),
	}
}

// jsonPlan is what a repair would do. Nodes are named by their ids.
type jsonPlan struct {
	Chunks        int64      `json:"chunks"`
	Bytes         int64      `json:"bytes"`
	Moves         []jsonMove `json:"moves"`
	SurplusChunks int64      `json:"surplus_chunks"`
	SurplusBytes  int64      `json:"surplus_bytes"`
	LostChunks    int64      `json:"lost_chunks"`
	Silent        []string   `json:"silent"`
}

type jsonMove struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Chunks int64  `json:"chunks"`
	Bytes  int64  `json:"bytes"`
}

func (h *Handler) planRepair(w *response, r *http.Request) error {
	plan, err := h.cfg.Cluster.RepairPlan(r.Context())
	if err != nil {
		return err
	}
	out := jsonPlan{
		Moves: []jsonMove{}, SurplusChunks: plan.SurplusChunks, SurplusBytes: plan.SurplusBytes,
		LostChunks: plan.LostChunks, Silent: append([]string{}, plan.Silent...),
	}
	for _, m := range plan.Moves {
		out.Moves = append(out.Moves, jsonMove(m))
		out.Chunks += m.Chunks
		out.Bytes += m.Bytes
	}
	return h.answer(w, http.StatusOK, out)
}

func (h *Handler) startRepair(w *response, r *http.Request) error {
	if err := h.cfg.Cluster.RepairNow(r.Context()); err != nil {
		return err
	}
	return h.answer(w, http.StatusAccepted, toJSONRepair(h.cfg.Cluster.Repair()))
}
