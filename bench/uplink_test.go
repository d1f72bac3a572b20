package main

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAnUplinkCountsContentByPathAndIsNotSeen(t *testing.T) {
	var host string
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, header = r.Host, r.Header
		_, _ = w.Write(make([]byte, 100_000))
	}))
	defer server.Close()
	u, err := startUplink(loopback, server.URL, math.Inf(1))
	if err != nil {
		t.Fatal(err)
	}
	defer u.stop()
	for range 2 {
		res, err := http.Get("http://" + u.Addr().String() + "/film?part=1")
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err != nil || n != 100_000 {
			t.Fatalf("got %d bytes: %v", n, err)
		}
	}
	bodies, all := u.sent()
	if len(bodies) != 1 || bodies["/film"] != 200_000 || all < 200_000 || all > 201_000 {
		t.Errorf("counted %v and %d in all", bodies, all)
	}
	if host != u.Addr().String() || header.Get("X-Forwarded-For") != "" {
		t.Errorf("the server was asked as %s with %v", host, header)
	}
}

func TestScenariosAreChosenByNameAndNumberOfViewers(t *testing.T) {
	chosen, err := chooseScenarios("s3,s1x4,s1x6")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"s3", "s1x4", "s1"}
	viewers := []int{6, 4, 6}
	for i, s := range chosen {
		if s.name != names[i] || s.viewers != viewers[i] {
			t.Errorf("got %s with %d viewers, want %s with %d", s.name, s.viewers, names[i], viewers[i])
		}
	}
	for _, list := range []string{"", "s99", "s1x0", "s1xmany"} {
		if _, err := chooseScenarios(list); err == nil {
			t.Errorf("%q was taken", list)
		}
	}
}

func TestFiguresOfAPerfectSwarmAreTheBestPossible(t *testing.T) {
	segment := fingerprintOf([]byte("segment"))
	th := &theatre{lab: &lab{}, film: &original{bytesPerSecond: 1000, marks: map[fingerprint]bool{segment: true}}}
	shown := 500.0
	// Each of four needs 10 kB. One copy of 9 kB left the origin, and 1 kB for each to begin with.
	viewer := watched{FirstFrame: &shown, Played: 10, PeerBytes: 6750, Appended: []fingerprint{segment}}
	got := &showing{Viewers: []watched{viewer, viewer, viewer, viewer}, film: 13_000, first: 4000, all: 14_000}
	f := th.judge(got)
	if f.saved != 1 || f.origin != 0.325 || f.fetched != 1 || f.wrong != 0 || f.first != 0.5 || f.rest != 250 {
		t.Errorf("got %+v", f)
	}
	got.Viewers[2].Appended = []fingerprint{fingerprintOf([]byte("segmenu"))}
	if f := th.judge(got); f.wrong != 1 || f.buffers != 4 {
		t.Errorf("%.0f of %.0f buffers are wrong, want 1 of 4", f.wrong, f.buffers)
	}
}
