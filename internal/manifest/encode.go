package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// MaxEncoded is the longest encoded manifest in bytes.
const MaxEncoded = 64 << 20

// Least bytes that an element of a list takes; a list never claims more elements than its bytes can hold.
const (
	leastRendition = 16
	leastSegment   = 80
	leastChunk     = 36
	leastChapter   = 3
)

// Encode returns the canonical bytes of m: equal manifests give equal bytes (CBOR in the core
// deterministic encoding of RFC 8949, 4.2.1). It refuses what Validate refuses.
func (m *Manifest) Encode() ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	b, err := encoding.Marshal(toWire(m))
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	if len(b) > MaxEncoded {
		return nil, fmt.Errorf("encode manifest: %w: %d bytes, at most %d", ErrInvalid, len(b), MaxEncoded)
	}
	return b, nil
}

// Decode reads what Encode writes and nothing else; every error wraps ErrInvalid. It allocates a small
// multiple of len(b) whatever b holds, and keeps no part of b.
func Decode(b []byte) (*Manifest, error) {
	m, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("decode manifest: %w", err)
	}
	return m, nil
}

func decode(b []byte) (*Manifest, error) {
	if len(b) > MaxEncoded {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrInvalid, len(b), MaxEncoded)
	}
	var w wireManifest
	if err := decoding.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	again, err := encoding.Marshal(&w)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if !bytes.Equal(again, b) {
		return nil, fmt.Errorf("%w: not in canonical form", ErrInvalid)
	}
	m := w.manifest()
	return m, m.Validate()
}

var encoding = func() cbor.EncMode {
	o := cbor.CoreDetEncOptions()
	o.NilContainers = cbor.NilContainerAsEmpty
	return must(o.EncMode())
}()

var decoding = must(cbor.DecOptions{
	DupMapKey:         cbor.DupMapKeyEnforcedAPF,
	IndefLength:       cbor.IndefLengthForbidden,
	TagsMd:            cbor.TagsForbidden,
	ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	MaxNestedLevels:   8,
	MaxArrayElements:  MaxSegments,
}.DecMode())

// must is for options that are constant: they are right, or no test passes.
func must[T any](mode T, err error) T {
	if err != nil {
		panic(err)
	}
	return mode
}

// decodeList decodes an array whose length is believable: the library allocates all elements at once,
// and they are far larger than the single byte that a crafted element takes.
func decodeList[T any](list *[]T, raw []byte, what string, most, least int) error {
	count, err := arrayLength(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if count > most || count*least > len(raw) {
		return fmt.Errorf("%d %s in %d bytes, at most %d", count, what, len(raw), most)
	}
	return decoding.Unmarshal(raw, list)
}

// arrayLength reads the head of a well-formed array of definite length (RFC 8949, 3).
func arrayLength(raw []byte) (int, error) {
	const array = 4
	if len(raw) == 0 || raw[0]>>5 != array {
		return 0, errors.New("not an array")
	}
	switch short, rest := int(raw[0]&31), raw[1:]; {
	case short < 24:
		return short, nil
	case short == 24 && len(rest) >= 1:
		return int(rest[0]), nil
	case short == 25 && len(rest) >= 2:
		return int(binary.BigEndian.Uint16(rest)), nil
	case short == 26 && len(rest) >= 4:
		return int(binary.BigEndian.Uint32(rest)), nil
	}
	return 0, errors.New("array head out of range")
}
