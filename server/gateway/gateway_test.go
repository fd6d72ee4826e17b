package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/gateway"
)

const token = "secret"

// fakeModel answers with its text in pieces of one byte; it can fail after some of them, and wait until released.
type fakeModel struct {
	text      string
	failAfter int // pieces; -1 never
	err       error
	wait      chan struct{} // nil: do not
	entered   chan struct{}
	closed    atomic.Int32
	asked     atomic.Pointer[gateway.Request] // the last one
}

func (m *fakeModel) Generate(ctx context.Context, r gateway.Request, piece func(string)) (gateway.Completion, error) {
	m.asked.Store(&r)
	if m.closed.Load() > 0 {
		return gateway.Completion{}, fmt.Errorf("generating on a closed model: %w", hallmark.ErrUnavailable)
	}
	if m.entered != nil {
		m.entered <- struct{}{}
	}
	if m.wait != nil {
		select {
		case <-m.wait:
		case <-ctx.Done():
			return gateway.Completion{}, ctx.Err()
		}
	}
	for i := range m.text {
		if m.failAfter == i {
			return gateway.Completion{}, m.err
		}
		if piece != nil {
			piece(m.text[i : i+1])
		}
	}
	return gateway.Completion{Text: m.text, PromptTokens: 3, OutputTokens: min(len(m.text), r.MaxTokens), Finish: "stop"}, nil
}

func (m *fakeModel) Close() error { m.closed.Add(1); return nil }

// fakeLoader opens models by digest; what it lacks does not hash to what was wanted.
type fakeLoader struct {
	mu     sync.Mutex
	models map[hallmark.Digest][]*fakeModel
}

//nolint:ireturn // the interface asks for one
func (l *fakeLoader) Load(_ context.Context, a hallmark.Artifact, want hallmark.Digest) (gateway.Model, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.models[want]) == 0 {
		return nil, &hallmark.DigestMismatchError{What: a.Name, Want: want}
	}
	m := l.models[want][0]
	l.models[want] = l.models[want][1:]
	return m, nil
}

// fakeVersions knows versions that are not served.
type fakeVersions map[string]hallmark.Version

func (f fakeVersions) FindVersion(_ context.Context, name string) (hallmark.Version, error) {
	v, ok := f[name]
	if !ok {
		return v, hallmark.ErrNotFound
	}
	return v, nil
}

type bench struct {
	*gateway.Gateway
	url string
}

func setup(t *testing.T, cfg gateway.Config) bench {
	t.Helper()
	cfg.Authenticate = func(_ context.Context, got string) (hallmark.APIKey, error) {
		if got != token {
			return hallmark.APIKey{}, hallmark.ErrUnauthenticated
		}
		return hallmark.APIKey{}, nil
	}
	cfg.Logger = slog.New(slog.DiscardHandler)
	if cfg.Versions == nil {
		cfg.Versions = fakeVersions{}
	}
	g, err := gateway.New(cfg)
	require.NoError(t, err)
	srv := httptest.NewServer(g.Handler())
	t.Cleanup(srv.Close)
	return bench{g, srv.URL}
}

// reply is an answer, read to its end.
type reply struct {
	StatusCode int
	Header     http.Header
}

func (b bench) do(t *testing.T, method, path, body string, header ...string) (reply, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return reply{resp.StatusCode, resp.Header}, string(text)
}

func allowed(name string) (hallmark.Version, hallmark.Artifact) {
	v := hallmark.Version{
		Digest: hallmark.DigestOf([]byte(name)), Name: name, State: hallmark.StateAnchored,
		Verdict: &hallmark.Verdict{Decision: hallmark.Allow, Policy: "demo"},
		Anchor:  &hallmark.Anchor{Tx: "0xabc", State: hallmark.AnchorFinal, Block: 7, Contract: "0xdef"},
	}
	return v, hallmark.Artifact{Digest: v.Digest, Name: name}
}

func admit(t *testing.T, cfg gateway.Config, models ...*fakeModel) (bench, hallmark.Version) {
	t.Helper()
	v, a := allowed("m")
	cfg.Loader = &fakeLoader{models: map[hallmark.Digest][]*fakeModel{v.Digest: models}}
	b := setup(t, cfg)
	require.NoError(t, b.Admit(t.Context(), v, a))
	return b, v
}

