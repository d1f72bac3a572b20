package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// maxSubtitles is how much of a file is read before the node is asked, in bytes; the node takes less.
const maxSubtitles = 5 << 20

// subtitles are what the API says of a video's.
type subtitles struct {
	ID       string `json:"id"`
	Language string `json:"language"`
	Name     string `json:"name"`
	Forced   bool   `json:"forced"`
	Added    bool   `json:"added"`
}

func subtitlesCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "subtitles ID [FILE…]",
		Short: "List, add or remove a video's subtitles",
		Long: "List a video's subtitles, or add those in files: SubRip (.srt), WebVTT (.vtt), ASS and SSA.\n" +
			"What no flag says is read from a file's name, such as the language in film.de.srt.",
		Args: cobra.MinimumNArgs(1),
	}
	flags := cmd.Flags()
	language := flags.String("language", "", "their language as a `TAG` such as en or pt-BR")
	name := flags.String("name", "", "the `NAME` that players show")
	encoding := flags.String("encoding", "", "how their letters are encoded, such as windows-1251 (default: found out)")
	forced := flags.Bool("forced", false, "show them unless others are chosen")
	remove := flags.String("remove", "", "remove those with this `SUBTITLES-ID`")
	asJSON := flags.Bool("json", false, "print what the API says")
	a.runWithNode(cmd, func(ctx context.Context, c *client, args []string) error {
		id, files := args[0], args[1:]
		said := url.Values{}
		for flag, value := range map[string]string{"language": *language, "name": *name, "encoding": *encoding, "forced": fmt.Sprint(*forced)} {
			if flags.Changed(flag) {
				said.Set(flag, value)
			}
		}
		switch {
		case *remove != "" && len(files) > 0:
			return misuse("cannot add and remove at once", "", "give --remove or files")
		case *remove != "":
			return explain("cannot remove the subtitles "+*remove, c.removeSubtitles(ctx, id, *remove))
		case len(files) == 0:
			return a.listSubtitles(ctx, c, id, *asJSON)
		}
		for _, file := range files {
			added, err := c.addSubtitles(ctx, id, file, said)
			if err != nil {
				return explain("cannot add "+file, err)
			}
			fmt.Fprintln(a.stdout, printable(added.ID))
		}
		return nil
	})
	return cmd
}

func (a *app) listSubtitles(ctx context.Context, c *client, id string, asJSON bool) error {
	list, err := c.subtitles(ctx, id)
	if err != nil {
		return explain("cannot list the subtitles of "+id, err)
	}
	if asJSON {
		return writeJSON(a.stdout, map[string]any{"subtitles": list})
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tLANGUAGE\tFROM\tNAME")
	for _, s := range list {
		from, name := "film", s.Name
		if s.Added {
			from = "file"
		}
		if s.Forced {
			name += " (forced)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", printable(s.ID), printable(s.Language), from, printable(name))
	}
	return table.Flush()
}

func subtitlesPath(id string) string { return videoPath(id) + "/subtitles" }

func (c *client) subtitles(ctx context.Context, id string) ([]subtitles, error) {
	answer := struct{ Subtitles []subtitles }{[]subtitles{}}
	err := c.call(ctx, http.MethodGet, subtitlesPath(id), nil, &answer)
	return answer.Subtitles, err
}

// addSubtitles sends a file; said is what is known of it beside its name.
func (c *client) addSubtitles(ctx context.Context, id, file string, said url.Values) (added subtitles, err error) {
	f, err := os.Open(file)
	if err != nil {
		return added, problem("cannot read "+file, bare(err).Error(), "")
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return added, errors.Join(err, problem("cannot read "+file, "It is not a regular file.", ""))
	}
	query := url.Values{"filename": {filepath.Base(file)}}
	for name, values := range said {
		query[name] = values
	}
	req, err := c.request(ctx, http.MethodPost, subtitlesPath(id)+"?"+query.Encode(), io.LimitReader(f, maxSubtitles))
	if err != nil {
		return added, err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	return added, c.do(req, &added)
}

func (c *client) removeSubtitles(ctx context.Context, id, rendition string) error {
	return c.call(ctx, http.MethodDelete, subtitlesPath(id)+"/"+url.PathEscape(rendition), nil, nil)
}
