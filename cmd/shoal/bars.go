package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// bars draws one bar for each stage of adding a file; without a terminal it draws nothing.
type bars struct {
	out     io.Writer
	enabled bool
	stage   string
	current *progressbar.ProgressBar
}

func (a *app) newBars() *bars { return &bars{out: a.stderr, enabled: a.stderrTTY} }

// bytes starts the bar of sending a file; what is written to the result moves it.
func (b *bars) bytes(name string, total int64) io.Writer {
	if !b.enabled {
		return io.Discard
	}
	b.start("receive "+printable(name), total, progressbar.OptionShowBytes(true), progressbar.OptionSetRenderBlankState(true))
	return b.current
}

// part sets the bar of a stage to progress, the part of the whole work that is done, 0 to 1.
func (b *bars) part(stage string, progress float64) {
	if !b.enabled {
		return
	}
	if b.current == nil || stage != b.stage {
		b.end()
		b.start(printable(stage), 1000)
		b.stage = stage
	}
	_ = b.current.Set(int(1000 * progress)) // A bar that cannot be drawn is no reason to stop.
}

func (b *bars) start(text string, total int64, more ...progressbar.Option) {
	options := append([]progressbar.Option{
		progressbar.OptionSetWriter(b.out),
		progressbar.OptionSetDescription(text),
		progressbar.OptionSetWidth(24),
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionSetPredictTime(true),
	}, more...)
	b.current = progressbar.NewOptions64(total, options...)
}

// end closes the bar that is drawn, if any, so that text can follow on its own line.
func (b *bars) end() {
	if b.current == nil {
		return
	}
	fmt.Fprintln(b.out)
	b.current, b.stage = nil, ""
}
