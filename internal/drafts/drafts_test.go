package drafts_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"shoal/internal/chunk"
	"shoal/internal/drafts"
	"shoal/internal/library"
	"shoal/internal/manifest"
	"shoal/internal/placement"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const id = manifest.VideoID("aaaaaaaaaaaaaaaaaaaaaaaaaa")

// What meets in a node fits together.
var (
	_ library.Remote = (*drafts.Client)(nil)
	_ drafts.Library = (*library.Library)(nil)
)

// studio is a library with one video that is prepared.
type studio struct {
	mu    sync.Mutex
	draft library.Draft // guarded by mu
}

func (s *studio) Preparing(asked manifest.VideoID, known uint64) (library.Draft, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if asked != id {
		return library.Draft{}, library.ErrNotFound
	}
	d := s.draft
	if d.Version == known {
		d.Manifest = nil
	}
	return d, nil
}

// network connects clients to whatever answers at the other end of a pipe.
type network struct {
	serve func(net.Conn)
	open  sync.WaitGroup
}

func (n *network) dial(ctx context.Context, to placement.NodeID, protocol string) (net.Conn, error) {
	if to != "ben" || protocol != drafts.Protocol {
		return nil, errors.New("no such node")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	one, other := net.Pipe()
	n.open.Go(func() {
		defer other.Close()
		n.serve(other)
	})
	return one, nil
}

func draftOf(segments int) library.Draft {
	blob := func(b byte) manifest.Blob {
		info := chunk.Info{Ref: chunk.Sum([]byte{b}), Size: 1000}
		return manifest.Blob{Hash: info.Ref, Size: 1000, Chunks: []chunk.Info{info}}
	}
	m := &manifest.Manifest{
		Version: manifest.Version, Duration: time.Minute,
		Renditions: []manifest.Rendition{{
			ID: "v0", Kind: manifest.Video, Codec: "avc1.64001f", Width: 1280, Height: 720, FrameRate: 25,
			Source: true, TrackID: 1, Timescale: 1000, Init: blob(0),
		}},
	}
	for i := range segments {
		s := manifest.Segment{Blob: blob(byte(1 + i)), Start: uint64(i) * 1000, Duration: 1000}
		m.Renditions[0].Segments = append(m.Renditions[0].Segments, s)
	}
	return library.Draft{
		State: library.Processing, Stage: library.StagePrepare, Progress: 0.25, Duration: time.Minute,
		Playable: segments > 0, Version: uint64(segments) + 7, Manifest: m,
	}
}

func TestAnotherNodesDraftIsToldAsItIs(t *testing.T) {
	s := &studio{draft: draftOf(3)}
	server := drafts.NewServer(s, nil)
	n := &network{serve: func(conn net.Conn) { server.Serve(t.Context(), "ann", conn) }}
	client := drafts.NewClient(n.dial)
	for range 2 {
		got, err := client.Draft(t.Context(), "ben", id, 0)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s.draft, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	got, err := client.Draft(t.Context(), "ben", id, s.draft.Version)
	if err != nil || got.Manifest != nil || got.Version != s.draft.Version || got.Progress != 0.25 {
		t.Errorf("who has it gets %+v, %v", got, err)
	}
	s.mu.Lock()
	s.draft = draftOf(4)
	s.mu.Unlock()
	if got, err = client.Draft(t.Context(), "ben", id, got.Version); err != nil || len(got.Manifest.Renditions[0].Segments) != 4 {
		t.Errorf("who has an old one gets %+v, %v", got, err)
	}
	if _, err := client.Draft(t.Context(), "ben", "bbbbbbbbbbbbbbbbbbbbbbbbbb", 0); !errors.Is(err, drafts.ErrUnknown) {
		t.Errorf("of another video: %v, want ErrUnknown", err)
	}
	if _, err := client.Draft(t.Context(), "cyd", id, 0); err == nil {
		t.Error("a node that is not there answered")
	}
	n.open.Wait()
}

func TestADraftThatCannotBeSentLeavesTheRest(t *testing.T) {
	s := &studio{draft: draftOf(3)}
	s.draft.Manifest.Version = 99
	server := drafts.NewServer(s, nil)
	n := &network{serve: func(conn net.Conn) { server.Serve(t.Context(), "ann", conn) }}
	got, err := drafts.NewClient(n.dial).Draft(t.Context(), "ben", id, 5)
	if err != nil || got.Manifest != nil || got.Progress != 0.25 || got.Version != 5 {
		t.Errorf("%+v, %v", got, err)
	}
	n.open.Wait()
}

func TestASilentNodeIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{serve: func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }}
		client := drafts.NewClient(n.dial)
		begun := time.Now()
		short, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := client.Draft(short, "ben", id, 0); err == nil || time.Since(begun) != 2*time.Second {
			t.Errorf("%v after %s, want an error after the asker's two seconds", err, time.Since(begun))
		}
		if _, err := client.Draft(t.Context(), "ben", id, 0); err == nil || time.Since(begun) != 12*time.Second {
			t.Errorf("%v after %s, want an error after ten seconds more", err, time.Since(begun))
		}
		ctx, stop := context.WithCancel(t.Context())
		var asking sync.WaitGroup
		asking.Go(func() {
			if _, err := client.Draft(ctx, "ben", id, 0); err == nil {
				t.Error("no error")
			}
		})
		synctest.Wait()
		stop()
		asking.Wait()
		if time.Since(begun) != 12*time.Second {
			t.Error("an asker who gave up was held")
		}
		n.open.Wait()
	})
}

func TestASilentAskerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := drafts.NewServer(&studio{draft: draftOf(3)}, nil)
		begun := time.Now()
		one, other := net.Pipe()
		defer one.Close()
		server.Serve(t.Context(), "ann", other)
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("it took %s", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		three, four := net.Pipe()
		defer three.Close()
		var serving sync.WaitGroup
		serving.Go(func() { server.Serve(ctx, "ann", four) })
		synctest.Wait()
		cancel()
		serving.Wait()
		if took := time.Since(begun); took != 10*time.Second {
			t.Error("the end of the node was held up")
		}
	})
}

func TestTooManyAskersGetNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := drafts.NewServer(&studio{draft: draftOf(3)}, nil)
		var serving sync.WaitGroup
		var conns []net.Conn
		for range 64 {
			one, other := net.Pipe()
			conns = append(conns, one)
			serving.Go(func() { server.Serve(t.Context(), "ann", other) })
		}
		synctest.Wait()
		begun := time.Now()
		one, other := net.Pipe()
		server.Serve(t.Context(), "ann", other)
		if time.Since(begun) != 0 {
			t.Error("the 65th was waited for")
		}
		for _, conn := range append(conns, one) {
			conn.Close()
		}
		serving.Wait()
	})
}

func framed(v any) []byte {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	text, err := mode.Marshal(v)
	if err != nil {
		panic(err)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

func answerWith(change func(map[int]any)) []byte {
	a := map[int]any{1: false, 2: "processing", 3: "prepare", 4: 0.5, 5: int64(1), 6: true, 7: uint64(1), 8: int64(0)}
	change(a)
	return framed(a)
}

func TestAnswersThatMakeNoSenseAreRefused(t *testing.T) {
	good := answerWith(func(map[int]any) {})
	for name, answer := range map[string][]byte{
		"nothing":           {},
		"half":              good[:len(good)-1],
		"a huge frame":      {0xff, 0xff, 0xff, 0xff},
		"a huge manifest":   answerWith(func(a map[int]any) { a[8] = int64(manifest.MaxEncoded + 1) }),
		"a negative one":    answerWith(func(a map[int]any) { a[8] = int64(-1) }),
		"one without bytes": answerWith(func(a map[int]any) { a[8] = int64(9) }),
		"no manifest":       append(answerWith(func(a map[int]any) { a[8] = int64(3) }), "abc"...),
		"no version":        answerWith(func(a map[int]any) { a[7], a[8] = uint64(0), int64(3) }),
		"another state":     answerWith(func(a map[int]any) { a[2] = "merry" }),
		"another stage":     answerWith(func(a map[int]any) { a[3] = "" }),
		"much progress":     answerWith(func(a map[int]any) { a[4] = 1.5 }),
		"negative length":   answerWith(func(a map[int]any) { a[5] = int64(-1) }),
		"a surprise":        answerWith(func(a map[int]any) { a[9] = 1 }),
		"no map":            framed("processing"),
		"another float":     {0, 0, 0, 11, 0xa1, 4, 0xfb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0},
	} {
		n := &network{serve: func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 512))
			_, _ = conn.Write(answer)
		}}
		if d, err := drafts.NewClient(n.dial).Draft(t.Context(), "ben", id, 0); err == nil {
			t.Errorf("%s: %+v", name, d)
		}
		n.open.Wait()
	}
}

func FuzzClientTakesNoNonsense(f *testing.F) {
	f.Add(answerWith(func(map[int]any) {}))
	d := draftOf(2)
	text, err := d.Manifest.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(answerWith(func(a map[int]any) { a[8] = int64(len(text)) }), text...))
	f.Fuzz(func(t *testing.T, answer []byte) {
		n := &network{serve: func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 512))
			_, _ = conn.Write(answer)
		}}
		d, err := drafts.NewClient(n.dial).Draft(t.Context(), "ben", id, 0)
		if err == nil && (!(d.Progress >= 0 && d.Progress <= 1) || d.Duration < 0 || d.Manifest != nil && d.Manifest.Validate() != nil) {
			t.Errorf("%+v", d)
		}
		n.open.Wait()
	})
}

func FuzzServerAnswersOrNot(f *testing.F) {
	f.Add(framed(map[int]any{1: string(id), 2: uint64(3)}))
	f.Add([]byte{0, 0, 0, 1, 0xa0})
	server := drafts.NewServer(&studio{draft: draftOf(3)}, nil)
	f.Fuzz(func(t *testing.T, question []byte) {
		one, other := net.Pipe()
		var serving sync.WaitGroup
		serving.Go(func() {
			defer other.Close()
			server.Serve(t.Context(), "ann", other)
		})
		serving.Go(func() { _, _ = io.Copy(io.Discard, one) })
		_, _ = one.Write(question)
		one.Close()
		serving.Wait()
	})
}
