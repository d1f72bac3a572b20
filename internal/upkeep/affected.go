package upkeep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"shoal/internal/chunk"
	"shoal/internal/manifest"
)

const (
	// keptLacking bounds how many lacking chunks are remembered of one video.
	keptLacking = 1000
	// namedVideos is how many videos a warning names.
	namedVideos = 5
)

// affected is a video that lacks chunks.
type affected struct {
	id    manifest.VideoID
	title string
	// lacking lists some of the chunks, at least one; count is the number of all.
	lacking []chunk.Ref
	count   int
}

// nameAffected finds the videos that lack chunks, notes and logs them, and returns how many they are.
func (k *Keeper) nameAffected(ctx context.Context, lacking *marks) int {
	var found []affected
	if lacking.count() > 0 {
		// Videos that cannot be read in whole lack chunks of their manifest, which are among the known ones.
		_ = k.cfg.Library.Live(ctx, func(c Contents) error {
			if a := k.lacks(ctx, c, lacking); a.count > 0 && !c.Draft {
				found = append(found, a)
			}
			return ctx.Err()
		})
	}
	if ctx.Err() != nil {
		return 0
	}
	for _, a := range found {
		k.log.Warn("video does not play whole: chunks of it are missing", "video", a.id, "title", a.title, "chunks", a.count)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.affected = found
	return len(found)
}

// lacks looks for the chunks of a video that may be lacking.
func (k *Keeper) lacks(ctx context.Context, c Contents, lacking *marks) affected {
	a := affected{id: c.ID, title: c.Title}
	seen := make(map[chunk.Ref]bool)
	for info := range c.Chunks {
		if !lacking.has(info.Ref) || seen[info.Ref] {
			continue
		}
		seen[info.Ref] = true
		if _, err := k.cfg.Find(ctx, info.Ref); !errors.Is(err, chunk.ErrNotFound) {
			continue
		}
		a.count++
		if len(a.lacking) < keptLacking {
			a.lacking = append(a.lacking, info.Ref)
		}
	}
	return a
}

// recheck drops the videos whose chunks are back, and those that were purged.
func (k *Keeper) recheck(ctx context.Context) {
	k.mu.Lock()
	before := k.affected
	k.mu.Unlock()
	var still []affected
	for _, a := range before {
		if !k.cfg.Library.Has(a.id) {
			continue
		}
		if slices.ContainsFunc(a.lacking, func(ref chunk.Ref) bool {
			_, err := k.cfg.Find(ctx, ref)
			return err != nil
		}) {
			still = append(still, a)
			continue
		}
		k.log.Info("chunks of a video are back", "video", a.id, "title", a.title)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.affected = still
}

// Warning is something that an operator should look at, in words for a person.
type Warning struct{ Code, Message string }

// Warnings are what the last survey and the running scrub have to say.
func (k *Keeper) Warnings() (all []Warning) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := len(k.affected); n > 0 {
		all = append(all, Warning{"videos_damaged", fmt.Sprintf(
			"Stored data of %s is missing or went bad, so that %s not play whole: %s. Add the files again, which puts it back; check the disk.",
			plural(n, "1 video", "%d videos"), plural(n, "it does", "they do"), titles(k.affected))})
	}
	if k.blocked != nil {
		all = append(all, Warning{"cleanup_stopped", blockedWarning(k.blocked)})
	}
	if text := k.scrub.warning(); text != "" {
		all = append(all, Warning{"scrub", text})
	}
	return all
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	if strings.Contains(many, "%d") {
		return fmt.Sprintf(many, n)
	}
	return many
}

// titles names the first few videos.
func titles(videos []affected) string {
	var names []string
	for _, a := range videos[:min(len(videos), namedVideos)] {
		names = append(names, "“"+a.title+"”")
	}
	if more := len(videos) - namedVideos; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
