package disk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	"shoal/internal/filesystem"
)

// A backup is one file: 8 bytes that name the kind of file, the version and the length of a header as two big-endian
// numbers of 32 bits, the header in JSON, as many bytes of records.db as that says, and the SHA-256 of all before it.
const (
	backupMagic   = "SHOALBAK"
	backupVersion = 1
	// maxBackupHeader is far longer than any header.
	maxBackupHeader = 64 << 10
)

// ErrBackup says that a file is no backup, or no longer the one that was made.
var ErrBackup = errors.New("not a whole backup")

// BackupInfo says what a backup is of.
type BackupInfo struct {
	Created time.Time `json:"created"`
	// Node is the name of the node, Version that of its program; both for people.
	Node    string `json:"node"`
	Version string `json:"version"`
	// Size is the length of records.db in bytes.
	Size int64 `json:"size"`
}

// Backup is a backup to read; the caller closes it. It belongs to one goroutine.
type Backup struct {
	file *os.File
	size int64
}

// Backup writes the records as they are now to a file of its own, so that nobody waits for a slow reader of it.
// Size of about is ignored. Errors: chunk.ErrFull, ErrDamaged, ErrClosed.
func (d *Disk) Backup(ctx context.Context, about BackupInfo) (*Backup, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := d.gate.enter(); err != nil {
		return nil, err
	}
	defer d.gate.leave()
	f, err := os.CreateTemp(d.chunks.temp, "backup-*")
	if err != nil {
		return nil, fmt.Errorf("back up records: %w", asFull(err))
	}
	b := &Backup{file: f}
	if b.size, err = d.records.writeBackup(f, about); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("back up records: %w", asFull(err)), b.Close())
	}
	return b, nil
}

// Size returns the length in bytes.
func (b *Backup) Size() int64 { return b.size }

func (b *Backup) Read(p []byte) (int, error) { return b.file.Read(p) }

// Close gives back the space.
func (b *Backup) Close() error {
	return errors.Join(b.file.Close(), os.Remove(b.file.Name()))
}

// writeBackup writes a whole backup of one moment, and nothing that could not be read in whole.
func (r *Records) writeBackup(w io.Writer, about BackupInfo) (size int64, err error) {
	sum := sha256.New()
	counted := &countingWriter{w: io.MultiWriter(w, sum)}
	err = r.db.view(func(tx *bolt.Tx) error {
		if err := readAll(tx); err != nil {
			return err
		}
		about.Size = tx.Size()
		if err := writeBackupHeader(counted, about); err != nil {
			return err
		}
		_, err := tx.WriteTo(counted)
		return err
	})
	if err == nil {
		_, err = w.Write(sum.Sum(nil))
	}
	return counted.n + sha256.Size, err
}

func writeBackupHeader(w io.Writer, about BackupInfo) error {
	header, err := json.Marshal(about)
	if err != nil {
		return err
	}
	head := append([]byte(backupMagic), make([]byte, 8)...)
	binary.BigEndian.PutUint32(head[8:], backupVersion)
	binary.BigEndian.PutUint32(head[12:], uint32(len(header)))
	_, err = w.Write(append(head, header...))
	return err
}

// readAll visits every record, which finds what makes no sense.
func readAll(tx *bolt.Tx) error {
	return tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
		var last []byte
		return b.ForEach(func(k, _ []byte) error {
			// Going on from a key that is out of order might never end.
			if last != nil && bytes.Compare(k, last) <= 0 {
				return fmt.Errorf("keys are out of order: %w", ErrDamaged)
			}
			last = k
			return nil
		})
	})
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// readBackup reads a whole backup and writes its records.db to db. What it wrote counts only when the error is
// nil. Errors: ErrBackup, and those of r and db.
func readBackup(r io.Reader, db io.Writer) (BackupInfo, error) {
	sum := sha256.New()
	summed := io.TeeReader(r, sum)
	info, err := readBackupHeader(summed)
	if err != nil {
		return info, err
	}
	if _, err := io.CopyN(db, summed, info.Size); err != nil {
		return info, cutShort(err)
	}
	return info, checkBackupEnd(r, sum)
}

// checkBackupEnd compares the hash at the end, behind which nothing may follow.
func checkBackupEnd(r io.Reader, sum hash.Hash) error {
	var end [sha256.Size]byte
	if _, err := io.ReadFull(r, end[:]); err != nil {
		return cutShort(err)
	}
	if !bytes.Equal(end[:], sum.Sum(nil)) {
		return fmt.Errorf("%w: its bytes were changed", ErrBackup)
	}
	if n, err := io.ReadFull(r, end[:1]); n > 0 {
		return fmt.Errorf("%w: something follows its end", ErrBackup)
	} else if err != io.EOF {
		return err
	}
	return nil
}

func readBackupHeader(r io.Reader) (info BackupInfo, err error) {
	var head [16]byte
	n, err := io.ReadFull(r, head[:])
	if string(head[:min(n, 8)]) != backupMagic[:min(n, 8)] || n == 0 {
		return info, fmt.Errorf("%w: shoal backup did not make it", ErrBackup)
	}
	if err != nil {
		return info, cutShort(err)
	}
	if version := binary.BigEndian.Uint32(head[8:]); version != backupVersion {
		return info, fmt.Errorf("%w: it has version %d, and this program reads version %d", ErrBackup, version, backupVersion)
	}
	length := binary.BigEndian.Uint32(head[12:])
	if length > maxBackupHeader {
		return info, fmt.Errorf("%w: a header of %d bytes", ErrBackup, length)
	}
	header := make([]byte, length)
	if _, err := io.ReadFull(r, header); err != nil {
		return info, cutShort(err)
	}
	if err := json.Unmarshal(header, &info); err != nil || info.Size < 1 {
		return info, fmt.Errorf("%w: its header makes no sense", ErrBackup)
	}
	return info, nil
}

// cutShort tells a file that ends too early from one that cannot be read.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut short", ErrBackup)
	}
	return err
}

// SaveBackup reads a backup, checks it and writes it to path, in the place of what was there, readable by its
// owner only. It is durable when the error is nil; otherwise path is as it was.
func SaveBackup(path string, r io.Reader) (BackupInfo, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".shoal-backup-*")
	if err != nil {
		return BackupInfo{}, fmt.Errorf("save backup: %w", err)
	}
	info, err := readBackup(io.TeeReader(r, f), io.Discard)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return info, errors.Join(fmt.Errorf("save backup: %w", err), ignoreMissing(os.Remove(f.Name())))
	}
	if err := filesystem.SyncDir(filepath.Dir(path)); err != nil {
		return info, fmt.Errorf("save backup: %w", err)
	}
	return info, nil
}
