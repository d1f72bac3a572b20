package disk_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
)

// withRecords returns a closed directory with some records and a chunk, and the path of its records.db.
func withRecords(t *testing.T) (dir, path string) {
	t.Helper()
	dir = folder(t)
	d := open(t, dir, disk.Options{})
	chunktest.Put(t, d.Chunks(), []byte("abc"))
	for i := range 200 {
		save(t, d, "videos", fmt.Sprintf("%03d", i), bytes.Repeat([]byte{byte(i)}, 900))
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, filepath.Join(dir, "records.db")
}

func rewrite(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedRecordsAreAClearError(t *testing.T) {
	dir, path := withRecords(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	for name, bad := range map[string][]byte{
		"empty":              {},
		"text":               []byte("this is not a database"),
		"zeros":              make([]byte, len(good)),
		"one page":           good[:page],
		"two pages":          good[:2*page],
		"half":               good[:len(good)/2],
		"a page short":       good[:len(good)/8],
		"no good meta page":  append(make([]byte, 2*page), good[2*page:]...),
		"all pages but meta": append(bytes.Clone(good[:2*page]), bytes.Repeat([]byte{0xff}, len(good)-2*page)...),
	} {
		t.Run(name, func(t *testing.T) {
			rewrite(t, path, bad)
			d, err := disk.Open(dir, disk.Options{})
			if err == nil {
				defer d.Close()
				err = d.Records().Each(t.Context(), "videos", func(string, []byte) error { return nil })
			}
			if !errors.Is(err, disk.ErrDamaged) || !strings.Contains(err.Error(), "put back a backup") {
				t.Errorf("%v, want ErrDamaged and what to do", err)
			}
		})
	}
	rewrite(t, path, good)
	if got := keys(t, open(t, dir, disk.Options{}), "videos"); len(got) != 200 {
		t.Errorf("%d records after the good file was put back, want 200", len(got))
	}
}

func TestLostRecordsAreNoEmptyLibrary(t *testing.T) {
	dir, path := withRecords(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if d, err := disk.Open(dir, disk.Options{}); !errors.Is(err, disk.ErrDamaged) {
		d.Close()
		t.Errorf("open: %v, want ErrDamaged", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("an empty records.db was made")
	}
}

func TestFirstStartThatWasInterruptedIsNoDamage(t *testing.T) {
	dir := folder(t)
	d := open(t, dir, disk.Options{})
	d.Close()
	path := filepath.Join(dir, "records.db")
	for _, half := range [][]byte{{}, make([]byte, 100), make([]byte, 16384)} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		rewrite(t, path+".new", half)
		d := open(t, dir, disk.Options{})
		save(t, d, "videos", "a", nil)
		d.Close()
	}
	if left, err := os.Stat(path + ".new"); err == nil {
		t.Errorf("%s is left", left.Name())
	}
}

// use does with records what a process may do, and returns the first error.
func use(t *testing.T, d *disk.Disk) error {
	for _, bucket := range []string{"videos", "tokens"} {
		if err := d.Records().Each(t.Context(), bucket, func(string, []byte) error { return nil }); err != nil {
			return err
		}
		if err := d.Records().Save(t.Context(), bucket, "050", make([]byte, 5000)); err != nil {
			return err
		}
		if err := d.Records().Delete(t.Context(), bucket, "051"); err != nil {
			return err
		}
	}
	return nil
}

func TestRandomDamageIsNeverAPanic(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir, path := withRecords(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for range 40 {
		bad := bytes.Clone(good)
		for range 1 + random.IntN(20) {
			// The heads of pages hold what a reader follows.
			at := random.IntN(len(bad)/os.Getpagesize())*os.Getpagesize() + random.IntN(200)
			bad[at] ^= 1 << random.IntN(8)
		}
		rewrite(t, path, bad)
		d, err := disk.Open(dir, disk.Options{})
		if err == nil {
			err = use(t, d)
			d.Close()
		}
		if err != nil {
			found++
			if !errors.Is(err, disk.ErrDamaged) {
				t.Errorf("%v, want ErrDamaged", err)
			}
		}
	}
	t.Logf("%d of 40 damaged files were found out", found)
	if found == 0 {
		t.Error("no damage was found out")
	}
}
