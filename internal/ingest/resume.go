package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"shoal/internal/filesystem"
	"shoal/internal/manifest"
)

// sweepEvery is how often abandoned uploads are looked for.
const sweepEvery = 10 * time.Minute

// Arrival is a file that arrives in pieces, as it is now.
type Arrival struct {
	// ID is that of the video to be.
	ID manifest.VideoID
	// Name is its owner's name for the file: text, never a path.
	Name string
	// Size is its length in bytes; the first Offset of them are durable.
	Size, Offset int64
	// Expires is when the file is thrown away unless more of it comes.
	Expires time.Time
	// Same is the video that was made of the same bytes before, "" when there is none or the file is not whole.
	Same manifest.VideoID
}

// Begin makes room for a file of up.Size bytes, which Append brings; up.Body is not used. What arrived stays
// over a restart, until Finish, Abandon, or until nothing came for Config.KeepArriving.
// Errors: ErrEmpty, ErrTooLarge, ErrBusy, ErrNoFFmpeg, chunk.ErrFull.
func (im *Importer) Begin(ctx context.Context, up Upload) (Arrival, error) {
	im.sweep(ctx)
	if up.Size < 0 {
		return Arrival{}, errors.New("begin upload: its size is not known")
	}
	if err := im.admits(up.Size); err != nil {
		return Arrival{}, err
	}
	a, err := im.open(up, true)
	if err != nil {
		return Arrival{}, err
	}
	defer im.release(a)
	if err := errors.Join(a.note.save(im.dir(a.id)), filesystem.SyncDir(im.cfg.Dir)); err != nil {
		return Arrival{}, errors.Join(noRoom("begin upload", err), im.drop(a))
	}
	return im.Arriving(ctx, a.id)
}

// Arriving returns a file that arrives in pieces. Errors: ErrGone.
func (im *Importer) Arriving(ctx context.Context, id manifest.VideoID) (Arrival, error) {
	a, shown, found := im.arrivals.get(id)
	if !found || !a.resumable {
		return Arrival{}, fmt.Errorf("upload %s: %w", id, ErrGone)
	}
	if im.arrivals.expired(a, im.cfg.Now()) && len(a.turn) == 0 {
		im.sweep(ctx)
		return Arrival{}, fmt.Errorf("upload %s: %w", id, ErrGone)
	}
	return shown, nil
}

// Append adds what comes out of body behind the first offset bytes of a file, and returns how many bytes that
// were. They are durable then, whether there is an error or not: what is not durable is not counted. Only one
// Append of a file runs at a time, a second waits. Errors: ErrGone, ErrOffset when offset is not where the
// file ends, ErrTooLarge, chunk.ErrFull, and those of body.
func (im *Importer) Append(ctx context.Context, id manifest.VideoID, offset int64, body io.Reader) (int64, error) {
	a, err := im.take(ctx, id)
	if err != nil {
		return 0, err
	}
	defer im.release(a)
	if offset != a.note.Offset {
		return 0, fmt.Errorf("append at %d, upload %s ends at %d: %w", offset, id, a.note.Offset, ErrOffset)
	}
	err = im.spool(ctx, a, body)
	return a.note.Offset - offset, err
}

// Finish makes a video of a file that is here whole. When it returns without error the video will be prepared
// even if the machine stops now. Finish may be repeated after an error, and while the file is a known
// duplicate. Errors: ErrGone, ErrOffset when the file is not whole.
func (im *Importer) Finish(ctx context.Context, id manifest.VideoID) (Accepted, error) {
	a, err := im.take(ctx, id)
	if err != nil {
		return Accepted{}, err
	}
	defer im.release(a)
	return im.conclude(ctx, a)
}

// conclude is Finish with the arrival's turn held.
func (im *Importer) conclude(ctx context.Context, a *arrival) (Accepted, error) {
	if a.note.Same != "" {
		return Accepted{ID: a.note.Same, Duplicate: true}, nil
	}
	if a.note.Offset != a.note.Size {
		return Accepted{}, fmt.Errorf("finish upload %s at %d of %d bytes: %w", a.id, a.note.Offset, a.note.Size, ErrOffset)
	}
	got, err := im.finish(ctx, a)
	if err != nil || !got.Duplicate {
		return got, err
	}
	// The note stays for a while, so that who did not hear the answer can ask again.
	a.note.Same = got.ID
	im.arrivals.reached(a)
	err = errors.Join(os.Remove(filepath.Join(im.dir(a.id), sourceName)), a.note.save(im.dir(a.id)))
	if err != nil {
		im.cfg.Log.Warn("note a duplicate upload", "video", a.id, "err", err)
	}
	return got, nil
}

// Abandon throws away what arrived of a file. Errors: ErrGone.
func (im *Importer) Abandon(ctx context.Context, id manifest.VideoID) error {
	a, err := im.take(ctx, id)
	if err != nil {
		return err
	}
	im.arrivals.abandon(a)
	im.release(a)
	return nil
}

