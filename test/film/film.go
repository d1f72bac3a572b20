// Package film makes small films for tests with the real ffmpeg, which must be installed.
package film

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Source is a moving picture and a tone of the given size and length, before encoding.
func Source(width, height, seconds int) []string {
	length := strconv.Itoa(seconds)
	return []string{
		"-f", "lavfi", "-i", "testsrc2=s=" + strconv.Itoa(width) + "x" + strconv.Itoa(height) + ":r=25:d=" + length,
		"-f", "lavfi", "-i", "sine=f=440:b=4:d=" + length,
	}
}

// H264 are the codecs that are kept as they are, with key frames at most two seconds apart.
func H264() []string {
	return []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac", "-b:a", "64k"}
}

// Make runs ffmpeg with the given arguments and returns the path of the file it made, which has the
// given name and goes with the test.
func Make(t testing.TB, name string, args ...[]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	all := []string{"-nostdin", "-v", "error", "-y"}
	for _, a := range args {
		all = append(all, a...)
	}
	out, err := exec.Command("ffmpeg", append(all, "file:"+path)...).CombinedOutput()
	if err != nil {
		t.Fatalf("make %s (is ffmpeg installed? apt-get install ffmpeg): %v\n%s", name, err, out)
	}
	return path
}

// Encodes tells whether ffmpeg has an encoder of that name; "" is always there.
func Encodes(encoder string) bool {
	if encoder == "" {
		return true
	}
	out, err := exec.Command("ffmpeg", "-v", "error", "-h", "encoder="+encoder).Output()
	return err == nil && strings.HasPrefix(string(out), "Encoder "+encoder)
}
