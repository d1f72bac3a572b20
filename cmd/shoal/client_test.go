package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// newNode answers like a node; its client holds the token "secret".
func newNode(t *testing.T, handle http.HandlerFunc) *client {
	t.Helper()
	server := httptest.NewServer(handle)
	c := newClient(endpoint{base: server.URL}, "secret")
	t.Cleanup(func() { c.close(); server.Close() })
	return c
}

func TestUploadSendsTheBytesTheirLengthAndTheToken(t *testing.T) {
	c := newNode(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "film" || r.ContentLength != 4 || r.URL.Query().Get("name") != "a&b?.mp4" || r.URL.Query().Get("title") != "Ä & B" {
			t.Errorf("got %q (%d), %v, query %q", body, r.ContentLength, err, r.URL.RawQuery)
		}
		if got := r.Header.Get("Authorization"); got != "Bearer secret" {
			t.Errorf("Authorization is %q", got)
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":"v1","duplicate":true}`)
	})
	v, err := c.upload(context.Background(), "a&b?.mp4", "Ä & B", strings.NewReader("film"), 4)
	if err != nil || v.ID != "v1" || !v.Duplicate {
		t.Errorf("upload gave %+v, %v", v, err)
	}
}

func TestARefusalComesBeforeTheBytesAreSent(t *testing.T) {
	c := newNode(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInsufficientStorage)
		fmt.Fprint(w, `{"error":{"code":"disk_full","message":"The disk is full."}}`)
	})
	_, err := c.upload(context.Background(), "x.mp4", "", unreadable{t}, 1<<40)
	var refusal *apiError
	if !errors.As(err, &refusal) || refusal.Code != "disk_full" || refusal.Status != 507 {
		t.Errorf("error is %v", err)
	}
	if !hopeless(err) {
		t.Error("add would go on to the next file on a full disk")
	}
}

// unreadable fails the test when its bytes are asked for.
type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the file was read though the node refused it")
	return 0, io.EOF
}

func TestVideosReadsEveryPage(t *testing.T) {
	c := newNode(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cursor") {
		case "":
			fmt.Fprint(w, `{"videos":[{"id":"a"},{"id":"b"}],"next":"more"}`)
		case "more":
			fmt.Fprint(w, `{"videos":[{"id":"c"}],"next":null}`)
		}
	})
	all, err := c.videos(context.Background(), "")
	if err != nil || len(all) != 3 || string(all[2]) != `{"id":"c"}` {
		t.Errorf("videos are %s, %v", all, err)
	}
}

func TestWhatIsNoNodeIsNamed(t *testing.T) {
	c := newNode(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/status" {
			fmt.Fprint(w, "<html>")
			return
		}
		http.Redirect(w, r, "http://elsewhere.invalid/", http.StatusFound)
	})
	_, _, statusErr := c.status(context.Background())
	_, videoErr := c.video(context.Background(), "x")
	for _, err := range []error{statusErr, videoErr} {
		var t2 *trouble
		if !errors.As(err, &t2) || !strings.Contains(t2.do, "--node") {
			t.Errorf("error is %v", err)
		}
	}
}

func TestNobodyListeningAsksWhetherTheNodeRuns(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	a, _, stderr := testApp(t, nil)
	if code := run(context.Background(), []string{"ls", "--node", server.URL}, a); code != exitTrouble {
		t.Errorf("exit code %d", code)
	}
	if got := stderr.String(); !strings.Contains(got, "Is the node running?") || strings.Contains(got, "dial tcp") {
		t.Errorf("says:\n%s", got)
	}
}

func TestTheTokenStaysWithItsNode(t *testing.T) {
	const file, other = "from-file", "http://192.168.9.9:3003"
	cases := []struct {
		name, node, dotenv string
		env                map[string]string
		nameData           bool
		want               string
	}{
		{"this machine", "", "", nil, false, file},
		{"this machine by name", "http://localhost:99", "", nil, false, file},
		{"another machine", other, "", nil, false, ""},
		{"another machine, directory named", other, "", nil, true, file},
		{"another machine, token in the environment", other, "", map[string]string{"SHOAL_TOKEN": "env\n"}, false, "env"},
		{"the environment wins", "", "", map[string]string{"SHOAL_TOKEN": "env"}, true, "env"},
		{"a stranger's .env", "", "SHOAL_NODE=" + other, map[string]string{"SHOAL_TOKEN": "env"}, true, ""},
		{"a .env with everything", "", "SHOAL_NODE=" + other + "\nSHOAL_TOKEN=dot", nil, false, "dot"},
		{"not a loopback address", "http://127.0.0.1.evil.example", "", nil, false, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			env := map[string]string{"XDG_DATA_HOME": t.TempDir()}
			for k, v := range c.env {
				env[k] = v
			}
			a, _, _ := testApp(t, env)
			dir := a.defaultData()
			nodeDir(t, dir, file)
			writeFile(t, ".env", c.dotenv)
			got, err := connectFlags(a, c.node, dir, c.nameData)
			if err != nil || got.token != c.want {
				t.Errorf("token is %q, %v; want %q", got.token, err, c.want)
			}
		})
	}
}

func connectFlags(a *app, node, dir string, nameData bool) (*client, error) {
	cmd := &cobra.Command{}
	a.addNodeFlags(cmd)
	var args []string
	if node != "" {
		args = append(args, "--node", node)
	}
	if nameData {
		args = append(args, "--data", dir)
	}
	if err := cmd.ParseFlags(args); err != nil {
		return nil, err
	}
	if err := a.applyEnvironment(cmd); err != nil {
		return nil, err
	}
	return a.connect(cmd)
}

func TestTheNodesAddressIsReadFromItsDirectory(t *testing.T) {
	dir := t.TempDir()
	if got := localNode(dir).base; got != defaultNode {
		t.Errorf("without a node: %s", got)
	}
	text, err := json.Marshal(map[string]any{"http": "127.0.0.1:4711", "pid": 1})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir+"/node.json", string(text))
	if got := localNode(dir).base; got != "http://127.0.0.1:4711" {
		t.Errorf("with a node: %s", got)
	}
	writeFile(t, dir+"/node.json", `{"http":`)
	if got := localNode(dir).base; got != defaultNode {
		t.Errorf("with half a file: %s", got)
	}
}

// nodeDir makes a data directory that holds only a token.
func nodeDir(t *testing.T, dir, token string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir+"/admin.token", token+"\n")
}

func TestANodeWithTLSIsKnownByItsCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // One client is meant to hang up.
	server.StartTLS()
	defer server.Close()
	plain := endpoint{base: "http://" + server.Listener.Addr().String()}
	for _, c := range []struct {
		name        string
		certificate []byte
		want        bool
	}{{"its own", server.Certificate().Raw, true}, {"another", []byte("another"), false}} {
		file := t.TempDir() + "/cert.pem"
		writeFile(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.certificate})))
		client := newClient(secured(plain, file), "secret")
		err := client.healthy(context.Background())
		client.close()
		if (err == nil) != c.want {
			t.Errorf("with %s certificate the answer is %v", c.name, err)
		}
	}
	client := newClient(plain, "secret")
	defer client.close()
	if err := client.healthy(context.Background()); err == nil || !strings.Contains(err.Error(), "HTTPS only") {
		t.Errorf("without TLS the answer is %v", err)
	}
}
