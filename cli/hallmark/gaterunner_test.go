package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

const systemPython = "/usr/bin/python3"

// top is the root of the checkout.
func top(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	require.NoError(t, err)
	return dir
}

// documented returns the hallmark commands of a document that hold a word, as arguments.
func documented(t *testing.T, file, word string) [][]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(top(t), file))
	require.NoError(t, err)
	var commands [][]string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(b), -1) {
		for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "hallmark" && strings.Contains(line, word) {
				commands = append(commands, f[1:])
			}
		}
	}
	require.NotEmpty(t, commands)
	return commands
}

// runDocumented runs a command as a reader of the document in the repository would, with more flags.
func runDocumented(t *testing.T, args []string, replace map[string]string, more ...string) result {
	t.Helper()
	replace["testdata/"] = filepath.Join(top(t), "testdata") + "/"
	full := append([]string{args[0]}, more...)
	for _, a := range args[1:] {
		a = strings.TrimPrefix(a, "$PWD/")
		for from, to := range replace {
			a = strings.ReplaceAll(a, from, to)
		}
		full = append(full, a)
	}
	return command(t, nil, full...)
}

func decodeResult(t *testing.T, r result) gateResult {
	t.Helper()
	var g gateResult
	require.NoError(t, json.Unmarshal([]byte(r.out), &g), r.errout)
	return g
}

// TestDocumentedPythonRunner runs docs/runners.md's script in its jail.
func TestDocumentedPythonRunner(t *testing.T) {
	t.Parallel()

	if _, err := os.Stat(systemPython); err != nil {
		t.Skip("needs " + systemPython)
	}
	junit, sarif := filepath.Join(t.TempDir(), "junit.xml"), filepath.Join(t.TempDir(), "out.sarif")
	for _, args := range documented(t, "docs/runners.md", "scripted.py") {
		got := runDocumented(t, args, map[string]string{}, "-o", "json", "--junit", junit, "--sarif", sarif)
		require.Equal(t, exitUndecided, got.code, got.errout) // it cannot do what most detectors ask for, and others have few cases
		g := decodeResult(t, got)
		require.Regexp(t, `^openai:BaseHTTP`, g.Report.Engine)
		require.Equal(t, hallmark.TierProgram, g.Record.Tier)
		require.Equal(t, hallmark.RunOK, g.Record.Verdict)
		require.Contains(t, g.Record.Layers, "seccomp-program")
		require.Equal(t, "supervised", g.Record.Program.Evidence)
		require.Equal(t, systemPython, g.Record.Program.Command[0])
		require.Contains(t, g.Record.Program.Command, "{model}")
		require.Len(t, g.Record.Program.Binds, 1)
		require.NotZero(t, g.Record.Program.Digest)
		require.Equal(t, g.Fingerprint.Digest, g.Report.Model)
		require.FileExists(t, junit)
		require.FileExists(t, sarif)
	}
}

// TestDocumentedLlamaServer runs the suite on one model in llama.cpp's server and in the built-in engine: each case has the
// same outcome.
func TestDocumentedLlamaServer(t *testing.T) {
	t.Parallel()

	peer := os.Getenv("HALLMARK_PEER")
	server := filepath.Join(peer, "bin", "llama-server")
	if _, err := os.Stat(server); peer == "" || err != nil {
		t.Skip("needs llama.cpp's server in HALLMARK_PEER/bin")
	}
	lib, err := filepath.EvalSymlinks(filepath.Join(peer, "node_modules/@node-llama-cpp/linux-x64/bins/linux-x64"))
	require.NoError(t, err)
	for _, args := range documented(t, "docs/runners.md", "llama-server") {
		theirs := runDocumented(t, args, map[string]string{"llama-server": server, "/opt/llama.cpp/lib": lib}, "-o", "json")
		require.Equal(t, exitChallenge, theirs.code, theirs.errout) // what looks inside has nothing to see, and the policy asks a person then
		g := decodeResult(t, theirs)
		for _, reason := range g.Verdict.Reasons {
			require.Contains(t, reason.Message, "cannot be assessed")
		}
		require.Equal(t, "openai:llama.cpp", g.Report.Engine)
		require.Equal(t, hallmark.TierProgram, g.Record.Tier)
		own := command(t, nil, "gate", "-o", "json", "--policy", "demo", filepath.Join(top(t), "testdata/models/tinychat/guarded-q8_0.gguf"))
		require.Equal(t, exitOK, own.code, "%s\n%s", own.errout, decodeResult(t, own).Record.Detail)
		cases := map[string]hallmark.CaseResult{}
		for _, c := range decodeResult(t, own).Report.Cases {
			cases[c.ID] = c
		}
		all, texts, marks, fooled := 0, 0, 0, 0
		for _, c := range g.Report.Cases {
			own := cases[c.ID]
			if strings.HasPrefix(c.ID, "inject.delimiter/") {
				// That server takes the marks of a chat in a user's text for marks, and counts each as one token.
				require.LessOrEqual(t, c.PromptTokens, own.PromptTokens, c.ID)
				if c.PromptTokens < own.PromptTokens {
					marks++
				}
				if c.Outcome != own.Outcome {
					fooled++
				}
				continue
			}
			require.Equal(t, own.Outcome, c.Outcome, c.ID)
			require.Equal(t, own.PromptTokens, c.PromptTokens, c.ID)
			all++
			if c.Output == own.Output {
				texts++
			}
		}
		t.Logf("%d cases with the same outcome, %d of them with the same text; of inject.delimiter, %d with fewer tokens, %d with another outcome", all, texts, marks, fooled)
		require.GreaterOrEqual(t, texts, all*99/100)
	}
}

