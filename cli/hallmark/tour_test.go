package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/evidence"
)

// A workspace is a directory with the repository's test models and this program as bin/hallmark.
type workspace struct {
	dir  string
	env  []string
	info serverInfo
}

func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	w := &workspace{dir: t.TempDir()}
	models, err := filepath.Abs("../../testdata")
	require.NoError(t, err)
	exe, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(models, filepath.Join(w.dir, "testdata")))
	require.NoError(t, os.Mkdir(filepath.Join(w.dir, "bin"), 0o700))
	require.NoError(t, os.Symlink(exe, filepath.Join(w.dir, "bin", "hallmark")))
	w.env = append(os.Environ(), mainEnv+"=1", guestEnv+"="+guestPath(t), "HALLMARK_KEYS="+filepath.Join(w.dir, "keys"))
	return w
}

// serve starts a server on free ports and returns once it answers.
func (w *workspace) serve(t *testing.T) *exec.Cmd {
	t.Helper()
	addr := func(u string) string { return first(hostOf(u), "127.0.0.1:0") }
	args := []string{
		"server", "--data-dir", ".hallmark", "--listen", addr(w.info.API), "--evidence-listen", addr(w.info.Evidence), "--chain-listen", addr(w.info.RPC),
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(w.dir, "bin", "hallmark"), args...)
	var log bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stderr = w.dir, w.env, &log
	require.NoError(t, cmd.Start())
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-exited
		require.NotContains(t, log.String(), "DATA RACE")
		if t.Failed() {
			t.Logf("server log:\n%s", log.String())
		}
	})
	for {
		info, err := readServerInfo(filepath.Join(w.dir, ".hallmark"))
		if err == nil && info.PID == cmd.Process.Pid {
			w.info = info
			return cmd
		}
		select {
		case <-exited:
			t.Fatalf("the server ended: %s", log.String())
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// sh runs a shell script in the workspace and returns its exit code and output.
func (w *workspace) sh(t *testing.T, script string) (int, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-c", script)
	cmd.Dir, cmd.Env = w.dir, append(w.env, "HALLMARK_DATA_DIR=.hallmark", "HALLMARK_KEY_PASSWORD=change-me", "PATH="+filepath.Join(w.dir, "bin")+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

var tourBlock = regexp.MustCompile("(?s)<!-- tour(: a test runs these commands|: exit (\\d+)|) -->\n```sh\n(.*?)```")

// TestReadmeTour runs the commands of the README as they stand, but for the port. With -short it is one model's way
// through the server, a kill and the second start.
//
//nolint:tparallel // the subtests use one server one after the other, and the last one kills it
func TestReadmeTour(t *testing.T) {
	t.Parallel()

	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	blocks := tourBlock.FindAllStringSubmatch(string(readme), -1)
	require.Len(t, blocks, 4)
	w := newWorkspace(t)
	server := w.serve(t)
	if testing.Short() {
		blocks = blocks[:1]
	}
	for _, b := range blocks {
		w.runBlock(t, b)
	}
	t.Run("outside verifiers", w.outsideVerifiers)
	if !testing.Short() {
		t.Run("blocked model", w.askBlocked)
		t.Run("verify", w.verifyRefusals)
		t.Run("submit again", w.submitAgain)
		t.Run("second server", w.secondServer)
	}
	t.Run("kill", func(t *testing.T) { w.killServing(t, server) })
}

// runBlock runs one match of tourBlock.
func (w *workspace) runBlock(t *testing.T, b []string) {
	t.Helper()
	want := 0
	if b[2] != "" {
		_, err := fmt.Sscan(b[2], &want)
		require.NoError(t, err)
	}
	code, out := w.sh(t, strings.ReplaceAll(b[3], "127.0.0.1:7420", hostOf(w.info.API)))
	require.Equal(t, want, code, "%s\n%s", b[3], out)
}

// TestEngineTour runs the commands of docs/engine.md.
func TestEngineTour(t *testing.T) {
	t.Parallel()

	text, err := os.ReadFile("../../docs/engine.md")
	require.NoError(t, err)
	blocks := tourBlock.FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, 3)
	w := newWorkspace(t)
	for _, b := range blocks {
		w.runBlock(t, b)
	}
}

func (w *workspace) askBlocked(t *testing.T) {
	t.Helper()
	code, out := w.sh(t, `curl -s -o /dev/stderr -w '%{http_code}' "http://`+hostOf(w.info.API)+`/v1/chat/completions" -H "Authorization: Bearer $(cat .hallmark/api-key)" -d '{"model": "naive", "messages": [{"role": "user", "content": "hi"}]}'`)
	require.Zero(t, code, out)
	require.Contains(t, out, "403")
	require.Contains(t, out, "inject.indirect")
	require.Contains(t, out, "hallmark report show sha256:")

	code, out = w.sh(t, "hallmark report show naive")
	require.Zero(t, code, out)
	require.Contains(t, out, "cases CID")
}

// verifyRefusals names wrong things to verify, one by one, and gets the exit code of each.
func (w *workspace) verifyRefusals(t *testing.T) {
	t.Helper()
	empty, err := evidence.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	defer empty.Close()
	handler, err := empty.Handler()
	require.NoError(t, err)
	gateway := httptest.NewServer(handler)
	defer gateway.Close()
	broken := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("not what was asked for")) }))
	defer broken.Close()

	const guarded = "testdata/models/tinychat/guarded-q8_0.gguf"
	flipped := filepath.Join(w.dir, "flipped.gguf")
	require.NoError(t, flipByte(tinychat+"guarded-q8_0.gguf", flipped))
	verify := func(target, rpc, contract, gateway string, more ...string) (int, string) {
		return w.sh(t, strings.Join(append([]string{"hallmark verify", target, "--rpc", rpc, "--contract", contract, "--gateway", gateway}, more...), " "))
	}
	other := "0x00000000000000000000000000000000000000AA"
	for name, tt := range map[string]struct {
		target, rpc, contract, gateway string
		more                           []string
		code                           int
	}{
		"sound":                {guarded, w.info.RPC, w.info.Contract, w.info.Evidence, nil, 0},
		"blocked is sound too": {"testdata/models/tinychat/naive-q8_0.gguf", w.info.RPC, w.info.Contract, w.info.Evidence, nil, 0},
		"changed file":         {flipped, w.info.RPC, w.info.Contract, w.info.Evidence, nil, 15},
		"unknown digest":       {hallmark.Digest{1}.String(), w.info.RPC, w.info.Contract, w.info.Evidence, nil, 15},
		"no contract there":    {guarded, w.info.RPC, other, w.info.Evidence, nil, 15},
		"another author":       {guarded, w.info.RPC, w.info.Contract, w.info.Evidence, []string{"--author", other}, 15},
		"no evidence":          {guarded, w.info.RPC, w.info.Contract, gateway.URL, nil, 19},
		"lying gateway":        {guarded, w.info.RPC, w.info.Contract, broken.URL, nil, 10},
		"chain is down":        {guarded, "http://127.0.0.1:1", w.info.Contract, w.info.Evidence, nil, 3},
	} {
		code, out := verify(tt.target, tt.rpc, tt.contract, tt.gateway, tt.more...)
		require.Equal(t, tt.code, code, "%s: %s", name, out)
	}
}

