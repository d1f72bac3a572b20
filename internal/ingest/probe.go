package ingest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"shoal/internal/manifest"
)

// What uploads may be made of. Playlists (HLS, DASH, ffconcat, SDP) and image sequences are left out on
// purpose: they name other files and hosts. So are decoders that no camera or shop uses.
const (
	allowedFormats = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,wav,w64,mp3,aac,flac,ac3,eac3,dts,truehd,aiff,caf,amr,ape,wv,tta,rm,mxf,nut,ivf,h264,hevc,av1,obu,m4v,dv,wtv"
	allowedCodecs  = "h264,hevc,mpeg4,msmpeg4v1,msmpeg4v2,msmpeg4,h263,h263i,flv,mpeg1video,mpeg2video,mpegvideo,vp6,vp6f,vp8,libvpx,vp9,libvpx-vp9,av1,libdav1d,libaom-av1,theora," +
		"wmv1,wmv2,wmv3,vc1,dvvideo,prores,dnxhd,mjpeg,png,rawvideo,huffyuv,ffvhuff,ffv1,utvideo,cinepak,svq1,svq3,rv10,rv20,rv30,rv40,qtrle,cfhd," +
		"aac,aac_latm,mp3,mp3float,mp2,mp2float,mp1,mp1float,ac3,ac3_fixed,eac3,dca,truehd,mlp,opus,libopus,vorbis,flac,alac,wmav1,wmav2,wmapro,wmalossless,amrnb,amrwb,ape,wavpack,tta,speex,libspeex,cook,sipr,ra_144,ra_288,nellymoser,gsm,gsm_ms," +
		"pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_u8,pcm_s8,pcm_u16le,pcm_u16be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw,pcm_bluray,pcm_dvd,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_swf,adpcm_yamaha," +
		"subrip,srt,ass,ssa,webvtt,mov_text,text"
	maxPixels  = 36_000_000
	maxStreams = 64
)

// sourceName is the added file's name in its job's folder.
const sourceName = "source"

// inputArgs guard every reading of an upload. The "file:" prefix keeps ffmpeg from taking a name for a URL.
func inputArgs() []string {
	return []string{"-protocol_whitelist", "file", "-format_whitelist", allowedFormats, "-codec_whitelist", allowedCodecs,
		"-max_pixels", strconv.Itoa(maxPixels), "-probesize", "20M", "-analyzeduration", "20M"}
}

// pipedInput guards the reading of what was stored before, which is H.264 in fragmented MP4.
func pipedInput() []string {
	return []string{"-protocol_whitelist", "pipe", "-format_whitelist", "mov", "-codec_whitelist", "h264", "-max_pixels", strconv.Itoa(maxPixels), "-f", "mov", "-i", "pipe:0"}
}

// probed is what a file says of itself.
type probed struct {
	Format   string
	Score    int // ffmpeg's certainty about the format, 0 to 100
	Duration time.Duration
	Streams  []probedStream
	Chapters []manifest.Chapter
}

// probedStream is one stream of a file. Unknown numbers are 0.
type probedStream struct {
	Index         int
	ID            int    // the container's number for it
	Kind          string // video, audio, subtitle, …
	Codec         string
	Profile       string
	PixelFormat   string
	Width, Height int
	FrameRate     float64
	Interlaced    bool
	Rotation      int
	Channels      int
	SampleRate    int
	Bitrate       int64
	Language      string
	Title         string
	Default       bool
	Forced        bool
	Picture       bool // cover art rather than a film
}

// ffprobeOutput is the part of ffprobe's JSON that is read; numbers come as text.
type ffprobeOutput struct {
	Streams []struct {
		Index        int            `json:"index"`
		ID           string         `json:"id"`
		CodecType    string         `json:"codec_type"`
		CodecName    string         `json:"codec_name"`
		Profile      string         `json:"profile"`
		PixFmt       string         `json:"pix_fmt"`
		Width        int            `json:"width"`
		Height       int            `json:"height"`
		AvgFrameRate string         `json:"avg_frame_rate"`
		FieldOrder   string         `json:"field_order"`
		Channels     int            `json:"channels"`
		SampleRate   string         `json:"sample_rate"`
		BitRate      string         `json:"bit_rate"`
		Disposition  map[string]int `json:"disposition"`
		Tags         probeTags      `json:"tags"`
		SideData     []struct {
			Rotation float64 `json:"rotation"`
		} `json:"side_data_list"`
	} `json:"streams"`
	Chapters []struct {
		Start string    `json:"start_time"`
		Tags  probeTags `json:"tags"`
	} `json:"chapters"`
	Format struct {
		Name     string `json:"format_name"`
		Start    string `json:"start_time"`
		Duration string `json:"duration"`
		Score    int    `json:"probe_score"`
	} `json:"format"`
}

