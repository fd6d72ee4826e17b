package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// mainEnv makes the test binary behave as hallmark itself, so that tests can start servers and kill them.
const (
	mainEnv  = "HALLMARK_TEST_MAIN"
	guestEnv = "HALLMARK_TEST_GUEST" // path of the guest that it then uses
)

func TestMain(m *testing.M) {
	if os.Getenv(mainEnv) != "" {
		a := &app{in: os.Stdin, out: os.Stdout, errw: os.Stderr, getenv: os.Getenv, guest: func() ([]byte, error) { return os.ReadFile(os.Getenv(guestEnv)) }}
		os.Exit(a.run(context.Background(), os.Args[1:]))
	}
	os.Exit(m.Run())
}

// builtGuest builds the guest once and returns its path.
var builtGuest = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hallmark-guest-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "guest")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", path, "../hallmark-guest")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func guestPath(t *testing.T) string {
	t.Helper()
	path, err := builtGuest()
	require.NoError(t, err)
	return path
}

// result is what one command gave.
type result struct {
	code        int
	out, errout string
}

// command runs one command in process with the given environment.
func command(t *testing.T, env map[string]string, args ...string) result {
	t.Helper()
	return commandOn(t, "", env, args...)
}

// commandOn is [command] with text on stdin.
func commandOn(t *testing.T, stdin string, env map[string]string, args ...string) result {
	t.Helper()
	var out, errw bytes.Buffer
	a := &app{in: strings.NewReader(stdin), out: &out, errw: &errw, getenv: func(k string) string { return env[k] }, guest: func() ([]byte, error) {
		return os.ReadFile(guestPath(t))
	}}
	code := a.run(t.Context(), args)
	return result{code, out.String(), errw.String()}
}

const tinychat = "../../testdata/models/tinychat/"
