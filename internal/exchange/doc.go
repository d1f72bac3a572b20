// Package exchange makes the disks of many nodes one chunk.Store. A chunk is written to as many nodes as copies are wanted
// and read from wherever it lies: the node's own disk, what was fetched a moment ago, or another node, of which a second one
// is asked when the first is late. It is told who there is, where chunks belong and how a node is reached; it holds no
// connections and knows no network.
//
// # Chunks: /shoal/chunk/1
//
// A stream carries one request and its answer; who closes it early gives the request up. A frame is four bytes of length,
// big-endian, and so many bytes of a CBOR map (RFC 8949, section 4.2.1) whose keys are small numbers; chunks travel bare.
// Every length is checked before anything is read for it, and neither side waits longer than its patience for the next bytes.
//
//	get     → {1: 1, 2: ref}            ← {1: sending, 2: size}, the bytes
//	put     → {1: 2, 2: ref, 3: size}   ← {1: send}, then → the bytes, ← {1: working} about once a second, {1: stored}
//	has     → {1: 3, 2: refs}           ← {1: stored, 3: sizes}, 0 for what is not there
//	verify  → {1: 4, 2: ref}            ← {1: stored} when the copy was read anew and is whole
//
// Instead of an answer comes one of: known (a put is not needed: the chunk is there, and young again), not found, corrupt (it
// was there and is given up), busy (ask again, or somebody else), full, refused (the request breaks the rules), failed.
//
// # Groups: /shoal/groups/1
//
// It tells what a node has, by placement group. Groups are two bytes each, ascending.
//
//	digests → {1: 1, 2: groups}   ← {1: more, 2: digests} for some groups each, {1: end}
//	list    → {1: 2, 2: groups}   ← {1: more, 2: names and sizes} for some chunks each, ascending, {1: end}
//
// A digest is four bytes, how many chunks there are, and sixteen, the exclusive or of the last halves of their names: those
// are hashes, so two sets that came about by chance have different digests. A name is 32 bytes, a size four.
package exchange
