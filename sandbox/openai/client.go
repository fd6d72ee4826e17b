// Package openai makes a model behind an OpenAI-compatible HTTP API a [probe.Model]. It asks for greedy completions, one at
// a time, and answers no question about tokens or probabilities.
//
// Whatever the server says is text of somebody else: replies are bounded, read strictly, and never followed elsewhere.
package openai

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// Config says where the API is.
type Config struct {
	// BaseURL is what the API's paths are appended to, such as https://host/v1. Required, http or https.
	BaseURL string
	// Model is the model's name in requests. Optional; the server's only model if empty.
	Model string
	// Key is sent as a bearer token. Optional.
	Key string
	// Dial connects to the server, whatever the URL's host. Optional; over the network if nil.
	Dial func(ctx context.Context) (net.Conn, error)
	// Timeout bounds one request, its reply included. Optional; [DefaultTimeout] if zero.
	Timeout time.Duration
	// ReplyLimit bounds a reply's body in bytes. Optional; [DefaultReplyLimit] if zero.
	ReplyLimit int64
	// Backoff is the wait before a request is sent again, doubled each time. Optional; half a second if zero.
	Backoff time.Duration
}

// Defaults of Config.
const (
	DefaultTimeout    = 5 * time.Minute
	DefaultReplyLimit = 4 << 20
)

const (
	// attempts is how often a request is sent that the server has not taken.
	attempts = 4

	headerLimit = 64 << 10 // bytes
	maxWait     = 10 * time.Second
)

// Check returns every problem of the configuration, or nil.
func (c Config) Check() error {
	var errs []error
	u, err := url.Parse(c.BaseURL)
	switch {
	case err != nil:
		errs = append(errs, err)
	case (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		errs = append(errs, fmt.Errorf("endpoint %q is no http or https URL", c.BaseURL))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		errs = append(errs, fmt.Errorf("endpoint on %s: user, query and fragment of the URL are not used", u.Host))
	}
	if c.Timeout < 0 || c.ReplyLimit < 0 || c.Backoff < 0 {
		errs = append(errs, errors.New("timeout, reply limit or backoff is negative"))
	}
	return errors.Join(errs...)
}

// A ReplyError is a reply that is not one of the API. The model cannot be judged by it.
type ReplyError struct{ Detail string }

func (e *ReplyError) Error() string { return "reply of the endpoint: " + e.Detail }

// Unwrap returns the kind.
func (e *ReplyError) Unwrap() error { return hallmark.ErrUndecided }

func badReply(format string, args ...any) error {
	return &ReplyError{hallmark.CleanText(fmt.Sprintf(format, args...), 300)}
}

// A Client asks one model. It is safe for concurrent use.
type Client struct {
	cfg  Config
	http *http.Client
}

var _ probe.Model = (*Client)(nil)

// New makes a client; it does not connect yet.
func New(cfg Config) (*Client, error) {
	if err := cfg.Check(); err != nil {
		return nil, fmt.Errorf("endpoint: %w", errors.Join(err, hallmark.ErrInvalid))
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, DefaultTimeout)
	cfg.ReplyLimit = cmp.Or(cfg.ReplyLimit, DefaultReplyLimit)
	cfg.Backoff = cmp.Or(cfg.Backoff, time.Second/2)
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxResponseHeaderBytes: headerLimit, DisableCompression: true, MaxIdleConns: 2, IdleConnTimeout: time.Minute,
		TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
	}
	if cfg.Dial != nil {
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return cfg.Dial(ctx) }
	}
	return &Client{cfg: cfg, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close closes connections that are kept open.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// reply is a whole answer of the server.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// call sends a request until the server takes it, and returns the body of an answer that says OK.
func (c *Client) call(ctx context.Context, method, path string, body any) (reply, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.Timeout, fmt.Errorf("no answer within %v: %w", c.cfg.Timeout, hallmark.ErrUndecided))
	defer cancel()
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return reply{}, err
		}
	}
	wait := c.cfg.Backoff
	for n := 1; ; n++ {
		r, err := c.send(ctx, method, path, raw)
		again, after := untaken(r, err)
		if n == attempts || !again {
			return r, c.failure(ctx, path, r, err)
		}
		timer := time.NewTimer(min(max(wait, after), maxWait))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return r, c.failure(ctx, path, r, ctx.Err())
		}
		wait *= 2
	}
}

// untaken reports whether the server certainly did not work on the request, and how long it wants to be left alone.
func untaken(r reply, err error) (again bool, after time.Duration) {
	if err != nil {
		return errors.Is(err, syscall.ECONNREFUSED), 0
	}
	if r.status != http.StatusTooManyRequests && r.status != http.StatusServiceUnavailable {
		return false, 0
	}
	seconds, err := strconv.Atoi(r.header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return true, 0
	}
	return true, time.Duration(min(seconds, 3600)) * time.Second
}

func (c *Client) send(ctx context.Context, method, path string, raw []byte) (reply, error) {
	target, err := url.JoinPath(c.cfg.BaseURL, path)
	if err != nil {
		return reply{}, err
	}
	var body io.Reader // a typed nil would be a body
	if raw != nil {
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return reply{}, err
	}
	if raw != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	if c.cfg.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, c.cfg.ReplyLimit+1))
	if err != nil {
		return reply{}, err
	}
	if int64(len(b)) > c.cfg.ReplyLimit {
		return reply{}, badReply("has more than %d bytes", c.cfg.ReplyLimit)
	}
	return reply{resp.StatusCode, resp.Header, b}, nil
}

// failure says what went wrong, if anything did.
func (c *Client) failure(ctx context.Context, path string, r reply, err error) error {
	if err != nil {
		if _, ok := errors.AsType[*ReplyError](err); ok {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("ask the endpoint for %s: %w", path, context.Cause(ctx))
		}
		return fmt.Errorf("ask the endpoint for %s: %w: %w", path, err, hallmark.ErrUnavailable)
	}
	if r.status == http.StatusOK {
		return c.checkType(r)
	}
	text := errorText(r.body)
	kind := hallmark.ErrUnavailable
	switch r.status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		kind = hallmark.ErrInvalid
		if overContext(r.body) {
			kind = hallmark.ErrTooLarge
		}
	case http.StatusUnauthorized, http.StatusForbidden:
		kind = hallmark.ErrUnauthenticated
	case http.StatusNotFound:
		kind = hallmark.ErrNotFound
	}
	return fmt.Errorf("ask the endpoint for %s: status %d: %s: %w", path, r.status, text, kind)
}

func (c *Client) checkType(r reply) error {
	media, _, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return badReply("is of type %q, want application/json", r.header.Get("Content-Type"))
	}
	return nil
}

// apiError is the body of a failure.
type apiError struct {
	Error struct {
		Message string          `json:"message"`
		Type    json.RawMessage `json:"type"`
		Code    json.RawMessage `json:"code"` // a word or a number
	} `json:"error"`
}

func errorText(body []byte) string {
	var e apiError
	if err := hallmark.DecodeOpenJSON(body, &e); err != nil || e.Error.Message == "" {
		return "no explanation"
	}
	return hallmark.CleanText(e.Error.Message, 200)
}

// overContext recognises how servers say that a prompt does not fit: code context_length_exceeded (OpenAI, vLLM), type
// exceed_context_size_error (llama.cpp).
func overContext(body []byte) bool {
	var e apiError
	if err := hallmark.DecodeOpenJSON(body, &e); err != nil {
		return false
	}
	return strings.Contains(string(e.Error.Code), "context_length") || strings.Contains(string(e.Error.Type), "context_size")
}
