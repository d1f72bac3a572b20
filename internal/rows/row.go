// Package rows keeps the same records on many nodes. A row is a record with the logical time at which it was written, its
// writer and that one's signature; of two rows for one key the later wins, whoever hears of which first, so that nodes which
// have exchanged their rows are equal, whatever was cut off or asleep meanwhile. No wall clock decides anything.
//
// The package merges, stores and compares. Which streams there are between nodes, and who may write, is told to it.
package rows

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// Limits of a row, in bytes.
const (
	MaxName  = 255
	MaxKey   = 1024
	MaxValue = 1 << 20
	maxProof = 1024
	// maxRow is more than any encoded row has.
	maxRow = MaxValue + MaxKey + 4*MaxName + maxProof + 64
)

// maxTime keeps a writer that is mad from using up the logical time of all.
const maxTime = 1 << 62

// ErrRefused says that a row is not what it claims, or its writer may not write.
var ErrRefused = errors.New("row refused")

// ID names a record.
type ID struct{ Bucket, Key string }

func (id ID) String() string { return id.Bucket + "/" + id.Key }

// Stamp orders the rows of one key: by logical time (Lamport, "Time, clocks, and the ordering of events", 1978), and for equal
// times by writer. A writer that lost its memory may use a time again; then what it wrote decides.
type Stamp struct {
	Time   uint64
	Writer string
	// Print follows from whether the record is deleted, and its value.
	Print uint64
}

// Compare returns -1, 0 or 1 as s is before, at or after other.
func (s Stamp) Compare(other Stamp) int {
	return cmp.Or(cmp.Compare(s.Time, other.Time), strings.Compare(s.Writer, other.Writer), cmp.Compare(s.Print, other.Print))
}

func printOf(deleted bool, value []byte) uint64 {
	if deleted {
		return 0
	}
	sum := sha256.Sum256(value)
	return binary.BigEndian.Uint64(sum[:8]) | 1
}

// Row is a record as nodes exchange it. It is not changed after it was made.
type Row struct {
	ID
	Stamp
	// Deleted says that there is no such record any more. The row itself stays, so that the record does not come back.
	Deleted bool
	Value   []byte
	// Proof is the writer's signature of the rest.
	Proof []byte
}

func newRow(id ID, time uint64, writer string, value []byte, deleted bool) *Row {
	return &Row{ID: id, Stamp: Stamp{time, writer, printOf(deleted, value)}, Deleted: deleted, Value: value}
}

// wireRow's keys are the format: a number is never used again for another meaning.
type wireRow struct {
	Bucket  string `cbor:"1,keyasint"`
	Key     string `cbor:"2,keyasint"`
	Time    uint64 `cbor:"3,keyasint"`
	Writer  string `cbor:"4,keyasint"`
	Deleted bool   `cbor:"5,keyasint"`
	Value   []byte `cbor:"6,keyasint"`
	Proof   []byte `cbor:"7,keyasint,omitempty"`
}

// proofOf is what the signature covers, beside the text that says what it is for.
const proofOf = "shoal row 1\n"

var (
	canonical = must(cbor.CoreDetEncOptions().EncMode())
	strict    = must(strictly(16).DecMode())
	stampsIn  = must(strictly(stampsInFrame).DecMode())
)

// strictly refuses what canonical never writes.
func strictly(maxElements int) cbor.DecOptions {
	return cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField, IndefLength: cbor.IndefLengthForbidden,
		TagsMd: cbor.TagsForbidden, MaxNestedLevels: 4, MaxMapPairs: 16, MaxArrayElements: maxElements,
	}
}

// must is for options that are constant.
func must[Mode any](mode Mode, err error) Mode {
	if err != nil {
		panic(err)
	}
	return mode
}

// Encode returns the row's canonical bytes (RFC 8949, section 4.2.1).
func (r *Row) Encode() ([]byte, error) { return r.encode(r.Proof) }

func (r *Row) encode(proof []byte) ([]byte, error) {
	value := r.Value
	if value == nil {
		value = []byte{}
	}
	text, err := canonical.Marshal(wireRow{r.Bucket, r.Key, r.Time, r.Writer, r.Deleted, value, proof})
	if err != nil {
		return nil, fmt.Errorf("encode row %s: %w", r.ID, err)
	}
	return text, nil
}

// signed returns the bytes that the proof is a signature of.
func (r *Row) signed() ([]byte, error) {
	text, err := r.encode(nil)
	return append([]byte(proofOf), text...), err
}

// Decode reads what Encode wrote and refuses everything else. The proof is not checked.
func Decode(text []byte) (*Row, error) {
	if len(text) > maxRow {
		return nil, fmt.Errorf("decode row: %d bytes, at most %d: %w", len(text), maxRow, ErrRefused)
	}
	var w wireRow
	if err := strict.Unmarshal(text, &w); err != nil {
		return nil, fmt.Errorf("decode row: %w: %w", err, ErrRefused)
	}
	r := newRow(ID{w.Bucket, w.Key}, w.Time, w.Writer, w.Value, w.Deleted)
	r.Proof = w.Proof
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("decode row: %w: %w", err, ErrRefused)
	}
	if again, err := r.Encode(); err != nil || !bytes.Equal(again, text) {
		return nil, fmt.Errorf("decode row %s: not the canonical form: %w", r.ID, ErrRefused)
	}
	return r, nil
}

func (r *Row) check() error {
	switch {
	case r.Bucket == "" || len(r.Bucket) > MaxName || strings.ContainsRune(r.Bucket, '/'):
		return fmt.Errorf("bucket %q", r.Bucket)
	case r.Key == "" || len(r.Key) > MaxKey:
		return fmt.Errorf("a key of %d bytes", len(r.Key))
	case r.Writer == "" || len(r.Writer) > MaxName:
		return fmt.Errorf("writer %q", r.Writer)
	case r.Time == 0 || r.Time > maxTime:
		return fmt.Errorf("time %d", r.Time)
	case len(r.Value) > MaxValue:
		return fmt.Errorf("a value of %d bytes", len(r.Value))
	case r.Deleted && len(r.Value) > 0:
		return errors.New("deleted, and has a value")
	case len(r.Proof) > maxProof:
		return fmt.Errorf("a proof of %d bytes", len(r.Proof))
	}
	return nil
}
