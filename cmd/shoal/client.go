package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer bounds what the client reads of one answer, in bytes.
const maxAnswer = 32 << 20

// client speaks to one node's HTTP API. It may be used by several goroutines.
type client struct {
	// base is the node's address without a final slash, such as http://127.0.0.1:3003.
	base  string
	token string
	http  *http.Client
}

func newClient(at endpoint, token string) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if at.certificate != "" {
		transport.TLSClientConfig = pin(at.certificate)
	}
	// An upload waits for the node's leave, so that a refusal comes before gigabytes are sent.
	transport.ExpectContinueTimeout = 5 * time.Second
	return &client{base: at.base, token: token, http: &http.Client{
		Transport: transport,
		// The token belongs to one node: it does not follow a redirect.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// pin trusts the certificate with that SHA-256 and no other, under whichever name it is met.
func pin(certificate string) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection is stricter than a chain and a name.
		VerifyConnection: func(state tls.ConnectionState) error {
			if sum := sha256.Sum256(state.PeerCertificates[0].Raw); hex.EncodeToString(sum[:]) != certificate {
				return errors.New("the node shows another certificate than its own")
			}
			return nil
		},
	}
}

// close drops idle connections.
func (c *client) close() { c.http.CloseIdleConnections() }

// video is what the API says of a video, as far as the commands use it.
type video struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	State     string    `json:"state"`
	Stage     string    `json:"stage"`
	Progress  float64   `json:"progress"`
	Error     *apiError `json:"error"`
	Duration  float64   `json:"duration"`
	Size      int64     `json:"size"`
	Duplicate bool      `json:"duplicate"`
}

// apiError is a refusal by the node.
type apiError struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *apiError) Error() string { return e.Message }

// upload sends a file's bytes; size is their number. The node knows the file as name, and makes a title
// of that when title is "".
func (c *client) upload(ctx context.Context, name, title string, body io.Reader, size int64) (video, error) {
	query := url.Values{"name": {name}}
	if title != "" {
		query.Set("title", title)
	}
	req, err := c.request(ctx, http.MethodPost, "/api/v1/videos?"+query.Encode(), body)
	if err != nil {
		return video{}, err
	}
	req.ContentLength = size
	if size == 0 {
		// A nil body is sent with a length of 0; an empty reader would be sent without one.
		req.Body = http.NoBody
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("Expect", "100-continue")
	var v video
	return v, c.do(req, &v)
}

func (c *client) video(ctx context.Context, id string) (v video, err error) {
	return v, c.call(ctx, http.MethodGet, videoPath(id), nil, &v)
}

func (c *client) remove(ctx context.Context, id string, purge bool) error {
	path := videoPath(id)
	if purge {
		path += "?purge=true"
	}
	return c.call(ctx, http.MethodDelete, path, nil, nil)
}

// videos returns every video as the API tells it, all pages. state is "" for the library's usual listing.
func (c *client) videos(ctx context.Context, state string) ([]json.RawMessage, error) {
	query := url.Values{"limit": {"100"}}
	if state != "" {
		query.Set("state", state)
	}
	all := []json.RawMessage{}
	for {
		var page struct {
			Videos []json.RawMessage `json:"videos"`
			Next   *string           `json:"next"`
		}
		if err := c.call(ctx, http.MethodGet, "/api/v1/videos?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Videos...)
		if page.Next == nil || *page.Next == "" || len(page.Videos) == 0 {
			return all, nil
		}
		query.Set("cursor", *page.Next)
	}
}

// status returns how the node is, and that as the API tells it.
func (c *client) status(ctx context.Context) (s status, raw json.RawMessage, err error) {
	if err := c.call(ctx, http.MethodGet, "/api/v1/status", nil, &raw); err != nil {
		return s, raw, err
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, raw, fmt.Errorf("read the status: %w", err)
	}
	return s, raw, nil
}

// adminLink makes a new one-use link.
func (c *client) adminLink(ctx context.Context) (link, expires string, err error) {
	var answer struct{ Link, Expires string }
	err = c.call(ctx, http.MethodPost, "/api/v1/tokens", map[string]string{"role": "admin"}, &answer)
	return answer.Link, answer.Expires, err
}

// scrub says how far the check of all stored data is.
type scrub struct {
	State         string
	CheckedChunks int64 `json:"checked_chunks"`
	CheckedBytes  int64 `json:"checked_bytes"`
	TotalChunks   int64 `json:"total_chunks"`
	TotalBytes    int64 `json:"total_bytes"`
	Damaged       int64 `json:"damaged_chunks"`
	Unreadable    int64 `json:"unreadable_chunks"`
}

// scrub asks how far the check is, and starts it with POST as the method.
func (c *client) scrub(ctx context.Context, method string) (s scrub, err error) {
	return s, c.call(ctx, method, "/api/v1/scrub", nil, &s)
}

// backup hands the node's records to save while they come in.
func (c *client) backup(ctx context.Context, save func(io.Reader) error) error {
	req, err := c.request(ctx, http.MethodGet, "/api/v1/backup", nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return save(resp.Body)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	return c.refused(resp.StatusCode, text)
}

// healthy returns nil when a node answers.
func (c *client) healthy(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "/healthz", nil, nil)
}

func videoPath(id string) string { return "/api/v1/videos/" + url.PathEscape(id) }

// call is one small exchange in JSON. in and out may be nil.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.do(req, out)
}

func (c *client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return req, nil
}

func (c *client) do(req *http.Request, out any) error {
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	if resp.StatusCode/100 != 2 {
		return c.refused(resp.StatusCode, text)
	}
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return problem("cannot understand the answer of "+c.base, "It is not a Shoal node, or a proxy answered instead.", "check --node")
	}
	return nil
}

// unreachable explains why no node answered.
func (c *client) unreachable(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return problem("cannot reach a node at "+c.base, "Is the node running? "+op.Err.Error(),
			"shoal serve, or name the node with --node URL or its directory with --data DIR")
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err // Without the URL, which repeats what was typed.
	}
	return fmt.Errorf("talk to %s: %w", c.base, err)
}

// plainToTLS is how a Go server answers plain HTTP where it speaks TLS.
const plainToTLS = "Client sent an HTTP request to an HTTPS server."

// refused turns an answer that is no success into an error.
func (c *client) refused(status int, text []byte) error {
	if status == http.StatusBadRequest && strings.HasPrefix(string(text), plainToTLS) {
		return problem("the node at "+c.base+" speaks HTTPS only", "", "--node https://NAME:PORT with the name in its certificate, and --data DIR for its token")
	}
	var answer struct{ Error *apiError }
	if json.Unmarshal(text, &answer) != nil || answer.Error == nil || answer.Error.Message == "" {
		return problem(fmt.Sprintf("%s answered %d %s", c.base, status, http.StatusText(status)),
			"It is not a Shoal node, or a proxy answered instead.", "check --node")
	}
	answer.Error.Status = status
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return problem(answer.Error.Message, "The node at "+c.base+" wants its admin token.",
			"give --data with the node's data directory, or set SHOAL_TOKEN")
	}
	return answer.Error
}
