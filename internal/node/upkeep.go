package node

import (
	"context"
	"fmt"
	"io"
	"time"

	"shoal/internal/cluster"
	"shoal/internal/disk"
	"shoal/internal/httpapi"
	"shoal/internal/library"
	"shoal/internal/manifest"
	"shoal/internal/rows"
	"shoal/internal/upkeep"
)

// catalog is the library as upkeep sees it.
type catalog struct{ *library.Library }

func (c catalog) Has(id manifest.VideoID) bool {
	_, err := c.Get(id)
	return err == nil
}

func (c catalog) Live(ctx context.Context, visit func(upkeep.Contents) error) error {
	return c.Library.Live(ctx, func(found library.Contents) error { return visit(contents(found)) })
}

func (c catalog) PurgedContents(ctx context.Context, id manifest.VideoID) upkeep.Contents {
	return contents(c.Library.PurgedContents(ctx, id))
}

func contents(c library.Contents) upkeep.Contents {
	return upkeep.Contents{ID: c.ID, Title: c.Title, Draft: len(c.Stored) == 0, Chunks: c.Chunks(), Stored: c.Stored, Err: c.Err}
}

func (n *Node) openUpkeep() *upkeep.Keeper {
	chunks := n.disk.Chunks()
	return upkeep.New(upkeep.Config{
		Library: catalog{n.library}, Imports: n.importer, Store: chunks, Records: n.disk.Records(),
		Totals: func() (count, bytes int64) {
			stats := chunks.Stats()
			return stats.Chunks, stats.Bytes
		},
		Shared: n.pool.Shared, Holds: n.pool.Holds, Find: n.pool.Find, Heal: n.pool.Heal,
		TrashFor: n.cfg.TrashFor, ScrubRate: n.cfg.ScrubRate, Restored: n.disk.Restored(), Log: n.cfg.Log,
	})
}

// caretaker is the upkeep as httpapi sees it.
type caretaker struct {
	*upkeep.Keeper
	node *Node
}

func (c caretaker) Backup(ctx context.Context) (httpapi.Backup, error) {
	cfg := c.node.cfg
	return c.node.disk.Backup(ctx, disk.BackupInfo{Created: time.Now().UTC(), Node: cfg.Name, Version: cfg.Version})
}

// Backup says what a backup of a node's records is of.
type Backup = disk.BackupInfo

// SaveBackup reads a backup as a node sends it, checks it, and writes it to path, durably and readable by its owner
// only. After an error path is as it was.
func SaveBackup(path string, r io.Reader) (Backup, error) { return disk.SaveBackup(path, r) }

// ErrBackup says that a file is no whole backup, ErrInUse that a node runs over the directory.
var (
	ErrBackup = disk.ErrBackup
	ErrInUse  = disk.ErrInUse
)

// Restored says what Restore did.
type Restored struct {
	Backup
	// Videos is how many videos the records know, those in the trash aside.
	Videos int
	// Aside is where the records from before lie now, "" when there were none.
	Aside string
}

// Restore puts the records of a backup into a node's directory while the node does not run.
// Errors: ErrBackup, ErrInUse.
func Restore(ctx context.Context, dir string, backup io.Reader) (Restored, error) {
	done, err := disk.Restore(dir, backup)
	if err != nil {
		return Restored{}, err
	}
	restored := Restored{Backup: done.BackupInfo, Aside: done.Aside}
	restored.Videos, err = countVideos(ctx, dir)
	return restored, err
}

func countVideos(ctx context.Context, dir string) (n int, err error) {
	d, err := disk.Open(dir, disk.Options{})
	if err != nil {
		return 0, fmt.Errorf("look at what was restored: %w", err)
	}
	defer d.Close()
	identity, err := cluster.OpenIdentity(dir)
	if err != nil {
		return 0, fmt.Errorf("look at what was restored: %w", err)
	}
	records, err := rows.Open(ctx, rows.Config{Storage: d.Records(), Signer: identity})
	if err != nil {
		return 0, fmt.Errorf("look at what was restored: %w", err)
	}
	l, err := library.Open(ctx, records, d.Chunks(), library.Options{Self: identity.Writer(), Local: d.Records()})
	if err != nil {
		return 0, fmt.Errorf("look at what was restored: %w", err)
	}
	return l.Totals().Videos, nil
}
