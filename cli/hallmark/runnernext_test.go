package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/policy"
	"github.com/hallmark-ml/hallmark/sandbox"
)

// What goes wrong with an endpoint is said with a step that helps with endpoints.
func TestEndpointErrorsNameTheNextStep(t *testing.T) {
	t.Parallel()

	answer := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	const asJSON = "application/json"
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		code   int
		says   string
		next   string
	}{
		"no JSON":      {answer(200, asJSON, "garbage"), exitUndecided, "invalid character", "next: the endpoint has to answer as an OpenAI-compatible server does"},
		"a page":       {answer(200, "text/html", "<html>"), exitUndecided, "want application/json", "next: the endpoint has to answer as an OpenAI-compatible server does"},
		"a wrong type": {answer(200, asJSON, `{"data":7,"choices":7}`), exitUndecided, `"data" is a number`, "next: the endpoint has to answer as an OpenAI-compatible server does"},
		"no key":       {answer(401, asJSON, `{}`), exitUsage, "not authenticated", "next: set HALLMARK_ENDPOINT_KEY"},
		"no such path": {answer(404, asJSON, `{}`), exitUsage, "not found", "next: check --endpoint"},
		"elsewhere":    {answer(302, asJSON, ``), exitUndecided, "status 302", "next: check that the endpoint is there"},
		"an error":     {answer(500, asJSON, `{"error":{"message":"out of order"}}`), exitUndecided, "out of order", "next: check that the endpoint is there"},
		"silence":      {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, exitUndecided, "longer than --wall 2s", "next: raise --wall"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			server := httptest.NewServer(tt.answer)
			defer server.Close()
			wall := "1m" // on a busy machine
			if name == "silence" {
				wall = "2s"
			}
			got := command(t, nil, "gate", "--endpoint", server.URL+"/v1", "--model", "m", "--policy", "demo", "--wall", wall)
			require.Equal(t, tt.code, got.code, got.errout)
			require.Contains(t, got.errout, tt.says)
			require.Contains(t, got.errout, tt.next)
			require.NotContains(t, got.errout, "Go struct")
		})
	}
}

// What goes wrong with a program in a jail is said with a step that helps with programs.
func TestProgramErrorsNameTheNextStep(t *testing.T) {
	t.Parallel()

	model := tinychat + "guarded-q8_0.gguf"
	got := command(t, nil, "gate", model, "--policy", "demo", "--", "/bin/true")
	require.Equal(t, exitUndecided, got.code, got.errout)
	require.Contains(t, got.errout, "next: the program has to stay in the foreground and listen at 127.0.0.1")

	got = command(t, nil, "gate", model, "--policy", "demo", "--wall", "1s", "--", "/bin/sleep", "100")
	require.Equal(t, exitUndecided, got.code, got.errout)
	require.Contains(t, got.errout, "next: see that the program listens at 127.0.0.1")
}

// So is what goes wrong with a server that is no model's.
func TestErrorsOfOtherServersNameTheNextStep(t *testing.T) {
	t.Parallel()

	if _, err := os.Stat(systemPython); err != nil {
		t.Skip("needs " + systemPython)
	}
	model := tinychat + "guarded-q8_0.gguf"
	got := command(t, nil, "gate", model, "--policy", "demo", "--", systemPython, "-m", "http.server", "{port}", "--bind", "127.0.0.1")
	require.Equal(t, exitUndecided, got.code, got.errout) // it lists nothing, and knows no POST
	require.Contains(t, got.errout, "status 501")
	require.Contains(t, got.errout, "next: run the program by itself and send it this request")

	const babbler = `import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(s):
        s.send_response(200); s.send_header('Content-Type', 'application/json'); s.end_headers(); s.wfile.write(b'garbage')
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()`
	got = command(t, nil, "gate", model, "--policy", "demo", "--", systemPython, "-c", babbler, "{port}")
	require.Equal(t, exitBlock, got.code, got.errout)
	require.Contains(t, got.errout, "protocol-error")
	require.Contains(t, got.errout, "next: the program has to answer as an OpenAI-compatible server does")
}

// Every end of a program that the gate reports has a step of its own, but for those that are this host's.
func TestEveryEndOfAProgramHasAStep(t *testing.T) {
	t.Parallel()

	for _, v := range []hallmark.RunVerdict{
		hallmark.RunProtocolError, hallmark.RunWallLimit, hallmark.RunCPULimit, hallmark.RunMemoryLimit, hallmark.RunOutputLimit, hallmark.RunCrash, hallmark.RunPolicyViolation,
	} {
		require.NotEmpty(t, programNext(&sandbox.RunError{Verdict: v}), v)
	}
	require.Empty(t, programNext(&sandbox.RunError{Verdict: hallmark.RunUnsandboxed}))
	kept := hallmark.WithHint(&sandbox.RunError{Verdict: hallmark.RunCrash}, "the program says: no")
	require.Equal(t, kept, withNext(kept, programNext))
}

// A verdict of the gate is followed by a step that does something about it.
func TestVerdictsOfTheGateNameTheNextStep(t *testing.T) {
	t.Parallel()

	model := tinychat + "guarded-q8_0.gguf"
	got := command(t, nil, "gate", model, "--policy", "demo", "--tier", "quick")
	require.Equal(t, exitUndecided, got.code, got.errout)
	require.Contains(t, got.errout, "next: run it with --tier full")

	weak := gateResult{Verdict: hallmark.Verdict{Decision: hallmark.Undecided, Reasons: []hallmark.Reason{{Rule: policy.RuleTier}}}}
	weak.Record.Tier = hallmark.TierRemote
	require.Contains(t, weak.next(nil), "minTierGate accepts remote")
	require.Empty(t, gateResult{Verdict: hallmark.Verdict{Decision: hallmark.Challenge}}.next(nil))
}