const chat = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`

func TestChatNamesWhatAnswered(t *testing.T) {
	t.Parallel()

	b, v := admit(t, gateway.Config{}, &fakeModel{text: "hello", failAfter: -1})
	for _, model := range []string{"m", v.Digest.String()} {
		resp, body := b.do(t, http.MethodPost, "/v1/chat/completions", strings.Replace(chat, `"m"`, `"`+model+`"`, 1))
		require.Equal(t, http.StatusOK, resp.StatusCode, body)
		require.Equal(t, v.Digest.String(), resp.Header.Get("X-Hallmark-Digest"))
		require.Equal(t, "allow; policy=demo", resp.Header.Get("X-Hallmark-Verdict"))
		require.Equal(t, "0xabc; state=final; block=7; contract=0xdef", resp.Header.Get("X-Hallmark-Anchor"))
		require.Equal(t, "sealed", resp.Header.Get("X-Hallmark-Evidence"))
		var got struct {
			Choices []struct {
				Message struct{ Role, Content string }
			}
			Usage struct {
				Total int `json:"total_tokens"`
			}
		}
		require.NoError(t, json.Unmarshal([]byte(body), &got))
		require.Equal(t, "hello", got.Choices[0].Message.Content)
		require.Equal(t, 8, got.Usage.Total)
	}
	resp, body := b.do(t, http.MethodPost, "/v1/completions", `{"model":"m","prompt":["x"]}`)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Contains(t, body, `"text":"hello"`)
	resp, body = b.do(t, http.MethodGet, "/v1/models", "")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Contains(t, body, v.Digest.String())
}

func TestStreamSendsPiecesAndUsage(t *testing.T) {
	t.Parallel()

	b, _ := admit(t, gateway.Config{}, &fakeModel{text: "abc", failAfter: -1})
	resp, body := b.do(t, http.MethodPost, "/v1/chat/completions", strings.TrimSuffix(chat, "}")+`,"stream":true,"stream_options":{"include_usage":true}}`)
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	var text string
	var lines []string
	for sc := bufio.NewScanner(strings.NewReader(body)); sc.Scan(); {
		if data, ok := strings.CutPrefix(sc.Text(), "data: "); ok {
			lines = append(lines, data)
			var chunk struct {
				Choices []struct{ Delta struct{ Content string } }
			}
			if json.Unmarshal([]byte(data), &chunk) == nil && len(chunk.Choices) > 0 {
				text += chunk.Choices[0].Delta.Content
			}
		}
	}
	require.Equal(t, "abc", text)
	require.Len(t, lines, 6) // three pieces, the end, the usage, [DONE]
	require.Contains(t, lines[4], `"total_tokens":6`)
	require.Equal(t, "[DONE]", lines[5])
}

func TestStreamThatBreaksSaysSo(t *testing.T) {
	t.Parallel()

	broken := func(after int) *fakeModel {
		return &fakeModel{text: "abc", failAfter: after, err: fmt.Errorf("jail: %w", hallmark.ErrUnavailable)}
	}
	b, _ := admit(t, gateway.Config{}, broken(0))
	resp, _ := b.do(t, http.MethodPost, "/v1/chat/completions", strings.TrimSuffix(chat, "}")+`,"stream":true}`)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Equal(t, "1", resp.Header.Get("Retry-After"))

	b, _ = admit(t, gateway.Config{}, broken(2))
	resp, body := b.do(t, http.MethodPost, "/v1/chat/completions", strings.TrimSuffix(chat, "}")+`,"stream":true}`)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Contains(t, body, `"code":"unavailable"`)
	require.NotContains(t, body, "[DONE]")
}

func TestBadRequests(t *testing.T) {
	t.Parallel()

	blocked := hallmark.Version{Digest: hallmark.DigestOf([]byte("n")), Name: "naive", State: hallmark.StateBlocked, Verdict: &hallmark.Verdict{
		Decision: hallmark.Block, Policy: "demo", Reasons: []hallmark.Reason{{Rule: "inject.indirect", Message: "90 of 150 cases failed"}},
	}}
	v, a := allowed("m")
	loader := &fakeLoader{models: map[hallmark.Digest][]*fakeModel{v.Digest: {{text: "x", failAfter: -1}}}}
	b := setup(t, gateway.Config{Loader: loader, Versions: fakeVersions{"naive": blocked}, MaxBody: 2000})
	require.NoError(t, b.Admit(t.Context(), v, a))

	tests := map[string]struct {
		body, auth string
		status     int
		want       string
	}{
		"no key":            {body: chat, auth: "-", status: 401, want: "bearer token"},
		"wrong key":         {body: chat, auth: "Bearer x", status: 401, want: "invalid_api_key"},
		"blocked":           {body: strings.Replace(chat, `"m"`, `"naive"`, 1), status: 403, want: "90 of 150 cases failed: refused by policy; see its report: hallmark report show sha256:"},
		"unknown":           {body: strings.Replace(chat, `"m"`, `"x\u001b"`, 1), status: 404, want: "model_not_found"},
		"not JSON":          {body: "{", status: 400, want: "invalid_request"},
		"no model":          {body: "{}", status: 400, want: "model is missing"},
		"no messages":       {body: `{"model":"m"}`, status: 400, want: "0 messages"},
		"role":              {body: `{"model":"m","messages":[{"role":"tool","content":"x"}]}`, status: 400, want: "tool"},
		"picture":           {body: `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url"}]}]}`, status: 400, want: "image_url"},
		"negative tokens":   {body: strings.TrimSuffix(chat, "}") + `,"max_tokens":-1}`, status: 400, want: "max_tokens"},
		"temperature":       {body: strings.TrimSuffix(chat, "}") + `,"temperature":3}`, status: 400, want: "temperature"},
		"penalty":           {body: strings.TrimSuffix(chat, "}") + `,"presence_penalty":3}`, status: 400, want: "presence_penalty"},
		"format":            {body: strings.TrimSuffix(chat, "}") + `,"response_format":{"type":"xml"}}`, status: 400, want: "xml"},
		"format, no schema": {body: strings.TrimSuffix(chat, "}") + `,"response_format":{"type":"json_schema"}}`, status: 400, want: "schema is missing"},
		"two completions":   {body: strings.TrimSuffix(chat, "}") + `,"n":2}`, status: 400, want: "n is 2"},
		"many stops":        {body: strings.TrimSuffix(chat, "}") + `,"stop":["a","b","c","d","e"]}`, status: 400, want: "stop"},
		"body over the max": {body: strings.Replace(chat, "hi", strings.Repeat("h", 3000), 1), status: 413, want: "2000 bytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			auth := tt.auth
			if auth == "" {
				auth = "Bearer " + token
			}
			resp, body := b.do(t, http.MethodPost, "/v1/chat/completions", tt.body, "Authorization", auth)
			require.Equal(t, tt.status, resp.StatusCode, body)
			require.Contains(t, body, tt.want)
			require.Contains(t, body, `{"error":{"message":`)
		})
	}
}

