package ingest

import (
	"io"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// The pure parts, for tests from outside.
var (
	ParseProbe = parseProbe
	Decide     = decide
	PacketGap  = packetGap
	IndexedGap = indexedGap
)

type (
	Plan         = plan
	Probed       = probed
	ProbedStream = probedStream
	Refusal      = refusal
)

// Args returns the command line of each pass.
func (p plan) Args() (all [][]string) {
	for _, pass := range p.Passes {
		all = append(all, pass.args())
	}
	return all
}

// counting is a sink that keeps totals only.
type counting struct {
	Tracks    int
	Fragments int
	Media     int64
}

func (c *counting) header(moov *mp4.MoovBox) error {
	tracks, err := splitHeader(moov)
	c.Tracks = len(tracks)
	return err
}

func (c *counting) fragment(_ fragment, media io.Reader) error {
	n, err := io.Copy(io.Discard, media)
	c.Fragments++
	c.Media += n
	return err
}

// CountFragments reads a stream and says what was in it.
func CountFragments(r io.Reader) (tracks, fragments int, media int64, err error) {
	var c counting
	err = readFragments(r, &c)
	return c.Tracks, c.Fragments, c.Media, err
}

// MaxGap is the longest time between kept key frames.
const MaxGap time.Duration = maxGap
