package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	p2p "github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
)

// Bare is what a node between nodes is compared with: two processes, one libp2p stream over TCP and TLS with libp2p's own
// settings, and on it pieces of 1 MiB with their SHA-256 before them. No store, no names, no choice of whom to ask.

const (
	// bareMark tells the program in its environment which of the two it is.
	bareMark  = "SHOAL_BENCH_BARE"
	pieceSize = 1 << 20
	// piecesKept are the sender's, in memory; pieceAhead is how many the reader holds for who reads from it.
	piecesKept, pieceAhead = 32, 2
)

// bare is the two processes.
type bare struct{ sender, reader *process }

// bareBase are where the reader answers: /direct only verifies so many bytes, /through hands them on too, as a node does.
type bareReader struct {
	bare
	base string
}

func (b *bareReader) stop() {
	b.reader.stop()
	b.sender.stop()
}

// startBare runs both processes.
func (l *lab) startBare() (*bareReader, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &bareReader{}
	var at string
	if b.sender, at, err = startBareOne(self, "send"); err != nil {
		return nil, err
	}
	if b.reader, b.base, err = startBareOne(self, "read "+at); err != nil {
		b.sender.stop()
		return nil, err
	}
	return b, nil
}

// startBareOne runs this program as one of the two, and returns what it says first: where it can be reached.
func startBareOne(self, part string) (*process, string, error) {
	p := &process{cmd: exec.Command(self), said: &tail{}, ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), bareMark+"="+part), p.said
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, "", err
	}
	var at string
	_, err = fmt.Fscanln(out, &at)
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // how it ended is of no interest
	}()
	if err != nil {
		p.stop()
		return nil, "", fmt.Errorf("a bare stream: %w: %s", err, p.said)
	}
	return p, at, nil
}

// runBare is the program as one of the two, until ctx ends; is says that it was started as that.
func runBare(ctx context.Context) (is bool, err error) {
	part, at, _ := strings.Cut(os.Getenv(bareMark), " ")
	switch part {
	case "send":
		return true, bareSend(ctx)
	case "read":
		return true, bareRead(ctx, at)
	}
	return false, nil
}

// bareSend answers each stream with pieces for as long as it is read.
func bareSend(ctx context.Context) error {
	s, id, err := bareSwarm()
	if err != nil {
		return err
	}
	defer s.Close()
	var pieces [][]byte
	for range piecesKept {
		piece := make([]byte, sha256.Size+pieceSize)
		_, _ = rand.Read(piece[sha256.Size:]) // it never fails
		sum := sha256.Sum256(piece[sha256.Size:])
		copy(piece, sum[:])
		pieces = append(pieces, piece)
	}
	s.SetStreamHandler(func(stream p2p.Stream) {
		defer stream.Reset()
		for i := 0; ; i++ {
			if _, err := stream.Write(pieces[i%piecesKept]); err != nil {
				return
			}
		}
	})
	if err := s.Listen(ma.StringCast("/ip4/" + loopback + "/tcp/0")); err != nil {
		return err
	}
	fmt.Printf("%s/p2p/%s\n", s.ListenAddresses()[0], id)
	<-ctx.Done()
	return nil
}

// bareRead reads from the sender whenever it is asked over HTTP.
func bareRead(ctx context.Context, at string) error {
	s, _, err := bareSwarm()
	if err != nil {
		return err
	}
	defer s.Close()
	to, err := peer.AddrInfoFromString(at)
	if err != nil {
		return err
	}
	s.Peerstore().AddAddrs(to.ID, to.Addrs, time.Hour)
	listener, err := net.Listen("tcp", loopback+":0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var count int64
		if _, err := fmt.Sscan(r.URL.Query().Get("pieces"), &count); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if r.URL.Path == "/through" {
			w.Header().Set("Content-Length", fmt.Sprint(count*pieceSize))
		}
		if err := barePieces(r.Context(), s, to.ID, count, r.URL.Path == "/through", w); err != nil {
			panic(http.ErrAbortHandler) // the connection breaks, so that nobody takes this for a measurement
		}
	})}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// barePieces reads pieces and verifies them while the ones before are handed on.
func barePieces(ctx context.Context, s *swarm.Swarm, from peer.ID, count int64, through bool, w io.Writer) error {
	stream, err := s.NewStream(ctx, from)
	if err != nil {
		return err
	}
	defer stream.Reset()
	free, full, failed := make(chan []byte, pieceAhead+1), make(chan []byte, pieceAhead), make(chan error, 1)
	for range pieceAhead + 1 {
		free <- make([]byte, sha256.Size+pieceSize)
	}
	go func() {
		defer close(full)
		failed <- verifyPieces(ctx, stream, count, free, full)
	}()
	for piece := range full {
		if through && err == nil {
			_, err = w.Write(piece[sha256.Size:])
		}
		free <- piece
	}
	return errors.Join(err, <-failed)
}

func verifyPieces(ctx context.Context, from io.Reader, count int64, free <-chan []byte, full chan<- []byte) error {
	for range count {
		piece := <-free
		if _, err := io.ReadFull(from, piece); err != nil {
			return err
		}
		if sha256.Sum256(piece[sha256.Size:]) != [sha256.Size]byte(piece) {
			return errors.New("a piece is not what its hash says")
		}
		full <- piece
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// bareSwarm is libp2p's TCP with TLS and yamux, all with their own settings.
func bareSwarm() (*swarm.Swarm, peer.ID, error) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, "", err
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, "", err
	}
	peers, err := pstoremem.NewPeerstore()
	if err != nil {
		return nil, "", err
	}
	s, err := swarm.NewSwarm(id, peers, eventbus.NewBus())
	if err != nil {
		return nil, "", err
	}
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: yamux.DefaultTransport}}
	secure, err := tls.New(tls.ID, key, muxers)
	if err != nil {
		return nil, "", err
	}
	up, err := upgrader.New([]sec.SecureTransport{secure}, muxers, nil, &p2p.NullResourceManager{}, nil)
	if err != nil {
		return nil, "", err
	}
	transport, err := tcp.NewTCPTransport(up, &p2p.NullResourceManager{}, nil)
	if err != nil {
		return nil, "", err
	}
	return s, id, errors.Join(peers.AddPrivKey(id, key), peers.AddPubKey(id, key.GetPublic()), s.AddTransport(transport))
}
