package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	roomViewers = 10_000
	// roomSettle is how long the room is left to itself before it is looked at, each viewer telling what it does.
	roomSettle = 15 * time.Second
	roomState  = 10 * time.Second
	roomAsks   = 200
)

// measureRooms lets 10,000 viewers join the room of a film and looks at the node's memory.
func measureRooms(l *lab) error {
	source, err := l.film(hd())
	if err != nil {
		return err
	}
	b, err := l.startBox("")
	if err != nil {
		return err
	}
	defer b.stop()
	id, err := b.addReady(source)
	if err != nil {
		return err
	}
	r := &room{box: b, video: id, address: strings.TrimPrefix(b.base, "http://")}
	if err := r.findRenditions(); err != nil {
		return err
	}
	before, err := r.quietMemory()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(l.ctx)
	var viewers sync.WaitGroup
	defer viewers.Wait()
	defer cancel()
	began := time.Now()
	if err := r.fill(ctx, &viewers); err != nil {
		return err
	}
	took := time.Since(began)
	most, asked, err := r.watch(ctx)
	if err != nil {
		return err
	}
	if lost := r.lost.Load(); lost > 0 {
		return fmt.Errorf("%d of %d viewers were lost", lost, roomViewers)
	}
	each := (most - before) / roomViewers
	l.say("  %d viewers joined in %s; the node had %s before and %s with them", roomViewers, inSeconds(took), inMB(before), inMB(most))
	l.table.single("10,000 viewers in one room: memory of each", fmt.Sprintf("%.1f KB", each/1e3), atMost(each/1e3, 20, " KB"))
	p95 := percentile(asked, 0.95)
	l.table.single("… playlist asked for meanwhile, 95 % within", inMillis(p95), atMost(float64(p95.Milliseconds()), 500, " ms"))
	return nil
}

// room is many viewers of one film.
type room struct {
	*box
	video, address string
	picture, sound string // renditions
	lost           atomic.Int64
	told           atomic.Int64 // messages from the room
}

// findRenditions finds out what viewers are to speak of: a room does not listen to talk of anything else.
func (r *room) findRenditions() error {
	var v struct{ Renditions []struct{ ID, Kind string } }
	if err := r.do(r.lab.ctx, http.MethodGet, "/api/v1/videos/"+r.video, nil, &v); err != nil {
		return err
	}
	for _, rendition := range v.Renditions {
		switch rendition.Kind {
		case "video":
			r.picture = rendition.ID
		case "audio":
			r.sound = rendition.ID
		}
	}
	return nil
}

// quietMemory is what the node takes when it has done for nobody for a while.
func (r *room) quietMemory() (float64, error) {
	time.Sleep(3 * time.Second)
	return r.memory("VmRSS")
}

// fill lets all viewers join, some at a time, and returns when the last one has.
func (r *room) fill(ctx context.Context, viewers *sync.WaitGroup) error {
	places := make(chan struct{}, 32)
	failed := make(chan error, 1)
	for i := range roomViewers {
		select {
		case places <- struct{}{}:
		case err := <-failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
		viewers.Go(func() {
			v, err := r.join(ctx, i)
			<-places
			if err != nil {
				select {
				case failed <- fmt.Errorf("viewer %d joins: %w", i, err):
				default: // another one failed before
				}
				return
			}
			v.live(ctx)
		})
	}
	for range cap(places) {
		places <- struct{}{}
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// watch looks at the memory while the viewers live, and asks for a playlist now and then.
func (r *room) watch(ctx context.Context) (most float64, asked []time.Duration, err error) {
	for end := time.Now().Add(roomSettle); time.Now().Before(end); time.Sleep(roomSettle / roomAsks) {
		began := time.Now()
		if _, err := r.get("/hls/" + r.video + "/master.m3u8"); err != nil {
			return 0, nil, err
		}
		asked = append(asked, time.Since(began))
		memory, err := r.memory("VmRSS")
		if err != nil {
			return 0, nil, err
		}
		most = max(most, memory)
	}
	return most, asked, ctx.Err()
}

// roomViewer speaks the WebSocket by hand: 10,000 of them must not need much themselves.
type roomViewer struct {
	net.Conn
	room   *room
	reader *bufio.Reader
	number int
}

func (r *room) join(ctx context.Context, number int) (*roomViewer, error) {
	ticket, err := r.ticket(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.address)
	if err != nil {
		return nil, err
	}
	v := &roomViewer{Conn: conn, room: r, reader: bufio.NewReaderSize(conn, 512), number: number}
	fmt.Fprintf(conn, "GET /api/v1/swarm?video=%s HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: shoal.swarm.1\r\n\r\n",
		url.QueryEscape(r.video), r.address, r.address)
	answer, err := http.ReadResponse(v.reader, nil)
	if err == nil && answer.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("the node answers %s", answer.Status)
	}
	if err == nil {
		err = v.say(`{"t":"join","viewer":"` + ticket + `","name":"viewer","share":"all"}`)
	}
	if err == nil {
		err = v.hear()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return v, nil
}

func (r *room) ticket(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/hls/"+r.video+"/master.m3u8", nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.Header.Get("Shoal-Viewer"), err
}

// live tells what a viewer does until ctx ends.
func (v *roomViewer) live(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { v.Close() })
	defer stop()
	var telling sync.WaitGroup
	telling.Go(func() { v.tell(ctx) })
	for {
		if err := v.hear(); err != nil {
			if ctx.Err() == nil {
				v.room.lost.Add(1)
			}
			v.Close()
			telling.Wait()
			return
		}
		v.room.told.Add(1)
	}
}

func (v *roomViewer) tell(ctx context.Context) {
	at := v.number % 100
	for {
		// The first chunks of a small film: everybody has some and asks for some.
		text := fmt.Sprintf(`{"t":"state","position":%d,"buffer":20,"playing":true,"renditions":[%q,%q],"peers":6,`+
			`"bytes":{"origin":9,"peers":9,"cache":9,"uploaded":9,"duplicate":0,"rejected":0}}`, at, v.room.picture, v.room.sound)
		have := fmt.Sprintf(`{"t":"have","full":true,"add":[[%q,0,%d],[%q,0,%d]],"drop":[]}`, v.room.picture, 1+at/3, v.room.sound, 1+at/5)
		lease := fmt.Sprintf(`{"t":"lease","chunks":[[%q,%d,2]],"urgent":false}`, v.room.picture, 2+at/3)
		if errors.Join(v.say(text), v.say(have), v.say(lease)) != nil {
			return // whoever reads notices
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(roomState):
		}
	}
}

// say sends a text in one masked frame (RFC 6455, section 5.2); a mask of zeros changes nothing.
func (v *roomViewer) say(text string) error {
	frame := []byte{0x81, 0x80 | 126, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(frame[2:], uint16(len(text)))
	_, err := v.Write(append(frame, text...))
	return err
}

// hear passes over one frame; pings are answered by what is said anyway.
func (v *roomViewer) hear() error {
	var head [2]byte
	if _, err := io.ReadFull(v.reader, head[:]); err != nil {
		return err
	}
	if head[0]&0xF == 8 {
		return errors.New("the node closed the connection")
	}
	length := int64(head[1] & 0x7F)
	if length == 126 {
		var long [2]byte
		if _, err := io.ReadFull(v.reader, long[:]); err != nil {
			return err
		}
		length = int64(binary.BigEndian.Uint16(long[:]))
	}
	_, err := io.CopyN(io.Discard, v.reader, length)
	return err
}
