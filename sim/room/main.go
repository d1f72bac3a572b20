// Command room is the room of one video in virtual time, for the simulation in web/test/sim: what viewers say comes in
// on standard input, what the room says goes out on standard output. It has no clock and no chance of its own, so the
// same input and seed give the same output.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"shoal/internal/swarm"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	seed := flag.Uint64("seed", 1, "of the room's chance")
	chunks := flag.String("chunks", "v0=150,a0=150", "the number of chunks of each rendition")
	flag.Parse()
	h, err := newHost(*seed, *chunks, os.Stdout)
	if err == nil {
		err = h.serve(ctx, os.Stdin)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "simulate the room: %v\n", err)
		os.Exit(1)
	}
}

// host plays the part of httpapi: it decodes what viewers send, ticks when something is due, and encodes.
//
// Lines in are MICROSECONDS TAB VIEWER TAB MESSAGE, in the order of time; the message "leave" is a close with 1000. The
// line "run MICROSECONDS" ends a batch: all up to that time is done. Lines out have the same form, with "close CODE" for
// the end of a connection; "done MICROSECONDS" ends them and tells when something is due, -1 for never. The line
// "counts" is answered by the room's counts as JSON.
type host struct {
	room  *swarm.Room
	begin time.Time
	now   time.Time
	out   *bufio.Writer
}

func newHost(seed uint64, chunks string, out io.Writer) (*host, error) {
	begin := time.UnixMilli(0)
	room := swarm.NewRoom(1, begin, rand.New(rand.NewPCG(seed, seed)))
	for _, part := range strings.Split(chunks, ",") {
		name, count, _ := strings.Cut(part, "=")
		n, err := strconv.ParseUint(count, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read chunks %q: %w", part, err)
		}
		room.Learn(name, uint32(n))
	}
	return &host{room: room, begin: begin, now: begin, out: bufio.NewWriterSize(out, 1<<20)}, nil
}

func (h *host) serve(ctx context.Context, in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for lines.Scan() && ctx.Err() == nil {
		if err := h.take(lines.Text()); err != nil {
			return fmt.Errorf("take %q: %w", lines.Text(), err)
		}
	}
	return lines.Err()
}

func (h *host) take(line string) error {
	if line == "counts" {
		text, err := json.Marshal(h.room.Counts())
		if err != nil {
			return err
		}
		fmt.Fprintf(h.out, "%s\n", text)
		return h.out.Flush()
	}
	if until, isRun := strings.CutPrefix(line, "run "); isRun {
		return h.run(until)
	}
	at, rest, _ := strings.Cut(line, "\t")
	who, text, _ := strings.Cut(rest, "\t")
	id, known := swarm.ParseID(who)
	if !known {
		return fmt.Errorf("%q is no viewer", who)
	}
	if err := h.advance(at); err != nil {
		return err
	}
	return h.hear(id, text)
}

func (h *host) hear(id swarm.ID, text string) error {
	if text == "leave" {
		h.send(h.room.Leave(id, true, h.now))
		return nil
	}
	m, err := swarm.Decode([]byte(text))
	if err != nil {
		return err
	}
	if join, ok := m.(*swarm.Join); ok {
		h.send(h.room.Join(swarm.Arrival{ID: id, Name: join.Name, Share: join.Share}, h.now))
	} else {
		h.send(h.room.Handle(id, m, h.now))
	}
	return nil
}

func (h *host) run(until string) error {
	if err := h.advance(until); err != nil {
		return err
	}
	due := int64(-1)
	if at := h.room.Due(); !at.IsZero() {
		due = at.Sub(h.begin).Microseconds()
	}
	fmt.Fprintf(h.out, "done %d\n", due)
	return h.out.Flush()
}

// advance does what is due on the way to a time in microseconds.
func (h *host) advance(micros string) error {
	n, err := strconv.ParseInt(micros, 10, 64)
	if err != nil {
		return err
	}
	until := h.begin.Add(time.Duration(n) * time.Microsecond)
	for {
		due := h.room.Due()
		if due.IsZero() || due.After(until) {
			break
		}
		if due.After(h.now) {
			h.now = due
		}
		h.send(h.room.Tick(h.now))
	}
	h.now = until
	return nil
}

func (h *host) send(out []swarm.Envelope) {
	at := h.now.Sub(h.begin).Microseconds()
	for _, e := range out {
		if e.Message == nil {
			fmt.Fprintf(h.out, "%d\t%s\tclose %d\n", at, e.To, e.Close)
			continue
		}
		fmt.Fprintf(h.out, "%d\t%s\t%s\n", at, e.To, swarm.Encode(e.Message))
	}
}
