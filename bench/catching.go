package main

import (
	"bytes"
	"context"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"time"

	"shoal/internal/cluster"
	"shoal/internal/disk"
	"shoal/internal/rows"
)

// measureCatchUp lets a node be away while another one gets 10,000 videos. They are written into the other's records while it
// stands still too; the real thing would take the imports of as many films.
func measureCatchUp(l *lab) error {
	source, err := l.film(hd())
	if err != nil {
		return err
	}
	var took, begun []time.Duration
	for round := range l.rounds {
		all, first, err := l.timeCatchUp(source)
		if err != nil {
			return err
		}
		l.say("  round %d: all videos after %s, from the start of the program", round+1, inSeconds(all))
		took, begun = append(took, all), append(begun, first)
	}
	l.table.single("a node that was away learns of 10,000 videos; from its start", inSeconds(median(took)), atMost(median(took).Seconds(), 10, " s"))
	l.table.told("… of that until it answers", inSeconds(median(begun)), "")
	return nil
}

func (l *lab) timeCatchUp(source string) (all, first time.Duration, err error) {
	f, err := l.startFleet(nil, nil)
	if err != nil {
		return 0, 0, err
	}
	defer f.discard()
	id, err := f.add(source)
	if err != nil {
		return 0, 0, err
	}
	for _, b := range f.boxes {
		b.stop()
	}
	if err := multiply(l.ctx, f.boxes[0].dir, id, manyVideos); err != nil {
		return 0, 0, err
	}
	if f.boxes[0], err = f.boxes[0].again(); err != nil {
		return 0, 0, err
	}
	if n, err := f.boxes[0].total(); err != nil {
		return 0, 0, err
	} else if n != manyVideos {
		return 0, 0, fmt.Errorf("the first node has %d videos, want %d", n, manyVideos)
	}
	began := time.Now()
	if f.boxes[1], err = f.boxes[1].again(); err != nil {
		return 0, 0, err
	}
	err = l.within(2*time.Minute, "all videos to be known", func() (bool, error) {
		n, err := f.boxes[1].total()
		return n == manyVideos, err
	})
	return time.Since(began), f.boxes[1].took, err
}

// multiply writes the record of the only video of a node that does not run again under other ids, until there are so many, as
// that node would.
func multiply(ctx context.Context, dir, id string, times int) (err error) {
	d, err := disk.Open(dir, disk.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	identity, err := cluster.OpenIdentity(dir)
	if err != nil {
		return err
	}
	written := &heap{Records: d.Records(), values: make(map[string][]byte)}
	table, err := rows.Open(ctx, rows.Config{Storage: written, Signer: identity})
	if err != nil {
		return err
	}
	const videos = "videos"
	record, err := table.Load(ctx, videos, id)
	if err != nil {
		return err
	}
	for i := range times - 1 {
		other := numberedID(i)
		if err := table.Save(ctx, videos, string(other), bytes.ReplaceAll(record, []byte(id), other)); err != nil {
			return err
		}
	}
	return d.Records().SaveAll(ctx, written.bucket, written.values)
}

// heap keeps what is to be written until all of it is, since 10,000 durable writes take minutes.
type heap struct {
	*disk.Records
	bucket string
	values map[string][]byte
}

func (h *heap) SaveAll(_ context.Context, bucket string, values map[string][]byte) error {
	h.bucket = bucket
	maps.Copy(h.values, values)
	return nil
}

// numberedID is a video's id: 16 bytes in lower-case base32.
func numberedID(i int) []byte {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], uint64(i)*0x9e3779b97f4a7c15) // spread over all ids, as random ones are
	binary.BigEndian.PutUint64(id[8:], uint64(i))
	text := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	return text.AppendEncode(nil, id[:])
}
