package disk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	"shoal/internal/filesystem"
)

// restoredKey is where the time of the last Restore is kept, in ownBucket.
const restoredKey = "restored"

// Restored says what Restore did.
type Restored struct {
	BackupInfo
	// Aside is where the records from before lie now, "" when there were none.
	Aside string
}

// The points of a restore at which a process may be killed.
const (
	stepUnpack  step = "unpack backup"
	stepInspect step = "inspect records"
	stepAside   step = "keep old records"
	stepReplace step = "replace records"
)

// Restore puts the records of a backup into dir, which no process may be using. The records that were there are
// kept beside. Whenever it is interrupted, dir has either the old records or the new ones, whole.
// Errors: ErrInUse, ErrBackup, chunk.ErrFull.
func Restore(dir string, backup io.Reader) (Restored, error) {
	done, err := restore(dir, backup, func(_ step, apply func() error) error { return apply() })
	if err != nil {
		return done, fmt.Errorf("restore records in %s: %w", dir, asFull(err))
	}
	return done, nil
}

func restore(dir string, backup io.Reader, do func(step, func() error) error) (done Restored, err error) {
	if err := makeDir(dir); err != nil {
		return done, err
	}
	lock, err := takeLock(filepath.Join(dir, "lock"))
	if err != nil {
		return done, err
	}
	defer lock.Close()
	path, fresh := filepath.Join(dir, "records.db"), filepath.Join(dir, "records.db.restored")
	now := time.Now()
	err = do(stepUnpack, func() (err error) { done.BackupInfo, err = unpack(backup, fresh); return err })
	if err == nil {
		err = do(stepInspect, func() error { return inspect(fresh, now) })
	}
	if err == nil {
		err = do(stepAside, func() (err error) { done.Aside, err = keepAside(path, now); return err })
	}
	if err == nil {
		err = do(stepReplace, func() error { return os.Rename(fresh, path) })
	}
	if err != nil {
		return done, errors.Join(err, ignoreMissing(os.Remove(fresh)))
	}
	return done, filesystem.SyncDir(dir)
}

// unpack writes the records of a backup to a file of their own.
func unpack(backup io.Reader, path string) (BackupInfo, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return BackupInfo{}, err
	}
	info, err := readBackup(backup, f)
	return info, errors.Join(err, f.Sync(), f.Close())
}

// inspect reads all records and notes in them that they were restored. What they say of the chunks on a
// disk is forgotten, since that is another one or has changed.
func inspect(path string, now time.Time) error {
	db, err := openGuarded(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBackup, err)
	}
	text, err := json.Marshal(now)
	if err == nil {
		err = db.view(readAll)
	}
	if err == nil {
		err = db.update(func(tx *bolt.Tx) error {
			own, err := tx.CreateBucketIfNotExists([]byte(ownBucket))
			if err != nil {
				return err
			}
			return errors.Join(own.Delete([]byte(usageKey)), own.Put([]byte(restoredKey), text))
		})
	}
	return errors.Join(err, db.close())
}

// keepAside gives the records a second name, durably, and returns that; the first one stays until it is
// taken over, so that there are records at any moment.
func keepAside(path string, now time.Time) (aside string, err error) {
	aside = path + ".before-" + now.UTC().Format("20060102T150405.000")
	err = os.Link(path, aside)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		// Not every file system has links.
		err = copyFile(path, aside)
	}
	if err != nil {
		return "", err
	}
	return aside, filesystem.SyncDir(filepath.Dir(path))
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, source)
	return errors.Join(err, f.Sync(), f.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func loadRestored(r *Records) (at time.Time, err error) {
	value, err := r.load(ownBucket, restoredKey)
	if errors.Is(err, fs.ErrNotExist) {
		return at, nil
	}
	if err == nil {
		err = json.Unmarshal(value, &at)
	}
	if err != nil {
		return at, fmt.Errorf("load time of restore: %w", err)
	}
	return at, nil
}

// Restored returns when the records were put back from a backup, zero when they never were.
func (d *Disk) Restored() time.Time { return d.restored }
