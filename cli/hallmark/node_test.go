package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who runs a server whose feedback is damaged is told what to do, and that nothing else is lost.
func TestDamagedFeedback(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	path := filepath.Join(dir, feedbackFile)
	require.NoError(t, os.WriteFile(path, []byte("hmjrnl1\nand then something that is no frame at all"), 0o600))
	n := &node{cfg: serverConfig{DataDir: dir}, log: slog.New(slog.DiscardHandler)}
	err := n.openLearning(t.Context())
	require.Error(t, err)
	require.Equal(t, exitUnsandboxed, exitCode(err))
	var told bytes.Buffer
	printError(&told, err)
	require.Contains(t, told.String(), "move it away")
	require.NotContains(t, told.String(), "internal error")
	require.NoError(t, os.Rename(path, path+".damaged"))
	require.NoError(t, n.openLearning(t.Context()))
	for _, end := range slices.Backward(n.close) {
		require.NoError(t, end())
	}
}
