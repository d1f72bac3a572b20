package cluster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"
)

// errMalformed says that bytes are not what their kind has.
var errMalformed = errors.New("malformed")

var (
	canonical = must(cbor.CoreDetEncOptions().EncMode())
	strict    = must(cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField, IndefLength: cbor.IndefLengthForbidden,
		TagsMd: cbor.TagsForbidden, MaxNestedLevels: 5, MaxMapPairs: 16, MaxArrayElements: maxElements,
	}.DecMode())
)

// maxElements is more than the longest list of any message has.
const maxElements = 1024

// must is for options that are constant.
func must[Mode any](mode Mode, err error) Mode {
	if err != nil {
		panic(err)
	}
	return mode
}

// encode returns canonical bytes (RFC 8949, section 4.2.1). What is handed in is of this package and can be encoded.
func encode(value any) []byte { return must(canonical.Marshal(value)) }

// decode reads what encode wrote into value and refuses everything else.
func decode(text []byte, value any) error {
	if err := strict.Unmarshal(text, value); err != nil {
		return fmt.Errorf("%w: %w", err, errMalformed)
	}
	if again, err := canonical.Marshal(value); err != nil || !bytes.Equal(again, text) {
		return fmt.Errorf("not the canonical form: %w", errMalformed)
	}
	return nil
}

// A message between nodes is four bytes of length, big endian, and so many bytes.

func writeFrame(w io.Writer, text []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
	return err
}

// readFrame reads a message of at most limit bytes.
func readFrame(r io.Reader, limit int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := int64(binary.BigEndian.Uint32(head[:]))
	if size > int64(limit) {
		return nil, fmt.Errorf("a message of %d bytes, at most %d: %w", size, limit, errMalformed)
	}
	// Room is made as bytes come, not as many as were claimed.
	var text bytes.Buffer
	if n, err := io.CopyN(&text, r, size); err != nil {
		return nil, fmt.Errorf("%d of %d bytes: %w", n, size, err)
	}
	return text.Bytes(), nil
}

// send and receive are writeFrame and readFrame with a value in them.
func send(w io.Writer, value any) error { return writeFrame(w, encode(value)) }

func receive(r io.Reader, limit int, value any) error {
	text, err := readFrame(r, limit)
	if err != nil {
		return err
	}
	return decode(text, value)
}
