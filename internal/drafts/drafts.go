// Package drafts tells nodes how far the videos are that other nodes prepare: a Client asks the node that prepares one, a Server
// answers for the library of this one. What is stored of a video every node knows; only this is known to one.
//
// How streams to other nodes come about is left to who hands them in.
package drafts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"shoal/internal/cache"
	"shoal/internal/library"
	"shoal/internal/manifest"
	"shoal/internal/placement"
)

// Protocol names what is spoken on a stream.
const Protocol = "/shoal/video/1"

const (
	// patience is how long one side waits for the other to say or take something.
	patience = 10 * time.Second
	// maxServed is how many streams are answered at the same time.
	maxServed = 64
	// encodedBytes bounds the drafts that are kept as they are sent: many nodes ask for the same.
	encodedBytes = 16 << 20
)

// ErrUnknown says that the asked node does not prepare the video, or not any more.
var ErrUnknown = errors.New("the node does not prepare that video")

// Dial opens a stream to a node; ctx bounds the opening only.
type Dial func(ctx context.Context, to placement.NodeID, protocol string) (net.Conn, error)

// Client asks other nodes. Its methods may be called from many goroutines at once.
type Client struct{ dial Dial }

// NewClient returns a Client that reaches nodes by dial.
func NewClient(dial Dial) *Client { return &Client{dial} }

// Draft implements library.Remote. It gives up when ctx ends. Errors: ErrUnknown, ErrRefused, and those of the stream.
func (c *Client) Draft(ctx context.Context, node string, id manifest.VideoID, known uint64) (library.Draft, error) {
	d, err := c.ask(ctx, placement.NodeID(node), wireAsk{string(id), known})
	if err != nil {
		return library.Draft{}, fmt.Errorf("ask node %s about video %s: %w", node, id, err)
	}
	return d, nil
}

func (c *Client) ask(ctx context.Context, node placement.NodeID, question wireAsk) (library.Draft, error) {
	conn, err := c.dial(ctx, node, Protocol)
	if err != nil {
		return library.Draft{}, err
	}
	defer conn.Close()
	defer bound(ctx, conn)()
	if err := send(conn, question, nil); err != nil {
		return library.Draft{}, err
	}
	var answer wireAnswer
	if err := receive(conn, &answer); err != nil {
		return library.Draft{}, err
	}
	if answer.Unknown {
		return library.Draft{}, ErrUnknown
	}
	d, err := answer.draft()
	if err == nil && answer.Size != 0 {
		d.Manifest, err = receiveManifest(conn, answer.Size)
	}
	return d, err
}

// bound has reads and writes of conn fail when ctx ends, and after patience at the latest. Call stop when they are over.
func bound(ctx context.Context, conn net.Conn) (stop func()) {
	deadline := time.Now().Add(patience)
	if at, set := ctx.Deadline(); set && at.Before(deadline) {
		deadline = at
	}
	_ = conn.SetDeadline(deadline)
	ended := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return func() { ended() }
}

// Library is what a Server answers for, as library.Library has it.
type Library interface {
	Preparing(id manifest.VideoID, known uint64) (library.Draft, error)
}

// Server answers other nodes. Its methods may be called from many goroutines at once.
type Server struct {
	library Library
	log     *slog.Logger
	// serving has a value for each stream that is answered.
	serving chan struct{}
	encoded *cache.Cache[draftName, []byte]
}

// draftName names a draft.
type draftName struct {
	id      manifest.VideoID
	version uint64
}

// NewServer returns a Server for a library. Log is told of what cannot be sent; nil for nowhere.
func NewServer(l Library, log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{library: l, log: log, serving: make(chan struct{}, maxServed), encoded: cache.New[draftName, []byte](encodedBytes)}
}

// Serve answers the question that comes on conn, from a node, and returns; the caller closes conn. Who asks while too many are
// answered gets nothing, and asks again. It returns early when ctx ends.
func (s *Server) Serve(ctx context.Context, from placement.NodeID, conn net.Conn) {
	select {
	case s.serving <- struct{}{}:
		defer func() { <-s.serving }()
	default:
		return
	}
	defer bound(ctx, conn)()
	if err := s.answer(ctx, conn); err != nil && ctx.Err() == nil {
		s.log.Debug("question about a video was not answered", "node", from, "err", err)
	}
}

func (s *Server) answer(ctx context.Context, conn net.Conn) error {
	var question wireAsk
	if err := receive(conn, &question); err != nil {
		return fmt.Errorf("receive question: %w", err)
	}
	answer, text := s.find(ctx, manifest.VideoID(question.ID), question.Known)
	if err := send(conn, answer, text); err != nil {
		return fmt.Errorf("send answer: %w", err)
	}
	return nil
}

// find looks up the answer to a question, and the manifest that goes with it.
func (s *Server) find(ctx context.Context, id manifest.VideoID, known uint64) (wireAnswer, []byte) {
	d, err := s.library.Preparing(id, known)
	if err != nil {
		return wireAnswer{Unknown: true}, nil
	}
	answer := wireAnswer{
		State: string(d.State), Stage: d.Stage, Progress: d.Progress, Duration: d.Duration,
		Playable: d.Playable, Version: d.Version,
	}
	if d.Manifest == nil {
		return answer, nil
	}
	text, err := s.encode(ctx, draftName{id, d.Version}, d.Manifest)
	if err != nil {
		// The rest is true all the same, and the asker keeps the draft that it has.
		s.log.Error("draft cannot be sent to other nodes", "video", id, "err", err)
		answer.Version = known
		return answer, nil
	}
	answer.Size = int64(len(text))
	return answer, text
}

func (s *Server) encode(ctx context.Context, name draftName, m *manifest.Manifest) ([]byte, error) {
	return s.encoded.Get(ctx, name, func(context.Context) ([]byte, int64, error) {
		text, err := m.Encode()
		return text, int64(len(text)), err
	})
}