func TestGateOfAnEndpoint(t *testing.T) {
	t.Parallel()

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Server", "tiny")
		switch {
		case r.Header.Get("Authorization") != "Bearer k3y-of-the-endpoint":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/v1/models":
			_, _ = io.WriteString(w, `{"data":[{"id":"m"}]}`)
		default:
			_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"no"},"finish_reason":"stop"}]}`)
		}
	}))
	defer server.Close()
	env := map[string]string{endpointKey: "k3y-of-the-endpoint"}
	got := command(t, env, "gate", "--endpoint", server.URL+"/v1", "--model", "m", "-o", "json", "--policy", "demo")
	require.Equal(t, exitUndecided, got.code, got.errout)
	g := decodeResult(t, got)
	require.Equal(t, "openai:tiny", g.Report.Engine)
	require.Equal(t, hallmark.TierRemote, g.Record.Tier)
	require.Equal(t, "declared", g.Record.Program.Evidence)
	require.Equal(t, server.URL+"/v1", g.Record.Program.Endpoint)
	require.NotContains(t, got.out+got.errout, "k3y-of")
	require.Contains(t, got.out, "the jail was remote, and this policy accepts no-namespaces")

	// A policy that accepts endpoints judges what they say.
	shown := command(t, nil, "policy", "show", "demo")
	remote := filepath.Join(t.TempDir(), "remote.yaml")
	require.NoError(t, os.WriteFile(remote, []byte(strings.ReplaceAll(shown.out, "no-namespaces", "remote")), 0o600))
	got = command(t, env, "gate", "--endpoint", server.URL+"/v1", "--model", "m", "--policy", remote)
	require.Equal(t, exitChallenge, got.code, got.errout)
	require.NotContains(t, got.out, "the jail was")

	got = command(t, nil, "gate", "--endpoint", server.URL+"/v1", "--model", "m", "--policy", "demo")
	require.Equal(t, exitUsage, got.code, got.errout)
	require.Contains(t, got.errout, "not authenticated")
	server.Close()
	got = command(t, env, "gate", "--endpoint", server.URL+"/v1", "--model", "m", "--policy", "demo")
	require.Equal(t, exitUndecided, got.code, got.errout)
}

func TestRunnerThatDoesNotServe(t *testing.T) {
	t.Parallel()

	model := tinychat + "guarded-q8_0.gguf"
	got := command(t, nil, "gate", model, "--policy", "demo", "--", "/bin/ls", "/nowhere-there")
	require.Equal(t, exitUndecided, got.code, got.errout)
	require.Contains(t, got.errout, "ended with status 2 before it answered")
	require.Contains(t, got.errout, "nowhere-there", "the program's own words")

	got = command(t, nil, "gate", model, "--policy", "demo", "--wall", "1s", "--", "/bin/sleep", "100")
	require.Equal(t, exitUndecided, got.code, got.errout)
	require.Contains(t, got.errout, "wall-limit")
}

func TestRunnerUsage(t *testing.T) {
	t.Parallel()

	model := tinychat + "guarded-q8_0.gguf"
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink("/usr/bin", link))
	for name, args := range map[string][]string{
		"no program":               {model, "--"},
		"no model":                 {"--", "/bin/true"},
		"two models":               {model, model, "--", "/bin/true"},
		"bind without program":     {model, "--bind", "/usr/bin"},
		"env without program":      {model, "--env", "A=B"},
		"env without value":        {model, "--env", "A", "--", "/bin/true"},
		"program and endpoint":     {model, "--endpoint", "http://127.0.0.1:1", "--model", "m", "--", "/bin/true"},
		"endpoint without a name":  {"--endpoint", "http://127.0.0.1:1"},
		"endpoint of another kind": {"--endpoint", "ftp://127.0.0.1:1", "--model", "m"},
		"program that is not":      {model, "--", "/nowhere/program"},
		"bind that is not":         {model, "--bind", "/nowhere", "--", "/bin/true"},
		"bind of everything":       {model, "--bind", "/", "--", "/bin/true"},
		"bind of the host":         {model, "--bind", "/proc/self", "--", "/bin/true"},
		"bind of a link":           {model, "--bind", link, "--", "/bin/true"},
		"scratch":                  {model, "--scratch", "1", "--", "/bin/true"},
	} {
		got := command(t, nil, append([]string{"gate", "--policy", "demo"}, args...)...)
		require.Equal(t, exitUsage, got.code, "%s: %s", name, got.errout)
		require.Empty(t, got.out, name)
	}
}
