package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// film is one that ffmpeg makes from nothing, once; it is kept for the next run.
type film struct {
	name string
	args []string
}

// fullHD is what most people add: H.264 and AAC of 10 Mbit/s, 300 MB. It is no short clip repeated: a node keeps
// equal chunks once, and would have less to do than ffmpeg has.
func fullHD() film {
	return film{"full-hd.mp4", []string{
		"-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=24:d=240,noise=alls=12:allf=t", "-f", "lavfi", "-i", "sine=f=440:b=4:d=240",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "48", "-b:v", "10M", "-maxrate", "10M", "-bufsize", "10M",
		"-c:a", "aac", "-b:a", "128k", "-ac", "2",
	}}
}

// hd is what the browser plays: 720p of 2.5 Mbit/s.
func hd() film {
	return film{"hd.mp4", []string{
		"-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25:d=120,noise=alls=8:allf=t", "-f", "lavfi", "-i", "sine=f=440:b=4:d=120",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50", "-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "2500k",
		"-c:a", "aac", "-b:a", "128k", "-ac", "2",
	}}
}

// thin is what many viewers play on one machine: small pictures that cost little to decode, but 1.9 Mbit/s of them, which
// noise sees to, and a key frame each 4 s. Picture and sound share the bits so that the picture stays below what gets
// a low rung: with one quality for all, what is watched can be weighed.
func thin() film {
	return film{"thin.mp4", []string{
		"-f", "lavfi", "-i", "testsrc2=s=320x180:r=24:d=180,noise=alls=40:allf=t",
		"-f", "lavfi", "-i", "anoisesrc=r=48000:a=0.1:d=180:seed=7[l];anoisesrc=r=48000:a=0.1:d=180:seed=8[r];[l][r]amerge=inputs=2",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "96", "-keyint_min", "96", "-sc_threshold", "0",
		"-b:v", "1470k", "-maxrate", "1470k", "-bufsize", "1470k", "-c:a", "aac", "-b:a", "512k",
	}}
}

// hevc is a clip that is encoded anew.
func hevc() film {
	return film{"hevc.mp4", []string{
		"-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25:d=20", "-f", "lavfi", "-i", "sine=f=440:b=4:d=20",
		"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p", "-g", "50",
		"-c:a", "aac", "-b:a", "128k", "-ac", "2",
	}}
}

// film returns the path of a film, which ffmpeg makes if it is not there.
func (l *lab) film(f film) (string, error) {
	path := filepath.Join(l.films, f.name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	l.say("making %s, which is kept for the next time", path)
	// A film under its own name is whole, even if this is interrupted.
	begun := filepath.Join(l.films, "begun-"+f.name)
	defer os.Remove(begun)
	if _, err := l.command("ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, append(f.args, "file:"+begun)...)...); err != nil {
		return "", fmt.Errorf("make %s: %w", f.name, err)
	}
	return path, os.Rename(begun, path)
}

// repeated returns the path of a film played several times over, in the folder for data.
func (l *lab) repeated(f film, times int) (string, error) {
	once, err := l.film(f)
	if err != nil {
		return "", err
	}
	path := filepath.Join(l.work, fmt.Sprintf("%d-times-%s", times, f.name))
	_, err = l.command("ffmpeg", "-nostdin", "-v", "error", "-y", "-stream_loop", fmt.Sprint(times-1), "-i", "file:"+once, "-c", "copy", "file:"+path)
	return path, err
}
