package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()

	codes := map[int][]error{
		0:  {nil},
		1:  {hallmark.ErrRefused, verdictError(hallmark.Verdict{Decision: hallmark.Block})},
		2:  {errUsage, hallmark.ErrInvalid, hallmark.ErrNotFound, hallmark.ErrUnauthenticated, hallmark.ErrTooLarge},
		3:  {hallmark.ErrUndecided, hallmark.ErrUnavailable, context.Canceled, context.DeadlineExceeded, verdictError(hallmark.Verdict{Decision: hallmark.Undecided}), verdictError(hallmark.Verdict{})},
		4:  {hallmark.ErrUnsandboxed, errors.New("anything else")},
		5:  {verdictError(hallmark.Verdict{Decision: hallmark.Challenge})},
		10: {&hallmark.DigestMismatchError{}, fmt.Errorf("%w: %w", hallmark.ErrRefused, hallmark.ErrDigest)},
		11: {hallmark.ErrSignature}, 12: {hallmark.ErrKey}, 13: {hallmark.ErrPredicate}, 14: {hallmark.ErrLineage}, 15: {hallmark.ErrAnchorMissing},
		16: {hallmark.ErrAnchorDepth}, 17: {hallmark.ErrRevoked}, 18: {hallmark.ErrLogProof}, 19: {hallmark.ErrEvidenceMissing},
	}
	for code, errs := range codes {
		for _, err := range errs {
			require.Equal(t, code, exitCode(err), "%v", err)
			if err != nil {
				require.Equal(t, code, exitCode(fmt.Errorf("doing: %w", err)))
			}
		}
	}
	require.NoError(t, verdictError(hallmark.Verdict{Decision: hallmark.Allow}))
}

func TestErrorsSayWhatWhyAndNext(t *testing.T) {
	t.Parallel()

	var b strings.Builder
	printError(&b, hallmark.WithHint(fmt.Errorf("reading \x1b[31mx: %w", hallmark.ErrInvalid), "do this"))
	require.Equal(t, "hallmark: reading \\u001b[31mx: invalid\n  next: do this\n", b.String())
	b.Reset()
	printError(&b, errors.New("boom"))
	require.Contains(t, b.String(), "why:  internal error")
}

func TestUsageErrors(t *testing.T) {
	t.Parallel()

	for _, args := range [][]string{
		{"nonsense"},
		{"gate"},
		{"gate", "--nonsense", "x"},
		{"gate", "a", "b"},
		{"gate", "nothing-here.gguf"},
		{"fingerprint", "nothing-here"},
		{"status"},
		{"version", "-o", "xml"},
		{"gate", "x", "--policy", "nothing"},
		{"gate", "x", "--policy", "./nothing.yaml"},
		{"gate", tinychat + "naive-q8_0.gguf", "--seed", "x"},
		{"server"},
		{"server", "--data-dir", "x", "--listen", "nonsense"},
		{"verify", "x", "--rpc", "http://127.0.0.1:1", "--contract", "x", "--gateway", "y"},
		{"verify", "nothing-here", "--rpc", "r", "--contract", "0x0000000000000000000000000000000000000001", "--gateway", "g"},
		{"verify", "x"},
		{"submit", "x"},
		{"submit", "x", "--key", "k", "--lineage", "l"},
		{"key", "new", "../x"},
		{"policy", "test", "nothing"},
		{"status", "--server", "ftp://x"},
	} {
		got := command(t, nil, args...)
		require.Equal(t, exitUsage, got.code, "%v: %s", args, got.errout)
		require.Contains(t, got.errout, "next: ", args)
		require.Empty(t, got.out, args)
	}
}

