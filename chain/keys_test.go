package chain_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain"
)

func TestKeysAreStoredUnderThePassword(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := chain.LoadKeys(dir, "secret")
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	made, err := chain.NewKeys(dir, "secret", chain.ScryptLight)
	require.NoError(t, err)
	require.NotEqual(t, made.Author(), made.Gas())
	loaded, err := chain.LoadKeys(dir, "secret")
	require.NoError(t, err)
	require.Equal(t, made, loaded)

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "no temporary file is left")
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm())
	}
	_, err = chain.LoadKeys(dir, "wrong")
	require.ErrorIs(t, err, hallmark.ErrKey)
	require.NotContains(t, err.Error(), "wrong")
	_, err = chain.NewKeys(dir, "secret", chain.ScryptLight)
	require.ErrorIs(t, err, hallmark.ErrConflict)

	// A crash between the two files leaves the gas key alone: making the keys again keeps it.
	require.NoError(t, os.Remove(filepath.Join(dir, "author.json")))
	_, err = chain.LoadKeys(dir, "secret")
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	again, err := chain.NewKeys(dir, "secret", chain.ScryptLight)
	require.NoError(t, err)
	require.Equal(t, made.Gas(), again.Gas())
	require.NotEqual(t, made.Author(), again.Author())

	require.NoError(t, os.WriteFile(filepath.Join(dir, "gas.json"), []byte("{"), 0o600))
	_, err = chain.LoadKeys(dir, "secret")
	require.ErrorIs(t, err, hallmark.ErrInvalid)
}
