package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/api"
)

// A client calls a server's REST API.
type client struct {
	base  string // URL without a slash at the end
	token string
	http  *http.Client
}

// serverFlags say which server a command talks to.
type serverFlags struct {
	server, apiKey, dataDir string
}

func (f *serverFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.server, "server", "", "server URL (default: HALLMARK_SERVER, or that of --data-dir)")
	cmd.Flags().StringVar(&f.apiKey, "api-key", "", "API key (default: HALLMARK_API_KEY, or that of --data-dir)")
	cmd.Flags().StringVar(&f.dataDir, "data-dir", "", "data directory of a server on this host, to find its URL and API key (default: HALLMARK_DATA_DIR)")
}

// client finds server and key: flags first, then the environment, then the data directory.
func (f *serverFlags) client(a *app) (*client, error) {
	c := &client{base: first(f.server, a.getenv("HALLMARK_SERVER")), token: first(f.apiKey, a.getenv("HALLMARK_API_KEY")), http: http.DefaultClient}
	if dir := first(f.dataDir, a.getenv("HALLMARK_DATA_DIR")); dir != "" {
		if c.base == "" {
			info, err := readServerInfo(dir)
			if err != nil {
				return nil, err
			}
			c.base = info.API
		}
		if c.token == "" {
			raw, err := os.ReadFile(filepath.Join(dir, apiKeyFile))
			if err != nil {
				return nil, hallmark.WithHint(fmt.Errorf("API key of %s: %w: %w", dir, err, errUsage), "start the server first: hallmark server --data-dir "+dir)
			}
			c.token = strings.TrimSpace(string(raw))
		}
	}
	if c.base == "" {
		return nil, hallmark.WithHint(fmt.Errorf("no server named: %w", errUsage), "pass --server or --data-dir, or set HALLMARK_SERVER")
	}
	if u, err := url.Parse(c.base); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("server %q: want an http or https URL: %w", c.base, errUsage)
	}
	c.base = strings.TrimSuffix(c.base, "/")
	return c, nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// remoteKinds turns a problem's type back into the kind that the server had.
var remoteKinds = map[string]error{
	"unauthenticated": hallmark.ErrUnauthenticated, "scope": hallmark.ErrUnauthenticated, "key": hallmark.ErrKey, "signature": hallmark.ErrSignature,
	"lineage": hallmark.ErrLineage, "predicate": hallmark.ErrPredicate, "digest": hallmark.ErrDigest, "refused": hallmark.ErrRefused, "not-found": hallmark.ErrNotFound,
	"too-large": hallmark.ErrTooLarge, "conflict": hallmark.ErrConflict, "evidence-missing": hallmark.ErrEvidenceMissing, "undecided": hallmark.ErrUndecided,
	"unavailable": hallmark.ErrUnavailable, "unsandboxed": hallmark.ErrUnsandboxed, "timeout": hallmark.ErrUnavailable, "invalid": hallmark.ErrInvalid,
}

// A remoteError is a problem document that a server answered with.
type remoteError struct {
	problem api.Problem
}

func (e *remoteError) Error() string { return e.problem.Detail }

// Unwrap returns the kind, or nil for an internal error of the server.
func (e *remoteError) Unwrap() error { return remoteKinds[e.problem.Type] }

func (c *client) request(ctx context.Context, method, path string, body io.Reader, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %w", method, c.base+path, err, errUsage)
	}
	req.Header = header
	if sized, ok := body.(*countingReader); ok { // a total of 0 is one that nobody knows
		req.ContentLength = sized.total
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, hallmark.WithHint(fmt.Errorf("%s %s: %w: %w", method, c.base+path, err, hallmark.ErrUnavailable), "check that the server runs: hallmark doctor --server "+c.base)
	}
	if resp.StatusCode < 400 {
		return resp, nil
	}
	defer resp.Body.Close() // read below
	return nil, remoteErrorOf(resp)
}

func remoteErrorOf(resp *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("answer with status %s: %w: %w", resp.Status, err, hallmark.ErrUnavailable)
	}
	e := &remoteError{}
	if json.Unmarshal(raw, &e.problem) != nil || e.problem.Type == "" {
		return fmt.Errorf("answer with status %s: %s: %w", resp.Status, hallmark.CleanText(string(raw), 300), hallmark.ErrUnavailable)
	}
	if e.problem.Type == "internal" {
		e.problem.Detail += " " + e.problem.Trace
	}
	if e.problem.Hint != "" {
		return hallmark.WithHint(e, e.problem.Hint)
	}
	return e
}

// call sends in as JSON (nil: no body) and reads the answer into out.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	header := http.Header{}
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(raw)
		header.Set("Content-Type", "application/json")
	}
	resp, err := c.request(ctx, method, path, body, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close() // read to its end or given up
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("answer to %s %s: %w: %w", method, path, err, hallmark.ErrUnavailable)
	}
	return nil
}

func (c *client) version(ctx context.Context, nameOrDigest string) (hallmark.Version, error) {
	var v hallmark.Version
	err := c.call(ctx, http.MethodGet, "/api/v1/versions/"+url.PathEscape(nameOrDigest), nil, &v)
	return v, err
}

// raw reads an answer as it is.
func (c *client) raw(ctx context.Context, path string) ([]byte, error) {
	resp, err := c.request(ctx, http.MethodGet, path, nil, http.Header{})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() // read below
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("answer to GET %s: %w: %w", path, err, hallmark.ErrUnavailable)
	}
	return raw, nil
}

// events calls each for a submission's events after the given ID, until the version rests. It returns the last ID that
// it saw, so that a caller whose connection broke can go on.
func (c *client) events(ctx context.Context, submission string, after int64, each func(hallmark.Event) error) (int64, error) {
	header := http.Header{}
	header.Set("Last-Event-ID", fmt.Sprint(after))
	resp, err := c.request(ctx, http.MethodGet, "/api/v1/submissions/"+url.PathEscape(submission)+"/events", nil, header)
	if err != nil {
		return after, err
	}
	defer resp.Body.Close() // read to its end or given up
	sc := bufio.NewScanner(resp.Body)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		data, ok := strings.CutPrefix(sc.Text(), "data: ")
		if !ok {
			continue
		}
		var e hallmark.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return after, fmt.Errorf("event stream of %s: %w: %w", submission, err, hallmark.ErrUnavailable)
		}
		after = e.ID
		if err := each(e); err != nil {
			return after, err
		}
	}
	if err := sc.Err(); err != nil {
		return after, fmt.Errorf("event stream of %s: %w: %w", submission, err, hallmark.ErrUnavailable)
	}
	return after, nil
}
