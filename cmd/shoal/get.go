package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
)

func getCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "get ID", Short: "Save a video as one verified MP4", Args: cobra.ExactArgs(1)}
	output := cmd.Flags().StringP("output", "o", "", "write to `FILE`, which must not exist yet (default: ID.mp4)")
	language := cmd.Flags().String("audio", "", "the sound in this `LANGUAGE`, such as fra")
	a.runWithNode(cmd, func(ctx context.Context, c *client, args []string) error {
		path := cmp.Or(*output, args[0]+".mp4")
		return explain("cannot save "+args[0], a.get(ctx, c, args[0], path, *language))
	})
	return cmd
}

// get downloads a video beside its place and moves it there when every segment has proved right.
func (a *app) get(ctx context.Context, c *client, id, path, language string) error {
	if _, err := os.Lstat(path); err == nil {
		return problem(path+" exists already", "", "another name with -o FILE")
	}
	segments, err := c.segments(ctx, id, language)
	if err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".shoal-*.part")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	b := a.newBars()
	err = c.movie(ctx, id, language, segments, func(total int64) io.Writer {
		return io.MultiWriter(part, b.bytes(id, total))
	})
	b.end()
	if err = errors.Join(err, part.Sync(), part.Close()); err != nil {
		return err
	}
	// A link fails when the name was taken meanwhile, where a rename would replace it.
	return os.Link(part.Name(), path)
}

// segment is a part of a video's MP4 file, as its manifest names it.
type segment struct {
	Hash  string  `json:"hash"`
	Size  int64   `json:"size"`
	Start float64 `json:"start"`
	track int
}

// segments returns the parts of a video's MP4 file in the order in which they stand there: by their start,
// and picture before sound.
func (c *client) segments(ctx context.Context, id, language string) ([]segment, error) {
	var m struct {
		Renditions []struct {
			Kind, Language  string
			Source, Default bool
			Segments        []segment
		}
	}
	if err := c.call(ctx, http.MethodGet, videoPath(id)+"/manifest", nil, &m); err != nil {
		return nil, err
	}
	var picture, sound []segment
	chosen := false
	for _, r := range m.Renditions {
		switch {
		case r.Kind == "video" && r.Source:
			picture = r.Segments
		case r.Kind != "audio" || language != "" && r.Language != language:
		case sound == nil || language == "" && r.Default && !chosen:
			sound, chosen = r.Segments, r.Default
		}
	}
	for i := range sound {
		sound[i].track = 1
	}
	all := append(picture, sound...)
	slices.SortStableFunc(all, func(a, b segment) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.track, b.track)) })
	return all, nil
}

// movie streams a video's MP4 file to what begin returns for its size, and checks every segment in it.
func (c *client) movie(ctx context.Context, id, language string, segments []segment, begin func(size int64) io.Writer) error {
	path := "/stream/" + url.PathEscape(id) + ".mp4"
	if language != "" {
		path += "?" + url.Values{"audio": {language}}.Encode()
	}
	req, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		return c.refused(resp.StatusCode, text)
	}
	head := resp.ContentLength
	for _, s := range segments {
		head -= s.Size
	}
	if head <= 0 {
		return fmt.Errorf("the file of %d bytes is smaller than its segments", resp.ContentLength)
	}
	out := begin(resp.ContentLength)
	if _, err := io.CopyN(out, resp.Body, head); err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	for i, s := range segments {
		if err := copySegment(out, resp.Body, s); err != nil {
			return fmt.Errorf("segment %d of %d: %w", i+1, len(segments), err)
		}
	}
	return nil
}

func copySegment(out io.Writer, in io.Reader, s segment) error {
	hash := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(out, hash), in, s.Size); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != s.Hash {
		return problem("the bytes are not what the manifest says", "got "+got+", want "+s.Hash, "shoal scrub on the node")
	}
	return nil
}
