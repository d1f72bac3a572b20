package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/ingest"
	"shoal/internal/manifest"
	"shoal/test/film"
)

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBadFilesFailWithWordsAndLeaveNothing(t *testing.T) {
	whole := readFile(t, film.Make(t, "whole.mp4", film.Source(320, 180, 20), film.H264()))
	fast := readFile(t, film.Make(t, "fast.mp4", film.Source(320, 180, 20), film.H264(), []string{"-movflags", "+faststart"}))
	secret := write(t, "secret.mp4", whole)
	b := start(t)
	for _, c := range []struct {
		name, code string
		content    []byte
	}{
		{"text.mp4", "not_a_video", []byte("not a video at all\n")},
		{"noise.mp4", "not_a_video", bytes.Repeat([]byte{0x5a, 0xc3, 0x19, 0x80, 0x07}, 50_000)},
		{"picture.mp4", "not_a_video", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89")},
		{"cut.mp4", "truncated", whole[:len(whole)/2]},
		{"cutfast.mp4", "truncated", fast[:len(fast)/2]},
		{"hls.mp4", "not_a_video", []byte("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://" + secret + "\n#EXT-X-ENDLIST\n")},
		{"self.mp4", "not_a_video", []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsource\n")},
		{"concat.mp4", "not_a_video", []byte("ffconcat version 1.0\nfile '" + secret + "'\n")},
		{"dash.mp4", "not_a_video", []byte(`<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet><Representation id="1"><BaseURL>` + secret + `</BaseURL></Representation></AdaptationSet></Period></MPD>`)},
		{"sdp.mp4", "not_a_video", []byte("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n")},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := b.catalog.ended(b.add(write(t, c.name, c.content)))
			if v.state != "failed" || v.code != c.code || len(v.message) < 20 {
				t.Errorf("%s %q: %s", v.state, v.code, v.message)
			}
		})
	}
	id := b.add(secret)
	good := b.catalog.ended(id)
	if good.state != "ready" {
		t.Errorf("the good film after the bad: %s %s", good.code, good.message)
	}
	b.clean()
	if kept := len(chunksOf(b.catalog.ended(id))); b.store.Len() != kept {
		t.Errorf("%d chunks stored, %d belong to the good film", b.store.Len(), kept)
	}
}

// chunksOf are the distinct chunks of a ready video.
func chunksOf(v video) map[chunk.Ref]bool {
	refs := make(map[chunk.Ref]bool)
	for info := range v.final.Chunks() {
		refs[info.Ref] = true
	}
	for _, info := range v.published {
		refs[info.Ref] = true
	}
	return refs
}

func TestUploadsThatBreakOffLeaveNothing(t *testing.T) {
	gone := errors.New("client gone")
	for name, c := range map[string]struct {
		up   ingest.Upload
		want error
	}{
		"vanished": {ingest.Upload{Size: -1, Body: io.MultiReader(strings.NewReader("half"), iotest.ErrReader(gone))}, gone},
		"short":    {ingest.Upload{Size: 100, Body: strings.NewReader("half")}, io.ErrUnexpectedEOF},
		"empty":    {ingest.Upload{Size: 0, Body: strings.NewReader("")}, ingest.ErrEmpty},
		"nothing":  {ingest.Upload{Size: -1, Body: strings.NewReader("")}, ingest.ErrEmpty},
		"large":    {ingest.Upload{Size: 1 << 40, Body: strings.NewReader("")}, ingest.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, func(c *ingest.Config) { c.MaxUpload = 1 << 30 })
			c.up.Name = "x.mp4"
			if _, err := b.Accept(t.Context(), c.up); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if n := len(b.catalog.videos); n > 0 {
				t.Errorf("%d videos listed", n)
			}
			b.clean()
		})
	}
}

func TestNoRoomIsToldBeforeTheFirstByte(t *testing.T) {
	b := start(t, func(c *ingest.Config) { c.Room = func() int64 { return 1000 } })
	_, err := b.Accept(t.Context(), ingest.Upload{Name: "x.mp4", Size: 600, Body: iotest.ErrReader(errors.New("was read"))})
	if !errors.Is(err, chunk.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
}

func TestNoFFmpegIsTold(t *testing.T) {
	b := start(t)
	t.Setenv("PATH", t.TempDir())
	_, err := b.Accept(t.Context(), ingest.Upload{Name: "x.mp4", Size: 5, Body: strings.NewReader("hello")})
	if !errors.Is(err, ingest.ErrNoFFmpeg) {
		t.Errorf("got %v, want ErrNoFFmpeg", err)
	}
}

func TestQueueIsBounded(t *testing.T) {
	b := start(t, func(c *ingest.Config) { c.MaxWaiting = 1 })
	inside, outside := io.Pipe()
	first := make(chan error, 1)
	go func() {
		_, err := b.Accept(t.Context(), ingest.Upload{Name: "slow.mp4", Size: -1, Body: inside})
		first <- err
	}()
	if _, err := outside.Write([]byte("begun")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Accept(t.Context(), ingest.Upload{Name: "x.mp4", Size: 5, Body: strings.NewReader("hello")}); !errors.Is(err, ingest.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	outside.CloseWithError(io.ErrClosedPipe)
	if err := <-first; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("slow upload: %v", err)
	}
}

func TestFullDiskInTheMiddleKeepsNothingOfTheFilm(t *testing.T) {
	path := film.Make(t, "film.mp4", film.Source(640, 360, 20), film.H264())
	for name, yetStored := range map[string]bool{"not stored": false, "yet stored": true} {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			var puts atomic.Int32
			b.store.SetFault(func(_ context.Context, op chunktest.Op, _ chunk.Ref) (bool, error) {
				if op != chunktest.OpPut {
					return true, nil
				}
				if puts.Add(1) > 4 {
					return yetStored, chunk.ErrFull
				}
				return true, nil
			})
			v := b.catalog.ended(b.add(path))
			if v.state != "failed" || v.code != "disk_full" {
				t.Fatalf("%s %s: %s", v.state, v.code, v.message)
			}
			b.clean()
			if !yetStored && b.store.Len() > 0 {
				t.Errorf("%d chunks left", b.store.Len())
			}
			b.store.SetFault(nil)
			b.run()
			if v := b.catalog.ended(b.add(path)); v.state != "ready" {
				t.Errorf("again with room: %s %s", v.code, v.message)
			}
		})
	}
}

