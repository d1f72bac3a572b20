package exchange_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/exchange"
	"shoal/internal/placement"
)

// speak sends text to a node's chunk server and returns all that it answers, or what came until the server ended.
func (n *node) speak(text []byte) (answer []byte) {
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer far.Close()
		n.server.Serve(context.Background(), "z", far)
	}()
	go near.Write(text)
	answer, _ = io.ReadAll(near)
	near.Close()
	<-done
	return answer
}

func refHex(ref chunk.Ref) string { return hex.EncodeToString(ref[:]) }

func TestRequestsThatBreakTheRulesAreRefusedBeforeTheyAreRead(t *testing.T) {
	ref := refHex(chunk.Sum([]byte("x")))
	for name, text := range map[string][]byte{
		"a frame of 4 GB":            {0xff, 0xff, 0xff, 0xff},
		"a frame of 1 MiB":           {0x00, 0x10, 0x00, 0x00},
		"no CBOR":                    frame(t, "ff"),
		"an unknown operation":       frame(t, "a20109025820"+ref),
		"no name":                    frame(t, "a201010240"),
		"half a name":                frame(t, "a201010250"+ref[:32]),
		"two names":                  frame(t, "a20101025840"+ref+ref),
		"a put of nothing":           frame(t, "a20102025820"+ref),
		"a put that is too large":    frame(t, "a30102025820"+ref+"031a00100001"),
		"a put of less than nothing": frame(t, "a30102025820"+ref+"0320"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t, 1, 1).nodes["a"]
				begin := time.Now()
				answer := n.speak(text)
				if time.Since(begin) != 0 {
					t.Error("it waited for what was claimed")
				}
				if len(answer) > 0 && !bytes.Equal(answer, frame(t, "a1010a")) {
					t.Errorf("answer %x", answer)
				}
				if n.server.Stats().Refused != 1 || !strings.Contains(n.log.String(), "node=z") {
					t.Error("it was not counted and told")
				}
			})
		})
	}
}

// The frames of this test are the protocol.
func TestTheWordsOfTheProtocolStay(t *testing.T) {
	data := []byte("abc")
	ref := refHex(chunk.Sum(data))
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 1, 1).nodes["a"]
		get := frame(t, "a20101025820"+ref)
		put := append(frame(t, "a30102025820"+ref+"0303"), data...)
		for _, c := range []struct {
			what      string
			say, hear []byte
		}{
			{"get of what is not there", get, frame(t, "a10106")},
			{"has of what is not there", frame(t, "a20103025820"+ref), frame(t, "a20104038100")},
			{"put", put, append(frame(t, "a10102"), frame(t, "a10104")...)},
			{"put again", put, frame(t, "a10105")},
			{"get", get, append(frame(t, "a20101"+"0203"), data...)},
			{"has", frame(t, "a20103025820"+ref), frame(t, "a20104038103")},
			{"verify", frame(t, "a20104025820"+ref), frame(t, "a10104")},
		} {
			if got := n.speak(c.say); !bytes.Equal(got, c.hear) {
				t.Errorf("%s: answer %x, want %x", c.what, got, c.hear)
			}
		}
	})
}

func TestBytesUnderAWrongNameAreNotTakenForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 1, 1).nodes["a"]
		ref := chunk.Sum([]byte("abc"))
		answer := n.speak(append(frame(t, "a30102025820"+refHex(ref)+"0303"), "abd"...))
		if want := append(frame(t, "a10102"), frame(t, "a10107")...); !bytes.Equal(answer, want) {
			t.Errorf("answer %x, want %x", answer, want)
		}
		if n.keeps(ref) {
			t.Error("wrong bytes are kept under that name")
		}
	})
}

func TestWhoStopsInTheMiddleIsLetGo(t *testing.T) {
	for name, text := range map[string][]byte{
		"says nothing":     {},
		"half a length":    {0, 0},
		"half a request":   frame(t, "a20101025820"+strings.Repeat("00", 32))[:20],
		"half a put":       append(frame(t, "a30102025820"+strings.Repeat("00", 32)+"031903e8"), make([]byte, 500)...),
		"reads no answers": frame(t, "a20101025820"+strings.Repeat("00", 32)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t, 1, 1).nodes["a"]
				near, far := net.Pipe()
				defer near.Close()
				begin := time.Now()
				go near.Write(text)
				if name == "half a put" {
					go io.ReadFull(near, make([]byte, 8))
				}
				n.server.Serve(t.Context(), "z", far)
				if took := time.Since(begin); took > 11*time.Second {
					t.Errorf("it took %s", took)
				}
				if n.server.Stats().Waiting != 0 {
					t.Error("it counts as waiting")
				}
			})
		})
	}
}

func TestARequestThatDribblesIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 1, 1).nodes["a"]
		near, far := net.Pipe()
		text := frame(t, "a20103025820"+strings.Repeat("00", 32))
		var dribbling sync.WaitGroup
		dribbling.Go(func() {
			for i := range text {
				if _, err := near.Write(text[i : i+1]); err != nil {
					return
				}
				time.Sleep(4 * time.Second)
			}
		})
		begin := time.Now()
		n.server.Serve(t.Context(), "z", far)
		if took := time.Since(begin); took > 11*time.Second {
			t.Errorf("it took %s", took)
		}
		near.Close()
		dribbling.Wait()
	})
}