func TestRequestsReachTheModelAsTheyAre(t *testing.T) {
	t.Parallel()

	m := &fakeModel{text: "{}", failAfter: -1}
	b, _ := admit(t, gateway.Config{}, m)
	schema := `{"type":"object"}`
	body := strings.TrimSuffix(chat, "}") + `,"temperature":0.5,"top_p":0.25,"seed":-1,"stop":"x","frequency_penalty":1,"presence_penalty":-2,"response_format":`
	want := gateway.Request{
		Messages: []gateway.Message{{Role: "user", Content: "hi"}}, Temperature: 0.5, TopP: 0.25, Seed: math.MaxUint64,
		Stop: []string{"x"}, FrequencyPenalty: 1, PresencePenalty: -2,
	}
	for format, schema := range map[string]string{
		`{"type":"text"}`:        "",
		`{"type":"json_object"}`: `{"type": "object"}`,
		`{"type":"json_schema","json_schema":{"name":"n","schema":` + schema + `}}`: schema,
	} {
		resp, got := b.do(t, http.MethodPost, "/v1/chat/completions", body+format+"}")
		require.Equal(t, 200, resp.StatusCode, got)
		want.JSONSchema, want.MaxTokens = schema, m.asked.Load().MaxTokens
		require.Equal(t, want, *m.asked.Load())
	}
}

