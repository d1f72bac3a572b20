package drafts

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"shoal/internal/library"
	"shoal/internal/manifest"
)

// What travels, on a stream of its own for each question:
//
//	asker    → a frame with the question
//	answerer → a frame with the answer, and the canonical bytes of a manifest when the answer says how many there are
//
// A frame is four bytes of length, big-endian, and so many bytes of CBOR in the core deterministic encoding (RFC 8949, 4.2.1).

// maxFrame is more than any question or answer has, in bytes.
const maxFrame = 512

// ErrRefused says that the other side does not say what the protocol wants.
var ErrRefused = errors.New("not what the protocol wants")

// wireAsk's and wireAnswer's keys are the format: a number is never used again for another meaning.
type wireAsk struct {
	ID string `cbor:"1,keyasint"`
	// Known is the version of the draft that the asker has, 0 for none.
	Known uint64 `cbor:"2,keyasint"`
}

type wireAnswer struct {
	// Unknown is true when the video is not the answerer's to prepare; then nothing else is said.
	Unknown  bool          `cbor:"1,keyasint"`
	State    string        `cbor:"2,keyasint"`
	Stage    string        `cbor:"3,keyasint"`
	Progress float64       `cbor:"4,keyasint"`
	Duration time.Duration `cbor:"5,keyasint"`
	Playable bool          `cbor:"6,keyasint"`
	Version  uint64        `cbor:"7,keyasint"`
	// Size is how many bytes of a manifest follow, 0 when the asker has it.
	Size int64 `cbor:"8,keyasint"`
}

var (
	canonical = must(cbor.CoreDetEncOptions().EncMode())
	strict    = must(cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField, IndefLength: cbor.IndefLengthForbidden,
		TagsMd: cbor.TagsForbidden, MaxNestedLevels: 4, MaxMapPairs: 16, MaxArrayElements: 16,
	}.DecMode())
)

// must is for options that are constant.
func must[Mode any](mode Mode, err error) Mode {
	if err != nil {
		panic(err)
	}
	return mode
}

// send writes v as a frame with what follows it, at once.
func send(w io.Writer, v any, follows []byte) error {
	text, err := canonical.Marshal(v)
	if err != nil {
		return err
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(text)+len(follows)), uint32(len(text)))
	_, err = w.Write(append(append(frame, text...), follows...))
	return err
}

// receive reads a frame into v.
func receive(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxFrame {
		return fmt.Errorf("a frame of %d bytes, at most %d: %w", size, maxFrame, ErrRefused)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return err
	}
	if err := strict.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%w: %w", err, ErrRefused)
	}
	if again, err := canonical.Marshal(v); err != nil || !bytes.Equal(again, text) {
		return fmt.Errorf("not the canonical form: %w", ErrRefused)
	}
	return nil
}

// receiveManifest reads a manifest of so many bytes. Room is made as bytes come, not as many as were announced.
func receiveManifest(r io.Reader, size int64) (*manifest.Manifest, error) {
	if size < 0 || size > manifest.MaxEncoded {
		return nil, fmt.Errorf("a manifest of %d bytes: %w", size, ErrRefused)
	}
	var text bytes.Buffer
	if n, err := io.CopyN(&text, r, size); err != nil {
		return nil, fmt.Errorf("%d of %d bytes of a manifest: %w", n, size, err)
	}
	m, err := manifest.Decode(text.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrRefused)
	}
	return m, nil
}

var (
	states = []library.State{library.Receiving, library.Processing, library.Ready, library.Failed, library.Trashed}
	stages = []string{library.StageReceive, library.StageCheck, library.StagePrepare, library.StageCopy, library.StageDone}
)

// draft returns what the answer says, without the manifest.
func (a *wireAnswer) draft() (library.Draft, error) {
	d := library.Draft{
		State: library.State(a.State), Stage: a.Stage, Progress: a.Progress, Duration: a.Duration,
		Playable: a.Playable, Version: a.Version,
	}
	switch {
	case !slices.Contains(states, d.State):
		return d, fmt.Errorf("state %.20q: %w", a.State, ErrRefused)
	case !slices.Contains(stages, a.Stage):
		return d, fmt.Errorf("stage %.20q: %w", a.Stage, ErrRefused)
	case !(a.Progress >= 0 && a.Progress <= 1):
		return d, fmt.Errorf("progress %v: %w", a.Progress, ErrRefused)
	case a.Duration < 0 || a.Duration > manifest.MaxLength:
		return d, fmt.Errorf("duration %s: %w", a.Duration, ErrRefused)
	case a.Size != 0 && a.Version == 0:
		return d, fmt.Errorf("a manifest without a version: %w", ErrRefused)
	}
	return d, nil
}
