package film

import "testing"

// Kind is a kind of file that people add, small and cheap to make.
type Kind struct {
	// Name is the file's name, which says what is special about it.
	Name string
	// Args make it, without the program's name and the file's.
	Args []string
	// Then, when it is there, makes the file of what Args made.
	Then []string
	// Width and Height are as a person sees the picture, 0 for sound alone. Sounds is the number of tracks.
	Width, Height, Sounds int
	// Kept is true when the picture needs no making anew.
	Kept bool
	// Stands is true when the first picture comes late; it is shown from the start on then.
	Stands bool
	// Encoder is what ffmpeg must have been built with for it.
	Encoder string
}

// Corpus are the kinds of file that must come out as the same film.
func Corpus() []Kind {
	return []Kind{
		{Name: "h264.mp4", Args: join(av(4), x264()), Width: 320, Height: 180, Sounds: 1, Kept: true},
		{Name: "h264-faststart.mp4", Args: join(av(4), x264("-movflags", "+faststart")), Width: 320, Height: 180, Sounds: 1, Kept: true},
		{Name: "h264-fragmented.mp4", Args: join(av(4), x264("-movflags", "+frag_keyframe+empty_moov")), Width: 320, Height: 180, Sounds: 1, Kept: true},
		{Name: "h264.mkv", Args: join(av(4), x264()), Width: 320, Height: 180, Sounds: 1, Kept: true},
		{Name: "h264.mov", Args: join(av(4), x264()), Width: 320, Height: 180, Sounds: 1, Kept: true},
		{Name: "h264.flv", Args: join(av(4), x264()), Width: 320, Height: 180, Sounds: 1, Kept: true},
		{Name: "h264.ts", Args: join(av(4), x264("-muxdelay", "3")), Width: 320, Height: 180, Sounds: 1, Kept: true},
		{Name: "h264-from-one-hour.mkv", Args: join(av(4), x264("-output_ts_offset", "3600")), Width: 320, Height: 180, Sounds: 1, Kept: true},
		{Name: "h264-deep-b-frames.mp4", Args: join(av(4), x264("-preset", "veryfast", "-bf", "5", "-b_strategy", "0", "-x264-params", "b-pyramid=normal")), Width: 320, Height: 180, Sounds: 1, Kept: true},
		{Name: "h264-late-sound.mp4", Args: join(late(0, 1.5), x264("-bf", "2", "-preset", "veryfast")), Width: 320, Height: 180, Sounds: 1, Kept: true},
		{Name: "h264-late-picture.mkv", Args: join(late(1.2, 0), x264("-bf", "2", "-preset", "veryfast")), Width: 320, Height: 180, Sounds: 1, Kept: true, Stands: true},
		{Name: "h264-uneven-rate.mkv", Args: join(uneven(), x264("-vsync", "vfr")), Width: 320, Height: 180, Sounds: 1, Kept: true},
		{Name: "h264-distant-key-frames.mp4", Args: join(av(20), x264("-g", "9999", "-keyint_min", "9999", "-sc_threshold", "0")), Width: 320, Height: 180, Sounds: 1},
		{Name: "h264-turned.mp4", Args: join(av(3), x264()), Then: words("-c copy -metadata:s:v:0 rotate=90"), Width: 180, Height: 320, Sounds: 1},
		{Name: "h264-10-bit.mkv", Args: join(av(3), x264("-pix_fmt", "yuv420p10le")), Width: 320, Height: 180, Sounds: 1},
		{Name: "h264-444.mp4", Args: join(av(3), x264("-pix_fmt", "yuv444p")), Width: 320, Height: 180, Sounds: 1},
		{Name: "h264-odd.mkv", Args: join(sized("853x479", 3), x264("-pix_fmt", "yuv444p")), Width: 853, Height: 479, Sounds: 1},
		{Name: "h264-wide-pixels.mp4", Args: join(av(3), x264("-vf", "setsar=4/3")), Width: 427, Height: 180, Sounds: 1, Kept: true},
		{Name: "h264-interlaced.ts", Args: join(av(3), x264("-flags", "+ildct+ilme", "-x264-params", "tff=1")), Width: 320, Height: 180, Sounds: 1},
		{Name: "hevc.mp4", Args: join(av(3), hevc("-tag:v", "hvc1")), Width: 320, Height: 180, Sounds: 1, Encoder: "libx265"},
		{Name: "hevc-10-bit.mkv", Args: join(av(3), hevc("-pix_fmt", "yuv420p10le")), Width: 320, Height: 180, Sounds: 1, Encoder: "libx265"},
		{Name: "vp8-vorbis.webm", Args: join(av(3), words("-c:v libvpx -deadline realtime -cpu-used 8 -c:a libvorbis")), Width: 320, Height: 180, Sounds: 1, Encoder: "libvpx"},
		{Name: "vp9-opus.webm", Args: join(av(3), words("-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus")), Width: 320, Height: 180, Sounds: 1, Encoder: "libvpx-vp9"},
		{Name: "av1-opus.webm", Args: join(sized("160x90", 1), words("-c:v libsvtav1 -preset 12 -pix_fmt yuv420p -c:a libopus")), Width: 160, Height: 90, Sounds: 1, Encoder: "libsvtav1"},
		{Name: "mpeg2-interlaced.ts", Args: join(av(3), words("-c:v mpeg2video -q:v 4 -flags +ildct+ilme -top 1 -bf 2 -c:a mp2")), Width: 320, Height: 180, Sounds: 1},
		{Name: "mpeg2.mpg", Args: join(av(3), words("-c:v mpeg2video -q:v 4 -bf 2 -c:a mp2 -f vob")), Width: 320, Height: 180, Sounds: 1},
		{Name: "mpeg4-mp3.avi", Args: join(av(3), words("-c:v mpeg4 -q:v 4 -bf 2 -c:a libmp3lame")), Width: 320, Height: 180, Sounds: 1},
		{Name: "prores.mov", Args: join(sized("160x90", 2), words("-c:v prores_ks -profile:v 0 -c:a pcm_s16le")), Width: 160, Height: 90, Sounds: 1},
		{Name: "mjpeg.mov", Args: join(av(3), words("-c:v mjpeg -q:v 4 -pix_fmt yuvj420p -c:a pcm_s16be")), Width: 320, Height: 180, Sounds: 1},
		{Name: "wmv.asf", Args: join(av(3), words("-c:v wmv2 -q:v 4 -c:a wmav2")), Width: 320, Height: 180, Sounds: 1},
		{Name: "surround.mkv", Args: join(av(3), x264("-c:a", "ac3", "-ac", "6")), Width: 320, Height: 180, Sounds: 1, Kept: true},
		{Name: "languages.mkv", Args: join(tracks(3, 3), x264("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra", "-metadata:s:a:2", "language=deu", "-c:a:2", "ac3")),
			Width: 320, Height: 180, Sounds: 3, Kept: true},
		{Name: "silent.mp4", Args: join(picture("320x180", 3), x264("-an")), Width: 320, Height: 180, Kept: true},
		{Name: "one-picture.mp4", Args: join(picture("320x180", 1), x264("-an", "-frames:v", "1")), Width: 320, Height: 180, Kept: true},
		{Name: "one-picture-other.mkv", Args: join(picture("320x180", 1), words("-c:v mpeg4 -an -frames:v 1")), Width: 320, Height: 180},
		{Name: "blink.mp4", Args: join(av(1), x264("-t", "0.2")), Width: 320, Height: 180, Sounds: 1, Kept: true},
		{Name: "ten-pictures-a-second.mp4", Args: join(picture("320x180", 3), x264("-r", "10", "-an")), Width: 320, Height: 180, Kept: true},
		{Name: "sound.mp3", Args: join(tone(3), words("-c:a libmp3lame")), Sounds: 1},
		{Name: "sound.flac", Args: join(tone(3), words("-c:a flac")), Sounds: 1},
		{Name: "sound.ogg", Args: join(tone(3), words("-c:a libvorbis")), Sounds: 1},
		{Name: "sound.opus", Args: join(tone(3), words("-c:a libopus")), Sounds: 1},
		{Name: "sound.wav", Args: join(tone(3), words("-c:a pcm_s24le -ar 96000")), Sounds: 1},
		{Name: "sound-with-cover.m4a", Args: join(tone(3), words("-f lavfi -i testsrc2=s=64x64:d=0.04 -map 0 -map 1 -c:a aac -c:v mjpeg -pix_fmt yuvj420p -frames:v 1 -disposition:v attached_pic")), Sounds: 1},
		{Name: "telephone.3gp", Args: join(sized("176x144", 3), words("-c:v h263 -c:a aac -ar 16000 -ac 1")), Width: 176, Height: 144, Sounds: 1},
	}
}

// MakeKind makes a file of a kind, as Make does.
func MakeKind(t testing.TB, kind Kind) string {
	t.Helper()
	path := Make(t, kind.Name, kind.Args)
	if kind.Then == nil {
		return path
	}
	return Make(t, kind.Name, []string{"-i", "file:" + path}, kind.Then)
}