func TestOnlyAllowedVersionsEnter(t *testing.T) {
	t.Parallel()

	v, a := allowed("m")
	b := setup(t, gateway.Config{Loader: &fakeLoader{models: map[hallmark.Digest][]*fakeModel{v.Digest: {{}}}}})
	for _, d := range []hallmark.Decision{hallmark.Block, hallmark.Challenge, hallmark.Undecided, ""} {
		v.Verdict = &hallmark.Verdict{Decision: d}
		require.ErrorIs(t, b.Admit(t.Context(), v, a), hallmark.ErrRefused)
	}
	v.Verdict = nil
	require.ErrorIs(t, b.Admit(t.Context(), v, a), hallmark.ErrRefused)
	require.Empty(t, b.Serving())
}

func TestRefusedReloadKeepsTheRunningCopy(t *testing.T) {
	t.Parallel()

	first, second := &fakeModel{text: "1", failAfter: -1}, &fakeModel{text: "2", failAfter: -1}
	b, v := admit(t, gateway.Config{}, first, second)
	require.NoError(t, b.Reload(t.Context(), v.Digest))
	require.EqualValues(t, 1, first.closed.Load())
	_, body := b.do(t, http.MethodPost, "/v1/chat/completions", chat)
	require.Contains(t, body, `"content":"2"`)

	require.ErrorIs(t, b.Reload(t.Context(), v.Digest), hallmark.ErrDigest)
	_, body = b.do(t, http.MethodPost, "/v1/chat/completions", chat)
	require.Contains(t, body, `"content":"2"`)
	require.ErrorIs(t, b.Reload(t.Context(), hallmark.Digest{1}), hallmark.ErrNotFound)
}

func TestWithdrawLetsRequestsEnd(t *testing.T) {
	t.Parallel()

	m := &fakeModel{text: "late", failAfter: -1, wait: make(chan struct{}), entered: make(chan struct{}, 1)}
	b, v := admit(t, gateway.Config{}, m)
	got := make(chan string, 1)
	go func() {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/v1/chat/completions", strings.NewReader(chat))
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			got <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		got <- string(body)
	}()
	<-m.entered
	require.NoError(t, b.Withdraw(t.Context(), v.Digest))
	require.NoError(t, b.Withdraw(t.Context(), v.Digest))
	require.Zero(t, m.closed.Load())
	resp, _ := b.do(t, http.MethodPost, "/v1/chat/completions", chat)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	close(m.wait)
	require.Contains(t, <-got, "late")
	require.NoError(t, b.Close())
	require.Eventually(t, func() bool { return m.closed.Load() == 1 }, 5*time.Second, time.Millisecond)
}

func TestTooManyRequestsAndTimeout(t *testing.T) {
	t.Parallel()

	m := &fakeModel{text: "x", failAfter: -1, wait: make(chan struct{}), entered: make(chan struct{}, 2)}
	b, _ := admit(t, gateway.Config{Concurrent: 1, Timeout: 200 * time.Millisecond}, m)
	first := make(chan int, 1)
	go func() {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/v1/chat/completions", strings.NewReader(chat))
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			first <- 0
			return
		}
		_ = resp.Body.Close()
		first <- resp.StatusCode
	}()
	<-m.entered
	resp, body := b.do(t, http.MethodPost, "/v1/chat/completions", chat)
	require.Equal(t, http.StatusTooManyRequests, resp.StatusCode, body)
	require.Equal(t, http.StatusGatewayTimeout, <-first)
}

func TestSwapsUnderLoadNeverAnswerFromAClosedModel(t *testing.T) {
	t.Parallel()

	models := make([]*fakeModel, 60)
	for i := range models {
		models[i] = &fakeModel{text: "ok", failAfter: -1}
	}
	b, v := admit(t, gateway.Config{}, models...)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 40 {
				rec := httptest.NewRecorder()
				req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions", strings.NewReader(chat))
				req.Header.Set("Authorization", "Bearer "+token)
				b.Handler().ServeHTTP(rec, req)
				if rec.Code != http.StatusOK {
					t.Errorf("status %d: %s", rec.Code, rec.Body)
				}
			}
		})
	}
	for range len(models) - 1 {
		require.NoError(t, b.Reload(t.Context(), v.Digest))
	}
	wg.Wait()
	require.NoError(t, b.Close())
	for _, m := range models {
		require.EqualValues(t, 1, m.closed.Load())
	}
}
