package rows

import (
	"crypto/sha256"
	"encoding/binary"
)

// Parts is into how many parts the keys fall that two nodes compare.
const Parts = 1024

// digest stands for a set of rows: the sum, bit by bit without carry, of the hashes of what they are. It tells sets apart
// that came about by chance, and nobody gains by making two look alike: rows are signed.
type digest [16]byte

func (d *digest) toggle(r mark) {
	for i := range d {
		d[i] ^= r.sum[i]
	}
}

// mark is what is kept in memory of a row.
type mark struct {
	Stamp
	deleted bool
	part    uint16
	sum     digest
}

func markOf(r *Row) mark {
	h := sha256.New()
	for _, word := range []string{r.Bucket, r.Key, r.Writer} {
		_ = binary.Write(h, binary.BigEndian, uint32(len(word)))
		h.Write([]byte(word))
	}
	_ = binary.Write(h, binary.BigEndian, []uint64{r.Time, r.Print})
	return mark{r.Stamp, r.Deleted, partOf(r.ID), digest(h.Sum(nil)[:len(digest{})])}
}

// partOf returns the part that a record falls into.
func partOf(id ID) uint16 {
	sum := sha256.Sum256([]byte(id.String()))
	return binary.BigEndian.Uint16(sum[:2]) % Parts
}
