package manifest

import (
	"encoding/binary"
	"errors"
)

const (
	// ListWindow is how many segments a list of chunks has at most.
	ListWindow = 64
	// chunkListMark begins a list of chunks, of which this is the first version.
	chunkListMark = "SCL1"
	// maxListed is the most chunks of a segment that a list can tell.
	maxListed = 255
	// listedChunk is the length of a chunk in a list: its size and its hash.
	listedChunk = 4 + 32
)

// ErrNoWindow says that a rendition has no such window, or none yet.
var ErrNoWindow = errors.New("no such window")

// ChunkList writes the chunks of the ListWindow segments from number window × ListWindow on, as docs/protocol.md has
// it. Known is the ordinal behind the last chunk that it tells of. The list is final when nothing can be added to it.
func ChunkList(r *Rendition, window int) (list []byte, known uint32, final bool, err error) {
	if window < 0 || window > len(r.Segments)/ListWindow || window*ListWindow == len(r.Segments) && r.Complete {
		return nil, 0, false, ErrNoWindow
	}
	first := window * ListWindow
	var ordinal uint32
	for _, s := range r.Segments[:first] {
		ordinal += uint32(len(s.Chunks))
	}
	segments := r.Segments[first:min(first+ListWindow, len(r.Segments))]
	final = r.Complete || len(segments) == ListWindow
	list = append(make([]byte, 0, 15+len(segments)*(1+4*listedChunk)), chunkListMark...)
	list = binary.BigEndian.AppendUint32(list, uint32(first))
	list = binary.BigEndian.AppendUint32(list, ordinal)
	list = binary.BigEndian.AppendUint16(list, uint16(len(segments)))
	list = append(list, map[bool]byte{true: 1}[final])
	for _, s := range segments {
		if len(s.Chunks) > maxListed {
			return nil, 0, false, ErrNoWindow // a segment of 255 MiB is not for sharing
		}
		list = append(list, byte(len(s.Chunks)))
		for _, c := range s.Chunks {
			list = binary.BigEndian.AppendUint32(list, uint32(c.Size))
			list = append(list, c.Ref[:]...)
		}
		ordinal += uint32(len(s.Chunks))
	}
	return list, ordinal, final, nil
}
