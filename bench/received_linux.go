package main

import (
	"bytes"
	"fmt"
	"os"
)

// received returns how many bytes the node's process has read, from connections and files. One that holds nothing reads little
// but what comes from other nodes.
func (b *box) received() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", b.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var count int64
	_, err = fmt.Fscanf(bytes.NewReader(text), "rchar: %d", &count)
	return count, err
}
