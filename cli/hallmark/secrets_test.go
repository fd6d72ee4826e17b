package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

func TestSecretsAreMadeOnceAndOpenedAgain(t *testing.T) {
	t.Parallel()

	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("from a file\n"), 0o600))
	for name, from := range map[string]passwordSource{"generated": {}, "environment": {value: "from the environment"}, "file": {file: file}} {
		if testing.Short() && name == "environment" { // opened in the tour too
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			dir := t.TempDir()
			made, err := openSecrets(dir, from)
			require.NoError(t, err)
			again, err := openSecrets(dir, from)
			require.NoError(t, err)
			require.Equal(t, made.service.Hint(), again.service.Hint())
			require.Equal(t, made.chain.Author(), again.chain.Author())
			require.Equal(t, made.logPublic, again.logPublic)

			_, err = openSecrets(dir, passwordSource{value: "wrong"})
			require.ErrorIs(t, err, hallmark.ErrKey)

			info, err := os.Stat(filepath.Join(dir, "password"))
			if name != "generated" {
				require.ErrorIs(t, err, os.ErrNotExist)
				return
			}
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		})
	}
	_, err := openSecrets(t.TempDir(), passwordSource{file: filepath.Join(t.TempDir(), "nothing")})
	require.ErrorIs(t, err, errUsage)
}
