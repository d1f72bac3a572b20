package ingest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"shoal/internal/chunk"
)

// explain turns an error into a stable code and words for the film's owner: what, why, and what to do.
func explain(err error) (code, message string) {
	var refused *refusal
	var failed *processError
	switch {
	case errors.As(err, &refused):
		return refused.Code, refused.Message
	case errors.Is(err, errStopped):
		return "stopped", "Somebody stopped preparing it. Try again when you want the film."
	case errors.Is(err, errSourceGone):
		return "source_gone", "The added file was removed from the node's own folder before the film was prepared. Add it again."
	case errors.Is(err, chunk.ErrFull):
		return "disk_full", "The disk is full, so preparing stopped and nothing of this film was kept. Free some space, then add it again."
	case errors.Is(err, errTooLong):
		return "too_slow", "Preparing took far longer than a film of this length should, so it was stopped. Save the film as H.264 in an MP4 file and add that."
	case errors.Is(err, errStuck):
		return "stuck", "Preparing stood still for minutes, so it was stopped. Try again; if it happens again, save it as H.264 in an MP4 file and add that."
	case errors.Is(err, errOverlong):
		return "bad_times", "The film goes on far beyond the length that it declares: its time stamps are damaged. Save it anew with a video editor and add that."
	case errors.Is(err, ErrNoFFmpeg):
		return "no_ffmpeg", "ffmpeg is not installed on this machine, so the film cannot be prepared. Install it (such as: sudo apt install ffmpeg), then try again."
	case errors.As(err, &failed):
		return explainProcess(failed)
	}
	return "failed", "Preparing stopped for a reason that lies in this machine, not in the film; the node's log says more. Try again."
}

// explainProcess reads what ffmpeg or ffprobe said before it gave up.
func explainProcess(failed *processError) (code, message string) {
	said := failed.said
	has := func(s string) bool { return strings.Contains(said, s) }
	switch {
	case failed.killed:
		return "killed", "The system stopped ffmpeg while it prepared the film, perhaps for want of memory. Try again when the machine is less busy."
	case has("moov atom not found"):
		return "truncated", "The file is cut short: its index, which comes last, is missing. Copy or download it again, then add it again."
	case has("max_streams"):
		return "too_many_streams", fmt.Sprintf("The file has far more streams than the %d that are read. Save it with fewer and add it again.", maxStreams)
	case has("Cannot allocate memory"), has("Picture size"), has("max_pixels"):
		return "too_big", "The pictures are too large to be prepared here. Save the film in a smaller size (up to 4096 by 4096) and add that."
	case has("Invalid data found"), has("ot on whitelist"), has("whitelist"), has("not allowed"), failed.program == "ffprobe":
		return "not_a_video", "This is not a video or sound file that Shoal knows, or it is damaged. Choose the film itself, such as an .mp4, .mkv or .mov file."
	}
	return "unreadable", fmt.Sprintf("ffmpeg could not prepare the film: %s. If it plays elsewhere, save it as MP4 and add that.", lastLine(said))
}

// lastLine returns the end of what a program said, as one short line of plain text.
func lastLine(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	line := []rune(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, lines[len(lines)-1]))
	if len(line) == 0 {
		return "it gave no reason"
	}
	return strings.TrimRight(string(line[:min(len(line), 160)]), ". ")
}

// clock writes 1:02:03 or 2:03.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