func TestFailedFilmLeavesTheChunksOfItsTwin(t *testing.T) {
	b := start(t)
	path := film.Make(t, "film.mp4", film.Source(320, 180, 10), film.H264())
	good := b.catalog.ended(b.add(path))
	twin := append(readFile(t, path), "\x00\x00\x00\x08free"...)
	b.store.SetFault(func(_ context.Context, op chunktest.Op, ref chunk.Ref) (bool, error) {
		if op == chunktest.OpPut && ref == good.at[len(good.at)-1].Ref {
			return false, chunk.ErrFull
		}
		return true, nil
	})
	if v := b.catalog.ended(b.add(write(t, "twin.mp4", twin))); v.code != "disk_full" {
		t.Fatalf("twin: %s %s", v.state, v.code)
	}
	b.store.SetFault(nil)
	b.clean()
	for ref := range chunksOf(good) {
		if _, err := b.store.Stat(t.Context(), ref); err != nil {
			t.Errorf("the first film lost chunk %s", ref)
		}
	}
}

func TestWhatWasAcceptedIsPreparedAfterARestart(t *testing.T) {
	b := start(t)
	reached, release := make(chan struct{}, 64), make(chan struct{})
	b.store.SetFault(func(ctx context.Context, op chunktest.Op, _ chunk.Ref) (bool, error) {
		if op == chunktest.OpPut {
			reached <- struct{}{}
			select {
			case <-release:
			case <-ctx.Done():
				return false, ctx.Err()
			}
		}
		return true, nil
	})
	id := b.add(film.Make(t, "film.mp4", film.Source(320, 180, 10), film.H264()))
	<-reached
	b.stop()
	close(release)
	b.store.SetFault(nil)
	stray := filepath.Join(b.dir, "stray")
	if err := os.Mkdir(stray, 0o700); err != nil {
		t.Fatal(err)
	}
	b.catalog.with(id, func(v *video) { v.progress = 0 })
	b.run()
	if v := b.catalog.ended(id); v.state != "ready" {
		t.Errorf("after the restart: %s %s", v.code, v.message)
	}
	b.clean()
}

func TestLostSourceIsToldAfterARestart(t *testing.T) {
	b := start(t)
	b.stop()
	b.catalog.videos["lost"] = &video{state: "processing"}
	b.run()
	if v := b.catalog.ended("lost"); v.state != "failed" || v.code != "interrupted" {
		t.Errorf("%s %s", v.state, v.code)
	}
}

func TestCancelEndsTheWorkAndItsProcesses(t *testing.T) {
	b := start(t)
	id := b.add(film.Make(t, "long.avi", film.Source(1280, 720, 40), []string{"-c:v", "mpeg4", "-q:v", "8", "-c:a", "mp2"}))
	b.catalog.await(id, func(v *video) bool { return len(v.drafts) > 0 })
	if err := b.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if waiting, running := b.InWork(); waiting+running > 0 {
		t.Errorf("%d waiting, %d running", waiting, running)
	}
	if v := b.catalog.videos[id]; v.state != "processing" {
		t.Errorf("cancelled film is %s %s", v.state, v.code)
	}
	b.clean()
	if b.store.Len() > 0 {
		t.Errorf("%d chunks left", b.store.Len())
	}
	if err := b.Cancel(t.Context(), manifest.VideoID("unknown")); err != nil {
		t.Errorf("cancel of nothing: %v", err)
	}
}

func TestRareKeyFramesBeyondTheIndexStartAgain(t *testing.T) {
	b := start(t)
	// Matroska has no index that is read, and its first 30 seconds look well.
	path := film.Make(t, "late.mkv", film.Source(160, 90, 60), []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
		"-g", "100000", "-sc_threshold", "0", "-force_key_frames", "expr:if(lt(t,40),gte(t,n_forced*2),0)", "-c:a", "aac"})
	v := b.catalog.ended(b.add(path))
	if v.state != "ready" {
		t.Fatalf("%s: %s", v.code, v.message)
	}
	if got := v.final.Renditions[0].ID; got != "sourcer1" {
		t.Errorf("first rendition %s, want it made anew", got)
	}
}

func TestSameFileAgainIsToldAsADuplicate(t *testing.T) {
	b := start(t)
	path := film.Make(t, "film.mp4", film.Source(160, 90, 3), film.H264())
	id := b.add(path)
	b.catalog.ended(id)
	content := readFile(t, path)
	got, err := b.Accept(t.Context(), ingest.Upload{Name: "other.mp4", Size: int64(len(content)), Body: bytes.NewReader(content)})
	if err != nil || !got.Duplicate || got.ID != id {
		t.Errorf("got %+v, %v", got, err)
	}
	b.clean()
}
