package openai_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/openai"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const good = `{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`

func chat() probe.GenerateRequest {
	return probe.GenerateRequest{Messages: []probe.Message{{Role: "user", Content: "x"}}, MaxTokens: 5}
}

func client(t *testing.T, h http.HandlerFunc, change func(*openai.Config)) *openai.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	cfg := openai.Config{BaseURL: server.URL + "/v1", Model: "m", Backoff: time.Millisecond, Timeout: 10 * time.Second, ReplyLimit: 1 << 16}
	if change != nil {
		change(&cfg)
	}
	c, err := openai.New(cfg)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestGreedyChatAndCompletion(t *testing.T) {
	t.Parallel()

	var asked []string
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(b))
		if r.URL.Path == "/v1/completions" {
			answer(w, 200, `{"choices":[{"text":"two","finish_reason":"length"}],"extra":{"of":["the","server"]}}`)
			return
		}
		answer(w, 200, good)
	}, func(cfg *openai.Config) { cfg.Key = "secret" })
	got, err := c.Generate(t.Context(), chat())
	require.NoError(t, err)
	require.Equal(t, probe.Completion{Text: "hi", PromptTokens: 3, OutputTokens: 1, Finish: probe.FinishStop}, got)

	var streamed string
	got, err = c.Generate(t.Context(), probe.GenerateRequest{
		Prompt: "one", MaxTokens: 1, Seed: 1<<40 | 7, Stop: []string{"."}, Temperature: 0.5, TopP: 0.25, OnToken: func(s string) { streamed += s },
	})
	require.NoError(t, err)
	require.Equal(t, probe.Completion{Text: "two", Finish: probe.FinishLength}, got)
	require.Equal(t, "two", streamed)
	require.Equal(t, []string{
		`POST /v1/chat/completions Bearer secret {"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":5,"temperature":0,"seed":0,"stream":false}`,
		`POST /v1/completions Bearer secret {"model":"m","prompt":"one","max_tokens":1,"temperature":0.5,"top_p":0.25,"seed":7,"stop":["."],"stream":false}`,
	}, asked)
}

func TestInfoNamesTheServer(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		status       int
		server, body string
		want         string
	}{
		"header":        {200, "llama.cpp", `{"data":[{"id":"x","owned_by":"y"}]}`, "openai:llama.cpp"},
		"owner":         {200, "", `{"data":[{"id":"x","owned_by":"vllm"}]}`, "openai:vllm"},
		"hostile":       {200, "\u202e evil\t" + strings.Repeat("x", 100), `{"data":[]}`, "openai:__evil_" + strings.Repeat("x", 31)},
		"nothing":       {200, "", `{"data":[]}`, "openai:unknown"},
		"no such place": {404, "Python/3.11", "", "openai:Python/3.11"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			c := client(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Server"] = []string{tt.server}
				answer(w, tt.status, tt.body)
			}, nil)
			info, err := c.Info(t.Context())
			require.NoError(t, err)
			require.True(t, info.ChatTemplate)
			require.Equal(t, tt.want[:min(len(tt.want), len("openai:")+40)], info.EngineVersion)
		})
	}
}

