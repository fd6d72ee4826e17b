package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// demoOf drives the shell in place of this binary; its commands are scripts.
func demoOf(progress *bytes.Buffer) *demo {
	return &demo{app: &app{errw: progress}, bin: "/bin/sh", env: []string{"HALLMARK_LISTEN=first"}}
}

// scripted returns the path of a script.
func scripted(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// A restart of the server changes the environment of later commands, not that of one that runs beside the steps.
func TestCommandsBesideTheDemoKeepTheirEnvironment(t *testing.T) {
	t.Parallel()

	var progress bytes.Buffer
	d := demoOf(&progress)
	script := scripted(t, `echo "{\"listen\": \"$HALLMARK_LISTEN\", \"args\": \"$*\"}"; echo progress >&2`)
	type answer struct{ Listen, Args string }
	for range 20 {
		d.env = []string{"HALLMARK_LISTEN=first"}
		beside := d.beside(t.Context(), script, "model")
		d.env = append(d.env, "HALLMARK_LISTEN=second") // as start does
		var after, before answer
		_, err := d.want(t.Context(), &after, script)
		require.NoError(t, err)
		require.Equal(t, answer{"second", "-o json"}, after)
		c, err := d.await(t.Context(), beside, exitOK, &before)
		require.NoError(t, err)
		require.Equal(t, answer{"first", "model -q -o json"}, before)
		require.Equal(t, "progress\n", c.errout)
		require.Positive(t, c.peak)
		require.GreaterOrEqual(t, d.peak, c.peak)
		require.Equal(t, "progress\n", progress.String(), "of the step, not of what runs beside it")
		progress.Reset()
	}
}

// What a command beside the steps did wrong is told when it is waited for; the end of the demo ends it.
func TestCommandsBesideTheDemoEndWithIt(t *testing.T) {
	t.Parallel()

	var progress bytes.Buffer
	d := demoOf(&progress)
	_, err := d.await(t.Context(), d.beside(t.Context(), scripted(t, `echo why >&2; exit 3`)), exitBlock, nil)
	require.ErrorContains(t, err, "exit code 3, want 1")
	require.ErrorContains(t, err, "why")
	require.Empty(t, progress.String())

	ctx, cancel := context.WithCancel(t.Context())
	done := d.beside(ctx, scripted(t, "exec sleep 600"))
	d.stop(cancel) // returns when nothing runs any more
	c := <-done
	require.True(t, c.err != nil || c.code != exitOK, "it ended by itself")
	_, err = d.await(ctx, make(chan demoCommand), exitOK, nil)
	require.ErrorIs(t, err, context.Canceled)
}