// take waits for an arrival's turn; the caller releases it.
func (im *Importer) take(ctx context.Context, id manifest.VideoID) (*arrival, error) {
	if _, err := im.Arriving(ctx, id); err != nil {
		return nil, err
	}
	a, _, found := im.arrivals.get(id)
	if !found {
		return nil, fmt.Errorf("upload %s: %w", id, ErrGone)
	}
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if still, _, found := im.arrivals.get(id); !found || still != a {
		im.release(a)
		return nil, fmt.Errorf("upload %s: %w", id, ErrGone)
	}
	return a, nil
}

// release gives an arrival's turn back. A file that nobody wants any more goes with it.
func (im *Importer) release(a *arrival) {
	<-a.turn
	im.reap(a)
}

// reap removes a file that nobody wants any more, unless somebody has its turn, who does so then.
func (im *Importer) reap(a *arrival) {
	if !im.arrivals.unwanted(a) {
		return
	}
	select {
	case a.turn <- struct{}{}:
	default:
		return
	}
	defer func() { <-a.turn }()
	if !im.arrivals.unwanted(a) {
		return
	}
	if err := im.drop(a); err != nil {
		im.cfg.Log.Error("remove abandoned upload", "video", a.id, "err", err)
	}
}

// abandon ends a file's arrival without waiting for who may work on it just now; it tells whether there was one.
func (im *Importer) abandon(id manifest.VideoID) bool {
	a, _, found := im.arrivals.get(id)
	if !found {
		return false
	}
	im.arrivals.abandon(a)
	im.reap(a)
	return true
}

// drop removes a file and all that is known of it; the caller holds its turn. The note goes first: a folder
// without one is swept by the next start.
func (im *Importer) drop(a *arrival) error {
	_ = os.Remove(filepath.Join(im.dir(a.id), noteName)) // RemoveAll tells what is wrong
	err := os.RemoveAll(im.dir(a.id))
	im.arrivals.remove(a)
	im.cfg.Catalog.Forget(a.id)
	return err
}

// sweep throws away files of which nothing was heard for too long.
func (im *Importer) sweep(ctx context.Context) {
	now := im.cfg.Now()
	for _, a := range im.arrivals.list() {
		if ctx.Err() != nil || !im.arrivals.expired(a, now) {
			continue
		}
		select {
		case a.turn <- struct{}{}:
			im.cfg.Log.Info("an abandoned upload is thrown away", "video", a.id, "received", a.note.Offset)
			im.arrivals.abandon(a)
			im.release(a)
		default: // something comes just now
		}
	}
}

// sweepAlways sweeps from time to time until ctx ends.
func (im *Importer) sweepAlways(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			im.sweep(ctx)
			im.sweepKept()
		case <-ctx.Done():
			return
		}
	}
}

// recoverArrival takes up a file that was on its way when the program stopped; it tells whether there was one
// in the folder of that name.
func (im *Importer) recoverArrival(ctx context.Context, name string) bool {
	id, err := manifest.ParseVideoID(name)
	if err != nil {
		return false
	}
	n, err := loadNote(im.dir(id))
	if err != nil || !im.cfg.Now().Before(n.Touched.Add(im.cfg.KeepArriving)) {
		return false
	}
	a := newArrival(id, n, true)
	if n.Same == "" {
		if err := im.checkSource(a); err != nil {
			im.cfg.Log.Warn("an upload begins anew", "video", id, "err", err)
			fresh := newNote(Upload{Name: n.Name, Title: n.Title, Size: n.Size}, n.Created)
			fresh.Touched = n.Touched
			a = newArrival(id, fresh, true)
		}
		if err := im.cfg.Catalog.Resume(id, n.Name, n.Title, n.Created); err != nil {
			im.cfg.Log.Warn("an upload cannot go on", "video", id, "err", err)
			return false
		}
	}
	im.arrivals.restore(a)
	im.showReceived(a)
	im.cfg.Log.Info("an upload can go on", "video", id, "received", a.note.Offset, "size", a.note.Size)
	if a.note.Same == "" && a.note.Offset == a.note.Size {
		a.turn <- struct{}{}
		if _, err := im.conclude(ctx, a); err != nil {
			im.cfg.Log.Error("finish upload", "video", id, "err", err)
		}
		im.release(a)
	}
	return true
}

// checkSource tells whether the file holds what the note says.
func (im *Importer) checkSource(a *arrival) error {
	if a.note.Offset == 0 {
		return nil
	}
	info, err := os.Lstat(filepath.Join(im.dir(a.id), sourceName))
	if err == nil && (!info.Mode().IsRegular() || info.Size() < a.note.Offset) {
		err = fmt.Errorf("%d bytes are left of %d", info.Size(), a.note.Offset)
	}
	return err
}
