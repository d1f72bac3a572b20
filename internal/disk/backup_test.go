package disk_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
)

// backup returns the bytes of a backup.
func backup(t testing.TB, d *disk.Disk) []byte {
	t.Helper()
	b, err := d.Backup(t.Context(), disk.BackupInfo{Created: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Node: "attic", Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(b)
	if err != nil || int64(len(data)) != b.Size() {
		t.Fatalf("read %d of %d bytes: %v", len(data), b.Size(), err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return data
}

// withBackup returns a closed directory of 200 videos and one chunk, and a backup with 100 of the videos.
func withBackup(t testing.TB) (dir string, saved []byte) {
	t.Helper()
	dir = folder(t)
	d := open(t, dir, disk.Options{})
	chunktest.Put(t, d.Chunks(), []byte("abc"))
	for i := range 200 {
		if i == 100 {
			saved = backup(t, d)
		}
		save(t, d, "videos", fmt.Sprintf("%03d", i), bytes.Repeat([]byte{byte(i)}, 900))
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, saved
}

// videos counts the records of a directory, whose totals must be right.
func videos(t testing.TB, dir string) int {
	t.Helper()
	d, err := disk.Open(dir, disk.Options{})
	if err != nil {
		t.Errorf("open: %v", err)
		return -1
	}
	defer d.Close()
	return len(keys(t, d, "videos"))
}

func TestRestoreBringsBackTheRecordsOfTheBackup(t *testing.T) {
	dir, saved := withBackup(t)
	started := time.Now()
	done, err := disk.Restore(dir, bytes.NewReader(saved))
	if err != nil {
		t.Fatal(err)
	}
	if done.Node != "attic" || done.Version != "1.2.3" || done.Created.Year() != 2026 {
		t.Errorf("restored %+v", done)
	}
	d := open(t, dir, disk.Options{})
	if got := len(keys(t, d, "videos")); got != 100 {
		t.Errorf("%d records, want 100", got)
	}
	if at := d.Restored(); at.Before(started.Add(-time.Second)) || at.After(time.Now()) {
		t.Errorf("restored at %s", at)
	}
	chunktest.Holds(t, d.Chunks(), []byte("abc"))
	runOnce(t, d)
	if got := d.Chunks().Stats().Totals; got != (disk.Totals{Chunks: 1, Bytes: 3, Exact: true}) {
		t.Errorf("totals %+v", got)
	}
	// The records from before are whole: they can be put back by hand.
	d.Close()
	if err := os.Rename(done.Aside, filepath.Join(dir, "records.db")); err != nil {
		t.Fatal(err)
	}
	if got := videos(t, dir); got != 200 {
		t.Errorf("%d records were kept aside, want 200", got)
	}
}

func TestRestoreMakesADirectory(t *testing.T) {
	_, saved := withBackup(t)
	dir := filepath.Join(folder(t), "new", "place")
	done, err := disk.Restore(dir, bytes.NewReader(saved))
	if err != nil || done.Aside != "" {
		t.Fatalf("%+v, %v", done, err)
	}
	if got := videos(t, dir); got != 100 {
		t.Errorf("%d records, want 100", got)
	}
}

func TestBackupIsOfOneMomentWhileRecordsChange(t *testing.T) {
	d := open(t, folder(t), disk.Options{})
	b, err := d.Backup(t.Context(), disk.BackupInfo{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		// The file grows, which a reader of it must not hold up.
		save(t, d, "videos", fmt.Sprint(i), make([]byte, 20_000))
	}
	dir := folder(t)
	if _, err := disk.Restore(dir, b); err != nil {
		t.Fatal(err)
	}
	if got := videos(t, dir); got != 0 {
		t.Errorf("%d records of later are in it", got)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestBackupLeavesNothing(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	backup(t, d)
	if left := files(t, filepath.Join(dir, "chunks", "tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	d.Close()
	if _, err := d.Backup(t.Context(), disk.BackupInfo{}); !errors.Is(err, disk.ErrClosed) {
		t.Errorf("of a closed disk: %v", err)
	}
}

// resealed changes a backup and gives it the hash that fits.
func resealed(saved []byte, change func([]byte) []byte) []byte {
	body := change(bytes.Clone(saved[:len(saved)-sha256.Size]))
	sum := sha256.Sum256(body)
	return append(body, sum[:]...)
}

func badBackups(saved []byte) map[string][]byte {
	header := int(binary.BigEndian.Uint32(saved[12:]))
	return map[string][]byte{
		"empty":               {},
		"text":                []byte("this is not a backup, and long enough to have a head"),
		"records.db itself":   saved[16+header : len(saved)-sha256.Size],
		"head only":           saved[:16],
		"cut in the header":   saved[:20],
		"cut in the records":  saved[:len(saved)/2],
		"cut at the hash":     saved[:len(saved)-sha256.Size],
		"a byte short":        saved[:len(saved)-1],
		"a byte more":         append(bytes.Clone(saved), 0),
		"a bit flipped":       flipped(saved, len(saved)/2),
		"hash flipped":        flipped(saved, len(saved)-1),
		"header flipped":      flipped(saved, 18),
		"newer version":       resealed(saved, func(b []byte) []byte { b[11]++; return b }),
		"endless header":      resealed(saved, func(b []byte) []byte { b[12] = 0xff; return b }),
		"records of nonsense": resealed(saved, func(b []byte) []byte { clear(b[16+header:]); return b }),
		"records cut short": resealed(saved, func(b []byte) []byte {
			text := fmt.Appendf(nil, `{"size":%d}`, 8192)
			b = append(append(b[:16:16], text...), b[16+header:][:8192]...)
			binary.BigEndian.PutUint32(b[12:], uint32(len(text)))
			return b
		}),
	}
}

func flipped(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 1
	return data
}

func TestDamagedBackupIsRefusedAndChangesNothing(t *testing.T) {
	dir, saved := withBackup(t)
	before := files(t, dir)
	for name, bad := range badBackups(saved) {
		t.Run(name, func(t *testing.T) {
			if _, err := disk.Restore(dir, bytes.NewReader(bad)); !errors.Is(err, disk.ErrBackup) {
				t.Errorf("restore: %v, want ErrBackup", err)
			}
			if after := files(t, dir); strings.Join(after, " ") != strings.Join(before, " ") {
				t.Errorf("files are %v, want %v", after, before)
			}
			if got := videos(t, dir); got != 200 {
				t.Errorf("%d records, want 200", got)
			}
		})
	}
}

func TestRestoreRefusesADirectoryInUse(t *testing.T) {
	dir, saved := withBackup(t)
	d := open(t, dir, disk.Options{})
	if _, err := disk.Restore(dir, bytes.NewReader(saved)); !errors.Is(err, disk.ErrInUse) {
		t.Errorf("restore: %v, want ErrInUse", err)
	}
	if got := len(keys(t, d, "videos")); got != 200 {
		t.Errorf("%d records, want 200", got)
	}
}

func TestRestoreThatIsKilledLeavesTheOldRecordsOrTheNew(t *testing.T) {
	for _, step := range disk.RestoreSteps {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, done %v", step, done), func(t *testing.T) {
				dir, saved := withBackup(t)
				disk.RestoreUntil(dir, bytes.NewReader(saved), step, done)
				want := 200
				if done && step == disk.RestoreSteps[len(disk.RestoreSteps)-1] {
					want = 100
				}
				if got := videos(t, dir); got != want {
					t.Errorf("%d records, want %d", got, want)
				}
				if _, err := disk.Restore(dir, bytes.NewReader(saved)); err != nil {
					t.Errorf("restore again: %v", err)
				}
				if got := videos(t, dir); got != 100 {
					t.Errorf("%d records in the end, want 100", got)
				}
			})
		}
	}
}

func TestSavedBackupIsTheOwnersAloneAndWhole(t *testing.T) {
	_, saved := withBackup(t)
	dir := folder(t)
	path := filepath.Join(dir, "library.backup")
	for range 2 {
		if info, err := disk.SaveBackup(path, bytes.NewReader(saved)); err != nil || info.Node != "attic" {
			t.Fatalf("%+v, %v", info, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for name, bad := range badBackups(saved) {
		if strings.HasPrefix(name, "records") && name != "records.db itself" {
			continue // What is in the records is looked at when they are restored.
		}
		if _, err := disk.SaveBackup(path, bytes.NewReader(bad)); !errors.Is(err, disk.ErrBackup) {
			t.Errorf("%s: %v, want ErrBackup", name, err)
		}
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, saved) {
		t.Errorf("the good backup was overwritten: %v", err)
	}
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBackupOfDamagedRecordsIsNotMade(t *testing.T) {
	dir, path := withRecords(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	bad := bytes.Clone(good)
	for at := 2 * page; at < len(bad); at += page {
		clear(bad[at+16 : at+page]) // The heads of the pages make sense, what is in them does not.
	}
	rewrite(t, path, bad)
	d, err := disk.Open(dir, disk.Options{})
	if err == nil {
		defer d.Close()
		_, err = d.Backup(t.Context(), disk.BackupInfo{})
	}
	if !errors.Is(err, disk.ErrDamaged) {
		t.Errorf("%v, want ErrDamaged", err)
	}
}

func FuzzBackupIsReadOrRefused(f *testing.F) {
	_, saved := withBackup(f)
	f.Add(saved[:200])
	for _, bad := range badBackups(saved) {
		f.Add(bad[:min(len(bad), 300)])
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := disk.SaveBackup(filepath.Join(dir, "b"), bytes.NewReader(data))
		if err != nil && !errors.Is(err, disk.ErrBackup) {
			t.Errorf("%v, want ErrBackup", err)
		}
		if err == nil && info.Size > int64(len(data)) {
			t.Errorf("%d bytes of records in %d", info.Size, len(data))
		}
	})
}
