package chunk_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
	"shoal/internal/chunk"
)

// cut is what a splitter handed over; it keeps every buffer, as the splitter allows.
type cut struct {
	chunks [][]byte
	fail   error
	// failAt is the number of the put that returns fail.
	failAt int
}

func (c *cut) put(data []byte) error {
	c.chunks = append(c.chunks, data)
	if c.fail != nil && len(c.chunks)-1 == c.failAt {
		return c.fail
	}
	return nil
}

func (c *cut) check(t interface{ Errorf(string, ...any) }, input []byte) {
	if !bytes.Equal(bytes.Join(c.chunks, nil), input) {
		t.Errorf("the chunks joined are not the input")
	}
	if want := (len(input) + chunk.MaxSize - 1) / chunk.MaxSize; len(c.chunks) != want {
		t.Errorf("%d chunks of %d bytes, want %d", len(c.chunks), len(input), want)
	}
	for i, data := range c.chunks {
		if last := i == len(c.chunks)-1; len(data) == 0 || !last && len(data) != chunk.MaxSize {
			t.Errorf("chunk %d of %d has %d bytes", i, len(c.chunks), len(data))
		}
	}
}

func (c *cut) release() {
	for _, data := range c.chunks {
		chunk.Release(data)
	}
}

// noise is input that differs at every offset; tests cut pieces of it.
var noise = func() []byte {
	data := make([]byte, 3*chunk.MaxSize+1)
	rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}()

func drawPiece(t *rapid.T, label string) int {
	return rapid.OneOf(
		rapid.IntRange(0, 100),
		rapid.IntRange(0, len(noise)),
		rapid.SampledFrom([]int{0, 1, chunk.MaxSize - 1, chunk.MaxSize, chunk.MaxSize + 1}),
	).Draw(t, label)
}

func TestChunksJoinedAreTheInputHoweverItIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		out := &cut{}
		s := chunk.NewSplitter(out.put)
		rest := noise[:drawPiece(t, "input")]
		input := rest
		for len(rest) > 0 {
			piece := rest[:min(len(rest), max(1, drawPiece(t, "piece")))]
			rest = rest[len(piece):]
			var n int
			var err error
			if rapid.Bool().Draw(t, "by ReadFrom") {
				var long int64
				long, err = s.ReadFrom(bytes.NewReader(piece))
				n = int(long)
			} else {
				n, err = s.Write(piece)
			}
			if n != len(piece) || err != nil {
				t.Fatalf("took %d of %d bytes: %v", n, len(piece), err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		out.check(t, input)
		out.release()
	})
}

func TestSplitterReadsFromAwkwardReaders(t *testing.T) {
	input := noise[:chunk.MaxSize+100]
	for name, r := range map[string]io.Reader{
		"halves":         iotest.HalfReader(bytes.NewReader(input)),
		"data with EOF":  iotest.DataErrReader(bytes.NewReader(input)),
		"byte and chunk": io.MultiReader(iotest.OneByteReader(bytes.NewReader(input[:9])), bytes.NewReader(input[9:])),
	} {
		t.Run(name, func(t *testing.T) {
			out := &cut{}
			s := chunk.NewSplitter(out.put)
			if n, err := io.Copy(s, r); n != int64(len(input)) || err != nil {
				t.Fatalf("copied %d bytes: %v", n, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			out.check(t, input)
		})
	}
}

func TestFullChunkIsHandedOverAtOnce(t *testing.T) {
	out := &cut{}
	s := chunk.NewSplitter(out.put)
	s.Write(noise[:chunk.MaxSize])
	if len(out.chunks) != 1 {
		t.Errorf("%d chunks before Close, want 1", len(out.chunks))
	}
	if err := s.Close(); err != nil || len(out.chunks) != 1 {
		t.Errorf("Close: %v, %d chunks; want no empty one", err, len(out.chunks))
	}
}

func TestNothingWrittenIsNoChunk(t *testing.T) {
	out := &cut{}
	if err := chunk.NewSplitter(out.put).Close(); err != nil || len(out.chunks) != 0 {
		t.Errorf("%d chunks, %v", len(out.chunks), err)
	}
}

func TestFirstErrorOfPutStaysAndStopsIt(t *testing.T) {
	broken := errors.New("no room")
	out := &cut{fail: broken, failAt: 1}
	s := chunk.NewSplitter(out.put)
	n, err := s.Write(noise)
	if !errors.Is(err, broken) || n != 2*chunk.MaxSize {
		t.Errorf("Write = %d, %v; want two chunks taken and the error of put", n, err)
	}
	if n, err := s.Write([]byte("more")); n != 0 || !errors.Is(err, broken) {
		t.Errorf("next Write = %d, %v", n, err)
	}
	if n, err := s.ReadFrom(bytes.NewReader(noise)); n != 0 || !errors.Is(err, broken) {
		t.Errorf("next ReadFrom = %d, %v", n, err)
	}
	if err := s.Close(); !errors.Is(err, broken) {
		t.Errorf("Close = %v", err)
	}
	if len(out.chunks) != 2 {
		t.Errorf("%d puts, want none after the failed one", len(out.chunks))
	}
}

func TestErrorOfTheLastPutIsReturnedByClose(t *testing.T) {
	broken := errors.New("no room")
	s := chunk.NewSplitter((&cut{fail: broken}).put)
	s.Write([]byte("tail"))
	for range 2 {
		if err := s.Close(); !errors.Is(err, broken) {
			t.Errorf("Close = %v, want the error of put each time", err)
		}
	}
}

func TestReadErrorIsReturnedAndWhatCameBeforeIsKept(t *testing.T) {
	broken := errors.New("connection lost")
	out := &cut{}
	s := chunk.NewSplitter(out.put)
	n, err := s.ReadFrom(io.MultiReader(bytes.NewReader(noise[:100]), iotest.ErrReader(broken)))
	if n != 100 || !errors.Is(err, broken) {
		t.Errorf("ReadFrom = %d, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	out.check(t, noise[:100])
}

func TestWriteAfterCloseIsRefused(t *testing.T) {
	s := chunk.NewSplitter((&cut{}).put)
	s.Close()
	if n, err := s.Write([]byte("late")); n != 0 || err == nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	if n, err := s.ReadFrom(bytes.NewReader([]byte("late"))); n != 0 || err == nil {
		t.Errorf("ReadFrom = %d, %v", n, err)
	}
}

func TestSplittingReusesReleasedBuffers(t *testing.T) {
	s := chunk.NewSplitter(func(data []byte) error { chunk.Release(data); return nil })
	data := noise[:chunk.MaxSize]
	s.Write(data)
	// Without reuse each chunk would cost an allocation of its own.
	if n := testing.AllocsPerRun(100, func() { s.Write(data) }); n != 0 {
		t.Errorf("%v allocations a chunk", n)
	}
}

func TestReleaseIgnoresWhatIsNoWholeBuffer(t *testing.T) {
	chunk.Release(nil)
	chunk.Release(make([]byte, 10))
	chunk.Release(chunk.Buffer()[100:100])
	for range 10 {
		if buf := chunk.Buffer(); len(buf) != 0 || cap(buf) != chunk.MaxSize {
			t.Fatalf("Buffer has length %d and capacity %d", len(buf), cap(buf))
		}
	}
}