func TestConfigPrecedence(t *testing.T) {
	t.Parallel()

	file := filepath.Join(t.TempDir(), "c.yaml")
	require.NoError(t, os.WriteFile(file, []byte("data-dir: from-file\nthreads: 3\nrun-wall: 5m\nroot: [/a, /b]\n"), 0o600))
	load := func(env map[string]string, args ...string) (serverConfig, error) {
		flags := pflag.NewFlagSet("t", pflag.ContinueOnError)
		addConfigFlags(flags)
		require.NoError(t, flags.Parse(args))
		return loadConfig(flags, func(k string) string { return env[k] })
	}
	c, err := load(map[string]string{"HALLMARK_THREADS": "4", "HALLMARK_API_KEY": "not a setting"}, "--config", file, "--root", "/c", "--max-upload", "7")
	require.NoError(t, err)
	require.Equal(t, "from-file", c.DataDir)
	require.Equal(t, 4, c.Threads)
	require.Equal(t, "5m0s", c.RunWall.String())
	require.Equal(t, []string{"/c"}, c.Root)
	require.EqualValues(t, 7, c.MaxUpload)
	require.Equal(t, "127.0.0.1:7420", c.Listen)
	c, err = load(map[string]string{"HALLMARK_THREADS": "4"}, "--config", file, "--threads", "5")
	require.NoError(t, err)
	require.Equal(t, 5, c.Threads)
	require.Equal(t, []string{"/a", "/b"}, c.Root)

	require.NoError(t, os.WriteFile(file, []byte("data-dir: x\nnonsense: 1\n"), 0o600))
	_, err = load(nil, "--config", file)
	require.ErrorIs(t, err, errUsage)
	require.ErrorContains(t, err, "nonsense")

	_, err = load(nil, "--threads", "300", "--parallel", "65", "--run-wall", "-1s", "--run-memory", "1", "--max-upload", "-1", "--log-level", "loud", "--listen", "x")
	for _, problem := range []string{"data-dir", "threads 300", "parallel 65", "run-wall", "run-memory", "max-upload", "log-level", "listen"} {
		require.ErrorContains(t, err, problem)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()

	env := map[string]string{"HALLMARK_KEYS": t.TempDir(), "HALLMARK_KEY_PASSWORD": "secret"}
	require.Equal(t, exitOK, command(t, env, "key", "new", "alice").code)
	require.Equal(t, exitUsage, command(t, env, "key", "new", "alice").code) // it is there already
	private, err := os.ReadFile(filepath.Join(env["HALLMARK_KEYS"], "alice.key"))
	require.NoError(t, err)
	require.Contains(t, string(private), "ENCRYPTED")
	info, err := os.Stat(filepath.Join(env["HALLMARK_KEYS"], "alice.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	pem := command(t, env, "key", "export", "alice")
	require.Contains(t, pem.out, "BEGIN PUBLIC KEY")
	list := command(t, env, "key", "list")
	require.Contains(t, list.out, hallmark.DigestOf([]byte(pem.out)).Hex())
	require.Equal(t, exitUsage, command(t, map[string]string{"HALLMARK_KEYS": t.TempDir()}, "key", "new", "bob").code) // no password

	wrong := map[string]string{"HALLMARK_KEYS": env["HALLMARK_KEYS"], "HALLMARK_KEY_PASSWORD": "wrong", "HALLMARK_SERVER": "http://127.0.0.1:1"}
	require.Equal(t, 12, command(t, wrong, "submit", "x", "--key", "alice", "--lineage", "l").code)
}

func TestFingerprintCommand(t *testing.T) {
	t.Parallel()

	got := command(t, nil, "fingerprint", tinychat+"guarded-q8_0.gguf", "-o", "json")
	require.Equal(t, exitOK, got.code, got.errout)
	var fp hallmark.Fingerprint
	require.NoError(t, json.Unmarshal([]byte(got.out), &fp))
	require.Equal(t, hallmark.CIDProfile, fp.CIDProfile)
	require.NotEmpty(t, fp.CID)
	require.Len(t, fp.Tensors, 38)
	require.Equal(t, exitOK, command(t, nil, "fingerprint", tinychat+"guarded-q8_0.gguf", "--expect", fp.Digest.String()).code)

	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	wrong := command(t, nil, "fingerprint", "--kind", "dataset", "--expect", hallmark.Digest{1}.String(), empty)
	require.Equal(t, 10, wrong.code)
	require.Contains(t, wrong.errout, "refused by policy")
	require.Contains(t, wrong.errout, hallmark.Digest{1}.String())
	require.Contains(t, wrong.errout, hallmark.DigestOf(nil).String())
}

func TestGateRefusesWhatCannotBeParsed(t *testing.T) {
	t.Parallel()

	model, err := os.ReadFile(tinychat + "guarded-q8_0.gguf")
	require.NoError(t, err)
	unknown := []byte(strings.Replace(string(model), "\x05\x00\x00\x00\x00\x00\x00\x00llama", "\x05\x00\x00\x00\x00\x00\x00\x00xlama", 1))
	for name, file := range map[string][]byte{"truncated": model[:len(model)/2], "header only": model[:100], "not a GGUF": []byte("hello world, this is text"), "architecture": unknown} {
		path := filepath.Join(t.TempDir(), "m.gguf")
		require.NoError(t, os.WriteFile(path, file, 0o600))
		sarif := filepath.Join(t.TempDir(), "out.sarif")
		got := command(t, nil, "gate", path, "--policy", "demo", "--sarif", sarif)
		require.Equal(t, exitBlock, got.code, "%s: %s", name, got.errout)
		require.Contains(t, got.out, "BLOCK", name)
		require.Contains(t, got.out, "reason", name)
		require.FileExists(t, sarif)
	}
}

// Files that cannot be written are found before the run, whose result they would lose.
func TestGateLooksAtItsOutputsFirst(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, flag := range []string{"--report", "--html", "--junit", "--sarif", "--summary"} {
		for _, path := range []string{filepath.Join(dir, "no", "x"), filepath.Join(file, "x"), dir} {
			var out, errw bytes.Buffer
			a := &app{in: strings.NewReader(""), out: &out, errw: &errw, getenv: func(string) string { return "" }, guest: func() ([]byte, error) {
				return nil, errors.New("the run began")
			}}
			require.Equal(t, exitUsage, a.run(t.Context(), []string{"gate", tinychat + "guarded-q8_0.gguf", flag, path}), errw.String())
			require.Contains(t, errw.String(), "output file", "%s %s", flag, path)
		}
	}
	got := command(t, nil, "gate", tinychat+"guarded-q8_0.gguf", "--tier", "quick", "--profile", "games")
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.errout, "name one of its profiles: chat, completion")
}

func TestGateStoppedByItsWallLimitIsUndecided(t *testing.T) {
	t.Parallel()

	got := command(t, nil, "gate", tinychat+"guarded-q8_0.gguf", "--policy", "demo", "--wall", "1500ms")
	require.Equal(t, exitUndecided, got.code, got.errout)
	require.Empty(t, got.out)
}

// TestGateBelowTheMinTier runs the gate where no user namespace can be made, under a policy that asks for the full jail.
func TestGateBelowTheMinTier(t *testing.T) {
	t.Parallel()

	if os.Getuid() != 0 {
		t.Skip("needs root to take user namespaces away")
	}
	shown := command(t, nil, "policy", "show", "demo")
	require.Equal(t, exitOK, shown.code)
	strict := filepath.Join(t.TempDir(), "strict.yaml")
	text := strings.ReplaceAll(shown.out, "no-namespaces", "full")
	require.NoError(t, os.WriteFile(strict, []byte(text), 0o600))
	model, err := filepath.Abs(tinychat + "guarded-q8_0.gguf")
	require.NoError(t, err)
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "unshare", "--user", "--map-root-user", "sh", "-c",
		`echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" gate "$1" --policy "$2"`, exe, model, strict)
	cmd.Env = append(os.Environ(), mainEnv+"=1", guestEnv+"="+guestPath(t))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, string(out))
	require.Equal(t, exitUnsandboxed, exit.ExitCode(), string(out))
	require.Contains(t, string(out), "next: ")
}

func TestPolicyCommands(t *testing.T) {
	t.Parallel()

	for _, name := range []string{"default", "demo"} {
		got := command(t, nil, "policy", "test", name)
		require.Equal(t, exitOK, got.code, got.errout)
		require.Contains(t, got.out, "ok")
		require.Equal(t, exitOK, command(t, nil, "policy", "lint", name).code)
	}
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	require.NoError(t, os.WriteFile(bad, []byte("name: x\nnonsense: 1\n"), 0o600))
	require.Equal(t, exitUsage, command(t, nil, "policy", "lint", bad).code)
	require.Equal(t, exitUsage, command(t, nil, "policy", "test", bad).code)
}

func TestVersionAndCompletion(t *testing.T) {
	t.Parallel()

	require.Contains(t, command(t, nil, "version").out, hallmark.CIDProfile)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.Contains(t, command(t, nil, "completion", shell).out, "hallmark")
	}
	require.Equal(t, exitOK, command(t, nil, "doctor").code)
}
