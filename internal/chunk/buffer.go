package chunk

import "sync"

// spare keeps buffers between uses; the garbage collector may empty it, so an idle process holds none.
var spare = sync.Pool{New: func() any { return new([MaxSize]byte) }}

// Buffer returns an empty slice with room for MaxSize bytes; what lies in that room is left over from
// earlier uses. The caller owns it until it hands it on or gives it back with Release. It may be called
// from many goroutines at once.
func Buffer() []byte { return spare.Get().(*[MaxSize]byte)[:0] }

// Release gives back what Buffer returned, at any length; neither it nor a slice of it may be used
// after. A slice that does not reach over a whole buffer is left to the garbage collector.
func Release(buf []byte) {
	if cap(buf) == MaxSize {
		spare.Put((*[MaxSize]byte)(buf[:MaxSize]))
	}
}