func TestHostileReplies(t *testing.T) {
	t.Parallel()

	choice := func(s string) string { return `{"choices":[` + s + `]}` }
	for name, body := range map[string]string{
		"empty":                "",
		"not JSON":             "<html>",
		"array":                "[]",
		"truncated":            good[:len(good)-1],
		"two values":           good + good,
		"key twice":            `{"choices":[],"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}`,
		"key in capitals":      `{"Choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}`,
		"invalid UTF-8":        choice("{\"message\":{\"content\":\"\xff\"},\"finish_reason\":\"stop\"}"),
		"nested for ever":      choice(strings.Repeat(`{"a":`, 100)),
		"no choice":            choice(""),
		"two choices":          choice(`{"message":{"content":"x"},"finish_reason":"stop"},{"message":{"content":"x"},"finish_reason":"stop"}`),
		"no message":           choice(`{"finish_reason":"stop"}`),
		"text of a completion": choice(`{"text":"x","finish_reason":"stop"}`),
		"content is a list":    choice(`{"message":{"content":["x"]},"finish_reason":"stop"}`),
		"content is a number":  choice(`{"message":{"content":1},"finish_reason":"stop"}`),
		"no reason":            choice(`{"message":{"content":"x"}}`),
		"unknown reason":       choice(`{"message":{"content":"x"},"finish_reason":"\u001b[31m"}`),
		"negative tokens":      choice(`{"message":{"content":"x"},"finish_reason":"stop"}`)[:0] + `{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":-1}}`,
		"fractions of tokens":  `{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":0.5}}`,
		"more tokens than fit": `{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9999999999}}`,
		"a reply without end":  strings.Repeat(" ", 1<<16+1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			c := client(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, body) }, nil)
			_, err := c.Generate(t.Context(), chat())
			var bad *openai.ReplyError
			require.ErrorAs(t, err, &bad)
			require.ErrorIs(t, err, hallmark.ErrUndecided)
			require.NotErrorIs(t, err, hallmark.ErrInvalid, "which would be the case's own")
			require.NotContains(t, err.Error(), "\x1b")
		})
	}
}

func TestReplyOfAnotherTypeIsRefused(t *testing.T) {
	t.Parallel()

	c := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, good)
	}, nil)
	_, err := c.Generate(t.Context(), chat())
	require.ErrorContains(t, err, "application/json")
	require.ErrorIs(t, err, hallmark.ErrUndecided)
}

func TestStatusGivesTheKind(t *testing.T) {
	t.Parallel()

	problem := func(typ, code string) string {
		return fmt.Sprintf(`{"error":{"message":"no\u001b[2J","type":%s,"code":%s}}`, typ, code)
	}
	tests := map[string]struct {
		status int
		body   string
		want   error
		sent   int32
	}{
		"bad request":         {400, problem(`"x"`, "null"), hallmark.ErrInvalid, 1},
		"too long, OpenAI":    {400, problem(`"invalid_request_error"`, `"context_length_exceeded"`), hallmark.ErrTooLarge, 1},
		"too long, llama.cpp": {400, problem(`"exceed_context_size_error"`, "400"), hallmark.ErrTooLarge, 1},
		"key":                 {401, "", hallmark.ErrUnauthenticated, 1},
		"model":               {404, "", hallmark.ErrNotFound, 1},
		"redirect":            {302, "", hallmark.ErrUnavailable, 1},
		"its fault":           {500, "", hallmark.ErrUnavailable, 1},
		"a gateway's":         {502, "", hallmark.ErrUnavailable, 1},
		"busy for ever":       {503, "", hallmark.ErrUnavailable, 4},
		"too many, for ever":  {429, "", hallmark.ErrUnavailable, 4},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var sent atomic.Int32
			c := client(t, func(w http.ResponseWriter, r *http.Request) {
				sent.Add(1)
				w.Header().Set("Location", "http://"+r.Host+"/elsewhere")
				answer(w, tt.status, tt.body)
			}, nil)
			_, err := c.Generate(t.Context(), chat())
			require.ErrorIs(t, err, tt.want)
			require.Equal(t, tt.sent, sent.Load(), "requests")
			require.NotContains(t, err.Error(), "\x1b")
		})
	}
}

func TestBusyServerIsAskedAgain(t *testing.T) {
	t.Parallel()

	var sent atomic.Int32
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); err != nil || !strings.Contains(string(b), `"x"`) {
			answer(w, 400, "not the whole request again")
			return
		}
		if sent.Add(1) < 4 {
			w.Header().Set("Retry-After", "-7")
			answer(w, 503, "")
			return
		}
		answer(w, 200, good)
	}, nil)
	got, err := c.Generate(t.Context(), chat())
	require.NoError(t, err)
	require.Equal(t, "hi", got.Text)
}