func TestAChunkThatComesSlowlyAndSteadilyIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 1, 1).nodes["a"]
		data := chunktest.Data(1, chunk.MaxSize)
		near, far := net.Pipe()
		defer near.Close()
		var serving sync.WaitGroup
		serving.Go(func() { n.server.Serve(t.Context(), "z", far) })
		near.Write(frame(t, "a30102025820"+refHex(chunk.Sum(data))+"031a00100000"))
		io.ReadFull(near, make([]byte, 7))
		for piece := range slices.Chunk(data, 64<<10) {
			time.Sleep(2 * time.Second)
			if _, err := near.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		answer := make([]byte, 7)
		if _, err := io.ReadFull(near, answer); err != nil || !bytes.Equal(answer, frame(t, "a10104")) {
			t.Errorf("answer %x, %v", answer, err)
		}
		serving.Wait()
	})
}

func TestServingEndsWithTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 1, 1).nodes["a"]
		near, far := net.Pipe()
		defer near.Close()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			n.server.Serve(ctx, "z", far)
			close(done)
		}()
		synctest.Wait()
		begin := time.Now()
		cancel()
		<-done
		if time.Since(begin) != 0 {
			t.Error("it waited for the other side")
		}
	})
}

func TestTooManyRequestsAreToldThatTheNodeIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 1, 1).nodes["a"]
		ref := chunktest.Put(t, n.disk, chunktest.Data(1, chunk.MaxSize)).Ref
		get := frame(t, "a20101025820"+refHex(ref))
		var streams []net.Conn
		for range 64 { // All of these stop reading after the first frame.
			near, far := net.Pipe()
			streams = append(streams, near)
			go n.server.Serve(t.Context(), "z", far)
			near.Write(get)
			io.ReadFull(near, make([]byte, 20))
		}
		if answer := n.speak(get); !bytes.Equal(answer, frame(t, "a10108")) {
			t.Errorf("answer of %d bytes, want busy", len(answer))
		}
		if n.server.Stats().Busy != 1 {
			t.Error("it was not counted")
		}
		for _, conn := range streams {
			conn.Close()
		}
		synctest.Wait()
		if answer := n.speak(get); len(answer) < chunk.MaxSize {
			t.Errorf("answer of %d bytes when the others are gone", len(answer))
		}
	})
}

func TestRequestsBeyondAllBoundsAreSentAwayUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 1, 1).nodes["a"]
		var streams []net.Conn
		for range 256 {
			near, far := net.Pipe()
			streams = append(streams, near)
			go n.server.Serve(t.Context(), "z", far)
		}
		synctest.Wait()
		if answer := n.speak(nil); !bytes.Equal(answer, frame(t, "a10108")) {
			t.Errorf("answer %x, want busy", answer)
		}
		for _, conn := range streams {
			conn.Close()
		}
		synctest.Wait()
	})
}

// said is a stream on which everything was said already, and what is answered is lost.
type said struct{ io.Reader }

func (*said) Write(p []byte) (int, error)      { return len(p), nil }
func (*said) Close() error                     { return nil }
func (*said) LocalAddr() net.Addr              { return nil }
func (*said) RemoteAddr() net.Addr             { return nil }
func (*said) SetDeadline(time.Time) error      { return nil }
func (*said) SetReadDeadline(time.Time) error  { return nil }
func (*said) SetWriteDeadline(time.Time) error { return nil }

func FuzzServerAnswersAnything(f *testing.F) {
	ref := refHex(chunk.Sum([]byte("abc")))
	for _, digits := range []string{
		"a20101025820" + ref, "a30102025820" + ref + "0303", "a20103025840" + ref + ref, "a20104025820" + ref,
		"a2010102420001", "a201020242ffff", "ff", "a0",
	} {
		f.Add(frame(f, digits))
		f.Add(append(frame(f, digits), "abc"...))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n := newNetwork(t, 1, 1).nodes["a"]
		for _, serve := range []func(context.Context, net.Conn){
			func(ctx context.Context, conn net.Conn) { n.server.Serve(ctx, "z", conn) },
			func(ctx context.Context, conn net.Conn) { n.server.ServeGroups(ctx, "z", conn) },
		} {
			serve(t.Context(), &said{Reader: bytes.NewReader(text)})
		}
		for ref := range chunktest.List(t, n.disk) {
			if got, err := chunktest.Read(t, n.disk, ref); err != nil || chunk.Verify(ref, got) != nil {
				t.Errorf("chunk %s is kept and is not that", ref)
			}
		}
	})
}

func FuzzClientTakesAnything(f *testing.F) {
	data := []byte("abc")
	for _, digits := range []string{"a201010203", "a10106", "a2010403820000", "a1010d", "a2010c025824" + strings.Repeat("00", 31) + "0100000005", "a10103"} {
		f.Add(frame(f, digits))
		f.Add(append(frame(f, digits), data...))
	}
	info := chunk.Info{Ref: chunk.Sum(data), Size: 3}
	f.Fuzz(func(t *testing.T, text []byte) {
		w := newNetwork(t, 2, 1, func(cfg *exchange.Config) {
			cfg.Dial = func(context.Context, placement.NodeID, string) (net.Conn, error) {
				return &said{Reader: bytes.NewReader(text)}, nil
			}
		})
		n := w.nodes["a"]
		client := n.store.Client()
		got, err := client.Fetch(t.Context(), []placement.NodeID{"b"}, info)
		if err == nil && !bytes.Equal(got, data) {
			t.Errorf("fetched %q", got)
		}
		client.Has(t.Context(), "b", []chunk.Ref{info.Ref})
		client.Digests(t.Context(), "b", allGroups()[:2])
		collect(client.List(t.Context(), "b", 0))
		n.store.Put(t.Context(), data)
		if got, err := chunktest.Read(t, n.store, info.Ref); err == nil && !bytes.Equal(got, data) {
			t.Errorf("read %q", got)
		}
	})
}
