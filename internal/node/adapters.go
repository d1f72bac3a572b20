package node

import (
	"os/exec"

	"shoal/internal/disk"
	"shoal/internal/httpapi"
)

// space is the disk as httpapi sees it.
type space struct {
	*disk.Disk
	capacity int64
}

func (s space) Usage() httpapi.Usage {
	stats := s.Chunks().Stats()
	free, _ := s.Free()
	u := httpapi.Usage{Capacity: s.capacity, Used: stats.Bytes, Free: free, Chunks: stats.Chunks,
		Reads: stats.Reads, Corrupt: stats.VerifyFailures}
	if u.Capacity == 0 {
		u.Capacity = u.Used + free
	}
	return u
}

// warnings are what an operator should look at now.
func (n *Node) warnings() (all []httpapi.Warning) {
	warn := func(code, message string) { all = append(all, httpapi.Warning{Code: code, Message: message}) }
	for _, program := range []string{n.cfg.FFmpeg, n.cfg.FFprobe, "ffmpeg", "ffprobe"} {
		if program == "" {
			continue
		}
		if _, err := exec.LookPath(program); err != nil {
			warn("ffmpeg_missing", program+" is not installed, so no films can be added. Install it, such as with: sudo apt install ffmpeg")
			break
		}
	}
	if n.disk.Room() <= 0 {
		warn("disk_full", "The disk is full: what is here plays on, but nothing can be added. Free some space.")
	}
	stats := n.disk.Chunks().Stats()
	if stats.Failed {
		warn("disk_failed", "The disk did not keep what was written to it. Check the disk, then start the node again.")
	}
	if stats.VerifyFailures > 0 {
		warn("chunks_damaged", "Some stored data went bad and was set aside. Check the disk.")
	}
	for _, w := range n.upkeep.Warnings() {
		warn(w.Code, w.Message)
	}
	if n.watcher != nil {
		for _, w := range n.watcher.Status().Warnings {
			warn(w.Code, w.Message)
		}
	}
	return all
}
