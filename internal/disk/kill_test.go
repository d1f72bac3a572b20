package disk_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/disk"
)

// putterEnv makes the test binary a process that puts chunks into the directory it names.
const putterEnv = "SHOAL_TEST_PUT_INTO"

// putForEver puts chunks and prints each ref once it is acknowledged, until it is killed.
func putForEver(dir string) int {
	d, err := disk.Open(dir, disk.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	start := uint64(d.Chunks().Stats().Chunks)
	var done sync.WaitGroup
	done.Go(func() { d.Run(context.Background()) })
	for worker := range uint64(4) {
		done.Go(func() {
			for i := uint64(0); ; i++ {
				// Every other chunk is put by two workers, some at the same time.
				seed := (start+i)*4 + worker/(1+i%2)
				stored, err := d.Chunks().Put(context.Background(), chunktest.Data(seed, 1+int(seed*7919%50_000)))
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Println(stored.Ref)
			}
		})
	}
	done.Wait()
	return 0
}

// killedPutter starts a putter, kills it after some acknowledgements, and returns all that it printed.
func killedPutter(t *testing.T, dir string, after int) []chunk.Ref {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), putterEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acked []chunk.Ref
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		ref, err := chunk.ParseRef(lines.Text())
		if err != nil {
			t.Errorf("the process printed %q", lines.Text())
			continue
		}
		acked = append(acked, ref)
		if len(acked) == after {
			cmd.Process.Kill()
		}
	}
	if err := cmd.Wait(); err == nil || len(acked) < after {
		t.Fatalf("the process ended by itself after %d chunks: %v", len(acked), err)
	}
	return acked
}

func TestKilledProcessLosesNothingItAcknowledged(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	acked := make(map[chunk.Ref]bool)
	for range 10 {
		for _, ref := range killedPutter(t, dir, 1+random.IntN(40)) {
			acked[ref] = true
		}
		checkSound(t, dir, acked)
	}
	t.Logf("%d chunks acknowledged in 10 lives", len(acked))
}

// checkSound opens a directory and checks that every acknowledged chunk is there, that all chunks are
// whole, that no temporary file is left, and that the totals are right again.
func checkSound(t *testing.T, dir string, acked map[chunk.Ref]bool) {
	t.Helper()
	d, err := disk.Open(dir, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for ref := range acked {
		if _, err := d.Chunks().Stat(t.Context(), ref); err != nil {
			t.Errorf("an acknowledged chunk is lost: %v", err)
		}
	}
	want := disk.Totals{Exact: true}
	for ref, size := range chunktest.List(t, d.Chunks()) {
		want.Chunks++
		want.Bytes += size
		if _, err := chunktest.Read(t, d.Chunks(), ref); err != nil {
			t.Errorf("a chunk is not whole: %v", err)
		}
	}
	if left := files(t, dir+"/chunks/tmp"); len(left) != 0 {
		t.Errorf("temporary files are left: %q", left)
	}
	runOnce(t, d)
	if got := d.Chunks().Stats().Totals; got != want {
		t.Errorf("totals are %+v, want %+v", got, want)
	}
}