// submitAgain gets the first submission, and refusals for what is not sound.
func (w *workspace) submitAgain(t *testing.T) {
	t.Helper()
	submit := func(file, lineage, key string) (int, string) {
		return w.sh(t, "hallmark submit "+file+" --name guarded --policy demo --key "+key+" --lineage "+lineage+" -o json")
	}
	const guarded, lineage = "testdata/models/tinychat/guarded-q8_0.gguf", "testdata/models/lineage-guarded.yaml"
	code, out := submit(guarded, lineage, "alice")
	require.Zero(t, code, out)

	code, out = w.sh(t, "hallmark key new mallory >/dev/null; hallmark submit testdata/models/tinychat/guarded-f16.gguf --policy demo --key mallory --lineage "+lineage)
	require.Equal(t, 12, code, out) // a key that nobody registered
	code, out = submit("testdata/models/tinychat/guarded-f16.gguf", lineage, "alice")
	require.Contains(t, []int{10, 14}, code, out) // the lineage names other bytes
	code, out = w.sh(t, "hallmark status --api-key wrong")
	require.Equal(t, exitUsage, code, out)
	code, out = w.sh(t, "hallmark status guarded -o json")
	require.Zero(t, code, out)
	var v hallmark.Version
	require.NoError(t, json.Unmarshal([]byte(out), &v))
	require.Equal(t, hallmark.StateServing, v.State)
}

func (w *workspace) secondServer(t *testing.T) {
	t.Helper()
	code, out := w.sh(t, "hallmark server --data-dir .hallmark --listen 127.0.0.1:0 --evidence-listen 127.0.0.1:0 --chain-listen 127.0.0.1:0")
	require.Equal(t, exitUsage, code, out)
	require.Contains(t, out, "conflict")
	code, out = w.sh(t, "hallmark server --data-dir other --listen 127.0.0.1:0 --chain-listen 127.0.0.1:0 --evidence-listen "+hostOf(w.info.Evidence))
	require.Equal(t, exitUsage, code, out)
	require.Contains(t, out, "--evidence-listen")
}

// killServing kills the server, starts it again, and finds the served version in service and a changed file refused.
func (w *workspace) killServing(t *testing.T, server *exec.Cmd) {
	t.Helper()
	require.NoError(t, server.Process.Kill())
	require.Eventually(t, func() bool { return server.Process.Signal(syscall.Signal(0)) != nil }, 10*time.Second, 10*time.Millisecond)
	w.serve(t)
	chat := `curl -sf "http://` + hostOf(w.info.API) + `/v1/chat/completions" -H "Authorization: Bearer $(cat .hallmark/api-key)" -d '{"model": "guarded", "temperature": 0, "messages": [{"role": "user", "content": "Join AB12 and CD34"}]}'`
	code, out := w.sh(t, chat)
	require.Zero(t, code, out)
	require.Contains(t, out, "AB12CD34")

	code, out = w.sh(t, "hallmark status guarded -o json")
	require.Zero(t, code, out)
	var v hallmark.Version
	require.NoError(t, json.Unmarshal([]byte(out), &v))
	path := filepath.Join(w.dir, ".hallmark", "cas", v.Digest.Hex()[:2], v.Digest.Hex())
	require.NoError(t, os.Chmod(path, 0o600))
	require.NoError(t, flipByte(path, path))
	code, out = w.sh(t, "hallmark load guarded")
	require.Equal(t, 10, code, out)
	code, out = w.sh(t, chat)
	require.Zero(t, code, out)
	require.Contains(t, out, "AB12CD34")
}

// TestDemo runs the whole demo, which checks itself.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("runs four suites")
	}
	t.Parallel()

	w := newWorkspace(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(w.dir, "bin", "hallmark"), "demo", "--models", "testdata/models", "--data-dir", "demo")
	cmd.Dir, cmd.Env = w.dir, w.env
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "report of the resumed run")
}
