package cluster_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	blankhost "github.com/libp2p/go-libp2p/p2p/host/blank"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"

	"shoal/internal/placement"
)

// oneChunk is how a chunk is asked for here: 36 bytes of question, 1 MiB of answer, a stream for each.
const oneChunk = 1 << 20

func answerChunk(w io.ReadWriter, chunk []byte) {
	var question [36]byte
	if _, err := io.ReadFull(w, question[:]); err == nil {
		_, _ = w.Write(binary.BigEndian.AppendUint32(nil, oneChunk))
		_, _ = w.Write(chunk)
	}
}

func askChunk(b *testing.B, c io.ReadWriteCloser, buffer []byte) {
	b.Helper()
	var question [36]byte
	if _, err := c.Write(question[:]); err != nil {
		b.Fatal(err)
	}
	if _, err := io.ReadFull(c, buffer); err != nil {
		b.Fatal(err)
	}
	if n, err := c.Read(buffer[:1]); n != 0 || err != io.EOF {
		b.Fatal(n, err)
	}
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
}

func chunkAndBuffer() (chunk, buffer []byte) {
	chunk, buffer = make([]byte, oneChunk), make([]byte, oneChunk+4)
	_, _ = rand.Read(chunk)
	return chunk, buffer
}

// BenchmarkChunk asks for chunks by Dial and Handle.
func BenchmarkChunk(b *testing.B) {
	chunk, buffer := chunkAndBuffer()
	asks, answers := pair(b, "tcp", 0, func(_ context.Context, _ placement.NodeID, c net.Conn) { answerChunk(c, chunk) })
	b.SetBytes(oneChunk)
	for b.Loop() {
		askChunk(b, asks.dial(b, answers, "/shoal/test/1"), buffer)
	}
}

// BenchmarkBareStream asks the same by streams of libp2p's own host, with its defaults, over TCP and TLS.
func BenchmarkBareStream(b *testing.B) {
	chunk, buffer := chunkAndBuffer()
	asks, answers := bareHost(b), bareHost(b)
	answers.SetStreamHandler("/shoal/test/1", func(s network.Stream) { answerChunk(s, chunk); s.Close() })
	if err := asks.Connect(b.Context(), peer.AddrInfo{ID: answers.ID(), Addrs: answers.Addrs()}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(oneChunk)
	for b.Loop() {
		s, err := asks.NewStream(b.Context(), answers.ID(), "/shoal/test/1")
		if err != nil {
			b.Fatal(err)
		}
		askChunk(b, s, buffer)
	}
}

// bareHost is libp2p's smallest host, over TCP with TLS and its multiplexer as they are.
func bareHost(b *testing.B) host.Host {
	b.Helper()
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	check(err)
	id, err := peer.IDFromPrivateKey(key)
	check(err)
	peers, err := pstoremem.NewPeerstore()
	check(err)
	check(peers.AddPrivKey(id, key))
	s, err := swarm.NewSwarm(id, peers, eventbus.NewBus())
	check(err)
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: yamux.DefaultTransport}}
	secure, err := tls.New(tls.ID, key, muxers)
	check(err)
	up, err := upgrader.New([]sec.SecureTransport{secure}, muxers, nil, nil, nil)
	check(err)
	over, err := tcp.NewTCPTransport(up, nil, nil)
	check(err)
	check(s.AddTransport(over))
	check(s.AddListenAddr(ma.StringCast("/ip4/127.0.0.1/tcp/0")))
	h := blankhost.NewBlankHost(s, blankhost.WithEventBus(eventbus.NewBus()))
	b.Cleanup(func() { h.Close(); peers.Close() })
	return h
}

// BenchmarkSmall is the time of a question and a small answer.
func BenchmarkSmall(b *testing.B) {
	asks, answers := pair(b, "tcp", 0, func(_ context.Context, _ placement.NodeID, c net.Conn) { _, _ = io.CopyN(c, c, 64) })
	for b.Loop() {
		c := asks.dial(b, answers, "/shoal/test/1")
		if _, err := c.Write(make([]byte, 64)); err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, c); err != nil || n != 64 {
			b.Fatal(n, err)
		}
		c.Close()
	}
}
