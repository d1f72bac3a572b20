package ingest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"shoal/internal/manifest"
)

const (
	// maxGap is the longest time between two key frames that a video may keep: it is also the longest segment.
	maxGap = 8 * time.Second
	// lowSide is the short side of the low rung, the one that plays on a slow network and is made first.
	lowSide = 480
	// maxSide bounds either side of a picture: H.264 level 5.2 at 16:9, which phones decode.
	maxSide  = 4096
	maxAudio = 8
)

// plan is the work that turns a file into a video: passes of ffmpeg in order, the soonest playable first.
type plan struct {
	Passes []pass
	// Poster is the stream to take the poster from, -1 for none; PosterAt is the time in it.
	Poster   int
	PosterAt time.Duration
	// Texts are made beside the first pass; TextsLeft are the codecs of those that are not made.
	Texts     []textOutput
	TextsLeft []string
}

// pass is one run of ffmpeg over the source. Cost is its share of the plan's work, all together 1.
type pass struct {
	Outputs []output
	Cost    float64
	Nice    int
	// Piped is true when the source comes from the stored segments, as pipe:0, and not from the added file.
	Piped bool
}

// output is one rendition that a pass makes.
type output struct {
	ID       string
	Kind     manifest.Kind
	Stream   int // the source's stream
	Copy     bool
	TrackID  int
	Low      bool
	Frames   float64
	Fields   bool // interlaced
	Stereo   bool // mix down to two channels
	Language string
	Name     string
	Default  bool
	Source   bool
	Keys     string // the times of key frames, "" for keyTimes
}

// copies tells whether the pass keeps something as it is.
func (p pass) copies() bool {
	return slices.ContainsFunc(p.Outputs, func(o output) bool { return o.Copy })
}

// refusal is why a file cannot become a video, for its owner to read.
type refusal struct {
	Code, Message string
}

func (r *refusal) Error() string { return r.Code + ": " + r.Message }

// decide makes the plan for a probed file. gap is the longest time between two key frames of its picture.
// attempt counts from 0; after 0 nothing of the picture is kept, and rendition ids differ from the last attempt's.
func decide(p probed, gap time.Duration, attempt int) (plan, error) {
	video, sound, err := choose(p)
	if err != nil {
		return plan{}, err
	}
	b := builder{attempt: attempt}
	out := plan{Poster: posterStream(p, video), PosterAt: p.Duration / 4}
	out.Texts, out.TextsLeft = b.texts(p.Streams)
	audio := b.audio(sound)
	switch {
	case video == nil:
		out.Passes = []pass{{Outputs: audio, Cost: 1, Nice: 5}}
		out.PosterAt = 0
	case attempt == 0 && keeps(p, *video, gap):
		out.Passes = []pass{{Outputs: append([]output{b.kept(*video)}, audio...), Cost: 1, Nice: 5}}
	case min(video.Width, video.Height) <= lowSide:
		out.Passes = []pass{{Outputs: append([]output{b.made(*video, "source")}, audio...), Cost: 1, Nice: 10}}
	default:
		out.Passes = []pass{
			{Outputs: append([]output{b.made(*video, "low")}, audio...), Cost: 0.25, Nice: 10},
			{Outputs: []output{b.made(*video, "source")}, Cost: 0.75, Nice: 15},
		}
	}
	return out, nil
}

// choose picks the streams that a person would watch and hear.
func choose(p probed) (video *probedStream, sound []probedStream, err error) {
	if p.Score > 0 && p.Score < 25 {
		return nil, nil, &refusal{"not_a_video", "This is not a video or sound file that Shoal knows. Choose the film itself, such as an .mp4, .mkv or .mov file."}
	}
	if len(p.Streams) > maxStreams {
		return nil, nil, &refusal{"too_many_streams", fmt.Sprintf("The file has %d streams; up to %d are read. Save it with fewer and add it again.", len(p.Streams), maxStreams)}
	}
	for i, s := range p.Streams {
		switch {
		case s.Kind == "video" && !s.Picture && video == nil && s.Width > 0 && s.Height > 0:
			video = &p.Streams[i]
		case s.Kind == "audio" && s.Channels > 0 && s.SampleRate > 0 && len(sound) < maxAudio:
			sound = append(sound, s)
		}
	}
	if video == nil && len(sound) == 0 {
		return nil, nil, &refusal{"no_streams", "The file holds no picture and no sound that can be read. If it plays elsewhere, save it as MP4 and add that."}
	}
	return video, sound, nil
}

// keeps tells whether browsers everywhere play the picture as it is.
func keeps(p probed, v probedStream, gap time.Duration) bool {
	switch {
	case v.Codec != "h264", v.PixelFormat != "yuv420p" && v.PixelFormat != "yuvj420p":
		return false
	case strings.Contains(v.Profile, "4:"), v.Interlaced, v.Rotation != 0, v.FrameRate > 120:
		return false
	case v.Width > maxSide || v.Height > maxSide || v.Width%2 != 0 || v.Height%2 != 0:
		return false
	case p.Format == "avi": // carries no presentation times, which reordered pictures need
		return false
	}
	return gap > 0 && gap <= maxGap || gap == 0 && p.Duration <= maxGap
}