func TestTimeoutAndCancelAreUndecided(t *testing.T) {
	t.Parallel()

	hang := make(chan struct{})
	c := client(t, func(http.ResponseWriter, *http.Request) { <-hang }, func(cfg *openai.Config) { cfg.Timeout = 30 * time.Millisecond })
	t.Cleanup(func() { close(hang) }) // before the server waits for its handler
	_, err := c.Generate(t.Context(), chat())
	require.ErrorIs(t, err, hallmark.ErrUndecided)
	require.ErrorContains(t, err, "30ms")

	c = client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		answer(w, 503, "")
	}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = c.Generate(ctx, chat())
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestServerThatIsNotThere(t *testing.T) {
	t.Parallel()

	dials := 0
	c, err := openai.New(openai.Config{
		BaseURL: "http://nowhere.invalid", Backoff: time.Millisecond,
		Dial: func(context.Context) (net.Conn, error) { dials++; return nil, syscall.ECONNREFUSED },
	})
	require.NoError(t, err)
	_, err = c.Generate(t.Context(), chat())
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
	require.Equal(t, 4, dials)
}

func TestWhiteBoxQuestionsAreUnavailable(t *testing.T) {
	t.Parallel()

	c := client(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") }, nil)
	_, err := c.Tokenize(t.Context(), "x", false)
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
	_, err = c.Render(t.Context(), nil, false)
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
	_, err = c.LogProbs(t.Context(), []int32{1, 2})
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
	for _, req := range []probe.GenerateRequest{{Grammar: "x"}, {JSONSchema: "{}"}, {TopK: 1}, {MinP: 0.5}, {RepeatPenalty: 1}} {
		_, err = c.Generate(t.Context(), req)
		require.ErrorIs(t, err, hallmark.ErrUnavailable)
	}
	for _, req := range []probe.GenerateRequest{{Prompt: "x"}, {MaxTokens: 1}, {Prompt: "x", Messages: []probe.Message{{}}, MaxTokens: 1}} {
		_, err = c.Generate(t.Context(), req)
		require.ErrorIs(t, err, hallmark.ErrInvalid)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()

	for _, u := range []string{"", "host", "ftp://host", "http://", "https://user:pass@host", "https://host?x=1", "https://host#x", "://"} {
		_, err := openai.New(openai.Config{BaseURL: u})
		require.ErrorIs(t, err, hallmark.ErrInvalid, u)
		require.NotContains(t, err.Error(), "pass")
	}
	_, err := openai.New(openai.Config{BaseURL: "http://h", Timeout: -1})
	require.ErrorIs(t, err, hallmark.ErrInvalid)
}

func FuzzReply(f *testing.F) {
	f.Add([]byte(good), true)
	f.Add([]byte(`{"choices":[{"text":"","finish_reason":"length"}]}`), false)
	f.Add([]byte(`{"data":[{"id":"","owned_by":""}]}`), true)
	f.Fuzz(func(t *testing.T, body []byte, chatty bool) {
		c, err := openai.New(openai.Config{BaseURL: "http://h", Dial: func(context.Context) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				req, err := http.ReadRequest(bufio.NewReader(theirs))
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = fmt.Fprintf(theirs, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			}()
			return ours, nil
		}})
		require.NoError(t, err)
		defer c.Close()
		req := chat()
		if !chatty {
			req = probe.GenerateRequest{Prompt: "x", MaxTokens: 1}
		}
		got, err := c.Generate(t.Context(), req)
		if err != nil {
			require.ErrorIs(t, err, hallmark.ErrUndecided)
			return
		}
		require.True(t, json.Valid(body))
		require.GreaterOrEqual(t, got.PromptTokens, 0)
		require.NotEmpty(t, got.Finish)
	})
}