type probeTags struct {
	Language string `json:"language"`
	Title    string `json:"title"`
}

// parseProbe reads ffprobe's JSON.
func parseProbe(out []byte) (probed, error) {
	var raw ffprobeOutput
	if err := json.Unmarshal(out, &raw); err != nil {
		return probed{}, fmt.Errorf("parse ffprobe output: %w", err)
	}
	p := probed{Format: raw.Format.Name, Score: raw.Format.Score, Duration: seconds(raw.Format.Duration)}
	if start := seconds(raw.Format.Start); start < p.Duration && countsFromZero(p.Format) {
		p.Duration -= start
	}
	for _, s := range raw.Streams {
		ps := probedStream{
			Index: s.Index, ID: streamID(s.ID), Kind: s.CodecType, Codec: s.CodecName, Profile: s.Profile, PixelFormat: s.PixFmt,
			Width: s.Width, Height: s.Height, FrameRate: ratio(s.AvgFrameRate),
			Interlaced: s.FieldOrder != "" && s.FieldOrder != "progressive" && s.FieldOrder != "unknown",
			Channels:   s.Channels, SampleRate: int(number(s.SampleRate)), Bitrate: number(s.BitRate),
			Language: languageTag(s.Tags.Language), Title: plainText(s.Tags.Title),
			Default: s.Disposition["default"] == 1, Forced: s.Disposition["forced"] == 1,
			Picture: s.Disposition["attached_pic"] == 1 || s.Disposition["timed_thumbnails"] == 1,
		}
		for _, d := range s.SideData {
			if d.Rotation != 0 {
				ps.Rotation = int(math.Mod(d.Rotation, 360))
			}
		}
		p.Streams = append(p.Streams, ps)
	}
	p.Chapters = raw.chapters()
	return p, nil
}

// chapters returns the chapters in order, counted from the film's start, with the first of those that begin together.
func (raw *ffprobeOutput) chapters() (all []manifest.Chapter) {
	begin := seconds(raw.Format.Start)
	for _, c := range raw.Chapters {
		begin = min(begin, seconds(c.Start)) // some writers count chapters from zero whatever the film does
	}
	for _, c := range raw.Chapters {
		all = append(all, manifest.Chapter{Start: (seconds(c.Start) - begin).Truncate(time.Millisecond), Title: plainText(c.Tags.Title)})
	}
	slices.SortStableFunc(all, func(a, b manifest.Chapter) int { return cmp.Compare(a.Start, b.Start) })
	all = slices.CompactFunc(all, func(a, b manifest.Chapter) bool { return a.Start == b.Start })
	return all[:min(len(all), manifest.MaxChapters)]
}

// countsFromZero tells whether a format's duration is the time of its end, whenever it begins.
func countsFromZero(format string) bool {
	return strings.HasPrefix(format, "matroska") || strings.HasPrefix(format, "mov,")
}

// seconds reads ffprobe's decimal seconds; what is not a plausible length is 0.
func seconds(s string) time.Duration {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f > 0) || f > 1000*3600 {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// streamID reads "0x1f"; what is no number is 0.
func streamID(s string) int {
	n, err := strconv.ParseInt(s, 0, 32)
	if err != nil {
		return 0
	}
	return int(n)
}

// ratio reads "25/1".
func ratio(s string) float64 {
	top, bottom, _ := strings.Cut(s, "/")
	a, b := number(top), number(bottom)
	if a == 0 || b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// languageTag keeps what looks like an ISO 639 code and is not "undetermined".
func languageTag(s string) string {
	s = strings.ToLower(s)
	if len(s) < 2 || len(s) > 3 || s == "und" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") != "" {
		return ""
	}
	return s
}

// probe asks ffprobe what the source in dir is.
func (im *Importer) probe(ctx context.Context, dir string) (probed, error) {
	path, err := im.ffprobe()
	if err != nil {
		return probed{}, err
	}
	args := append([]string{"-v", "error", "-of", "json", "-show_format", "-show_streams", "-show_chapters"}, inputArgs()...)
	out, err := process{path: path, dir: dir, limits: probeLimits, args: append(args, "-i", "file:"+sourceName)}.output(ctx, 4<<20)
	if err != nil {
		return probed{}, err
	}
	return parseProbe(out)
}

var probeLimits = limits{wall: time.Minute, cpu: 45 * time.Second, memory: 2 << 30, file: 1, nice: 5}