// keepsSound tells whether browsers everywhere play the sound as it is.
func keepsSound(s probedStream) bool {
	return s.Codec == "aac" && (s.Profile == "LC" || strings.HasPrefix(s.Profile, "HE-AAC")) && s.SampleRate <= 48000 && s.Channels <= 8
}

func posterStream(p probed, video *probedStream) int {
	if video != nil {
		return video.Index
	}
	for _, s := range p.Streams {
		if s.Picture {
			return s.Index
		}
	}
	return -1
}

// builder numbers the outputs of one attempt.
type builder struct {
	attempt int
	tracks  int
}

// id differs from attempt to attempt, so that no rendition ever changes what it holds.
func (b *builder) id(name string) string {
	if b.attempt == 0 {
		return name
	}
	return name + "r" + strconv.Itoa(b.attempt)
}

func (b *builder) track() int { b.tracks++; return b.tracks }

func (b *builder) kept(v probedStream) output {
	return output{ID: b.id("source"), Kind: manifest.Video, Stream: v.Index, Copy: true, TrackID: b.track(), Frames: v.FrameRate, Source: true}
}

func (b *builder) made(v probedStream, name string) output {
	return output{ID: b.id(name), Kind: manifest.Video, Stream: v.Index, TrackID: b.track(), Low: name == "low", Frames: v.FrameRate,
		Fields: v.Interlaced, Source: name == "source"}
}

func (b *builder) audio(streams []probedStream) (outs []output) {
	chosen := 0
	for i, s := range streams {
		if s.Default {
			chosen = i
			break
		}
	}
	for i, s := range streams {
		outs = append(outs, output{
			ID: b.id("audio" + strconv.Itoa(i)), Kind: manifest.Audio, Stream: s.Index, Copy: b.attempt == 0 && keepsSound(s), TrackID: b.track(),
			Stereo: s.Channels > 2, Language: s.Language, Name: audioName(s, i), Default: i == chosen, Source: true,
		})
	}
	return outs
}

func audioName(s probedStream, i int) string {
	if s.Title != "" {
		return s.Title
	}
	if s.Language != "" {
		return s.Language
	}
	return "Sound " + strconv.Itoa(i+1)
}

// args is the command line of a pass: fragments at key frames, each track apart, into a pipe. delay_moov
// rather than empty_moov, so that edit lists keep sound and picture together.
func (p pass) args() []string {
	args := []string{"-hide_banner", "-nostdin", "-v", "error"}
	if p.Piped {
		args = append(args, pipedInput()...)
	} else {
		args = append(append(args, inputArgs()...), "-i", "file:"+sourceName)
	}
	for _, o := range p.Outputs {
		args = append(args, "-map", "0:"+strconv.Itoa(o.Stream))
	}
	for i, o := range p.Outputs {
		args = append(args, o.args(strconv.Itoa(i))...)
	}
	args = append(args, "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1", "-max_muxing_queue_size", "4096",
		"-use_stream_ids_as_track_ids", "1", "-f", "mp4",
		"-movflags", "frag_keyframe+delay_moov+default_base_moof+separate_moof+skip_sidx")
	if p.Outputs[0].Kind == manifest.Audio {
		args = append(args, "-frag_duration", "1000000")
	}
	return append(args, "pipe:1")
}

// args is the part of the command line for output stream n.
func (o output) args(n string) []string {
	args := []string{"-streamid", n + ":" + strconv.Itoa(o.TrackID)}
	switch {
	case o.Copy && o.Kind == manifest.Audio:
		return append(args, "-c:"+n, "copy", "-bsf:"+n, "aac_adtstoasc")
	case o.Copy:
		return append(args, "-c:"+n, "copy")
	case o.Kind == manifest.Audio:
		args = append(args, "-c:"+n, "aac", "-b:"+n, "160k")
		if o.Stereo {
			args = append(args, "-ac:"+n, "2")
		}
		return args
	}
	return append(args, o.pictureArgs(n)...)
}

// keyTimes puts key frames at 0, 1, 2, 4, 6, … seconds: the first segments are short so that playing can
// start soon, and every rung has its key frames at the same times.
const keyTimes = "expr:gte(t,if(lt(n_forced,3),n_forced,2*(n_forced-1)))"

func (o output) pictureArgs(n string) []string {
	filters := fmt.Sprintf("scale=w=min(iw\\,%d):h=min(ih\\,%d):force_original_aspect_ratio=decrease:force_divisible_by=2", maxSide, maxSide)
	quality := []string{"-crf", "21"}
	if o.Low {
		filters = fmt.Sprintf("scale=w=if(gt(iw\\,ih)\\,-2\\,min(iw\\,%[1]d)):h=if(gt(iw\\,ih)\\,min(ih\\,%[1]d)\\,-2)", lowSide)
		quality = []string{"-crf", "24", "-maxrate", "1400k", "-bufsize", "2800k"}
	}
	if o.Fields {
		filters = "yadif=deint=interlaced," + filters
	}
	args := []string{"-filter:" + n, filters + ",format=yuv420p", "-c:" + n, "libx264", "-preset", "veryfast", "-profile:" + n, "high",
		"-force_key_frames:" + n, cmp.Or(o.Keys, keyTimes), "-sc_threshold", "0", "-g", "1200"}
	return append(args, quality...)
}
