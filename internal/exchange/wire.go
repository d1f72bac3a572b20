package exchange

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"shoal/internal/chunk"
	"shoal/internal/placement"
)

// The protocols that a node answers, by Server.Serve and Server.ServeGroups.
const (
	ChunkProtocol  = "/shoal/chunk/1"
	GroupsProtocol = "/shoal/groups/1"
)

// MaxRefs is how many chunks one question of has may name.
const MaxRefs = 4096

const (
	refSize    = len(chunk.Ref{})
	groupSize  = 2
	digestSize = 4 + len(Digest{}.Sum)
	infoSize   = refSize + 4

	// maxRequest and maxGroupsRequest are more than any request has, maxAnswer and maxPart more than any answer's frame.
	maxRequest       = MaxRefs*refSize + 64
	maxAnswer        = MaxRefs*5 + 64
	maxGroupsRequest = placement.Groups*groupSize + 64
	maxPart          = max(digestsInPart*digestSize, infosInPart*infoSize) + 64

	// digestsInPart and infosInPart are how many stand in one frame; on a slow disk a list needs a moment for each.
	digestsInPart = 1024
	infosInPart   = 256
)

// errRefused says that the other side broke the rules.
var errRefused = errors.New("the other node broke the rules of the protocol")

// op is what a request wants.
type op uint8

// The numbers are the protocol, as those of the statuses are.
const (
	opGet    op = 1
	opPut    op = 2
	opHas    op = 3
	opVerify op = 4

	opDigests op = 1
	opList    op = 2
)

// status is what an answer says.
type status uint8

const (
	isSending  status = 1
	isSend     status = 2
	isWorking  status = 3
	isStored   status = 4
	isKnown    status = 5
	isNotFound status = 6
	isCorrupt  status = 7
	isBusy     status = 8
	isFull     status = 9
	isRefused  status = 10
	isFailed   status = 11
	isMore     status = 12
	isEnd      status = 13
)

// request is the first frame of both protocols; Names has refs or groups, packed.
type request struct {
	Op    op     `cbor:"1,keyasint"`
	Names []byte `cbor:"2,keyasint"`
	Size  int64  `cbor:"3,keyasint,omitempty"`
}

// answer is a frame of the chunk protocol.
type answer struct {
	Status status  `cbor:"1,keyasint"`
	Size   int64   `cbor:"2,keyasint,omitempty"`
	Sizes  []int64 `cbor:"3,keyasint,omitempty"`
}

// part is a frame of the groups protocol.
type part struct {
	Status status `cbor:"1,keyasint"`
	Data   []byte `cbor:"2,keyasint,omitempty"`
}

var (
	canonical = must(cbor.CoreDetEncOptions().EncMode())
	strict    = must(cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField, IndefLength: cbor.IndefLengthForbidden,
		TagsMd: cbor.TagsForbidden, MaxNestedLevels: 4, MaxMapPairs: 16, MaxArrayElements: MaxRefs,
	}.DecMode())
)

// must is for options that are constant.
func must[Mode any](mode Mode, err error) Mode {
	if err != nil {
		panic(err)
	}
	return mode
}

// decode reads a frame's CBOR.
func decode(text []byte, into any) error {
	if err := strict.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return nil
}

func packRefs(refs ...chunk.Ref) []byte {
	packed := make([]byte, 0, len(refs)*refSize)
	for _, ref := range refs {
		packed = append(packed, ref[:]...)
	}
	return packed
}

func unpackRefs(packed []byte) ([]chunk.Ref, error) {
	if len(packed) == 0 || len(packed)%refSize != 0 || len(packed) > MaxRefs*refSize {
		return nil, fmt.Errorf("%d bytes of names: %w", len(packed), errRefused)
	}
	refs := make([]chunk.Ref, 0, len(packed)/refSize)
	for ; len(packed) > 0; packed = packed[refSize:] {
		refs = append(refs, chunk.Ref(packed[:refSize]))
	}
	return refs, nil
}

// checkGroups refuses groups that are not ascending.
func checkGroups(groups []placement.Group) error {
	if len(groups) == 0 {
		return fmt.Errorf("no groups: %w", errRefused)
	}
	for i, g := range groups {
		if g >= placement.Groups || i > 0 && g <= groups[i-1] {
			return fmt.Errorf("group %d, the %dth, is out of order: %w", g, i+1, errRefused)
		}
	}
	return nil
}

func packGroups(groups []placement.Group) []byte {
	packed := make([]byte, 0, len(groups)*groupSize)
	for _, g := range groups {
		packed = binary.BigEndian.AppendUint16(packed, uint16(g))
	}
	return packed
}

func unpackGroups(packed []byte) ([]placement.Group, error) {
	if len(packed)%groupSize != 0 || len(packed) > placement.Groups*groupSize {
		return nil, fmt.Errorf("%d bytes of groups: %w", len(packed), errRefused)
	}
	groups := make([]placement.Group, 0, len(packed)/groupSize)
	for ; len(packed) > 0; packed = packed[groupSize:] {
		groups = append(groups, placement.Group(binary.BigEndian.Uint16(packed)))
	}
	return groups, checkGroups(groups)
}

func appendDigest(packed []byte, d Digest) []byte {
	return append(binary.BigEndian.AppendUint32(packed, d.Chunks), d.Sum[:]...)
}

func unpackDigests(packed []byte) ([]Digest, error) {
	if len(packed)%digestSize != 0 || len(packed) > digestsInPart*digestSize {
		return nil, fmt.Errorf("%d bytes of digests: %w", len(packed), errRefused)
	}
	digests := make([]Digest, 0, len(packed)/digestSize)
	for ; len(packed) > 0; packed = packed[digestSize:] {
		digests = append(digests, Digest{binary.BigEndian.Uint32(packed), [16]byte(packed[4:digestSize])})
	}
	return digests, nil
}

func appendInfo(packed []byte, info chunk.Info) []byte {
	return binary.BigEndian.AppendUint32(append(packed, info.Ref[:]...), uint32(info.Size))
}

func unpackInfos(packed []byte) ([]chunk.Info, error) {
	if len(packed)%infoSize != 0 || len(packed) > infosInPart*infoSize {
		return nil, fmt.Errorf("%d bytes of chunks: %w", len(packed), errRefused)
	}
	infos := make([]chunk.Info, 0, len(packed)/infoSize)
	for ; len(packed) > 0; packed = packed[infoSize:] {
		info := chunk.Info{Ref: chunk.Ref(packed[:refSize]), Size: int64(binary.BigEndian.Uint32(packed[refSize:]))}
		if err := chunk.CheckSize(info.Size); err != nil {
			return nil, fmt.Errorf("chunk %s: %w: %w", info.Ref, errRefused, err)
		}
		infos = append(infos, info)
	}
	return infos, nil
}
