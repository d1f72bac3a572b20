package main

import (
	"bytes"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
)

// manyVideos is how large a library is that must not slow down the start.
const manyVideos = 10_000

// measureStart multiplies the only video of a node, and starts the node over that again and again.
func measureStart(l *lab) error {
	dir, err := l.largeLibrary()
	if err != nil {
		return err
	}
	var starts []time.Duration
	var idle []float64
	for round := range l.rounds {
		took, memory, err := l.startAndIdle(dir)
		if err != nil {
			return err
		}
		l.say("  round %d: answers after %s, idles in %s", round+1, inMillis(took), inMB(memory))
		starts, idle = append(starts, took), append(idle, memory)
	}
	l.table.single("start with 10,000 videos, to the first answer", inSeconds(median(starts)), atMost(median(starts).Seconds(), 0.5, " s"))
	l.table.single("… idle after that, resident", inMB(median(idle)), atMost(median(idle)/1e6, 60, " MB"))
	return nil
}

// largeLibrary returns a data directory with many videos.
func (l *lab) largeLibrary() (dir string, err error) {
	source, err := l.film(hd())
	if err != nil {
		return "", err
	}
	b, err := l.startBox("")
	if err != nil {
		return "", err
	}
	id, err := b.addReady(source)
	b.stop()
	if err != nil {
		return "", err
	}
	return b.dir, multiply(filepath.Join(b.dir, "records.db"), id, manyVideos)
}

// multiply writes the record of a video again under other ids, until there are so many.
func multiply(path, id string, times int) error {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer db.Close()
	return db.Update(func(tx *bolt.Tx) error {
		videos := tx.Bucket([]byte("videos"))
		if videos == nil {
			return fmt.Errorf("%s has no videos", path)
		}
		record := bytes.Clone(videos.Get([]byte(id)))
		for i := range times - 1 {
			other := numberedID(i)
			if err := videos.Put(other, bytes.ReplaceAll(record, []byte(id), other)); err != nil {
				return err
			}
		}
		return nil
	})
}

// numberedID is a video's id: 16 bytes in lower-case base32.
func numberedID(i int) []byte {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], uint64(i)*0x9e3779b97f4a7c15) // spread over all ids, as random ones are
	binary.BigEndian.PutUint64(id[8:], uint64(i))
	text := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	return text.AppendEncode(nil, id[:])
}

func (l *lab) startAndIdle(dir string) (took time.Duration, memory float64, err error) {
	b, err := l.startBox(dir)
	if err != nil {
		return 0, 0, err
	}
	defer b.stop()
	time.Sleep(3 * time.Second)
	if memory, err = b.memory("VmRSS"); err != nil {
		return 0, 0, err
	}
	var status struct{ Library struct{ Videos int } }
	err = b.do(l.ctx, "GET", "/api/v1/status", nil, &status)
	if err == nil && status.Library.Videos != manyVideos {
		err = fmt.Errorf("the node has %d videos, want %d", status.Library.Videos, manyVideos)
	}
	return b.took, memory, err
}
