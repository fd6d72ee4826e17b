package scan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// corpusEnv names a directory into which the pickles and archives of the tests are written, for testdata/peers.py.
const corpusEnv = "HALLMARK_SCAN_CORPUS"

func TestWriteCorpusForPeers(t *testing.T) {
	t.Parallel()

	dir := os.Getenv(corpusEnv)
	if dir == "" {
		t.Skip(corpusEnv + " is not set: no directory for the files")
	}
	write := func(kind, extension string, i int, data []byte) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, kind), 0o750))
		require.NoError(t, os.WriteFile(filepath.Join(dir, kind, fmt.Sprintf("%03d%s", i, extension)), data, 0o600))
	}
	for i, e := range evasions() {
		write("evasions-"+e.rule, ".pkl", i, []byte(e.data))
	}
	for i, e := range zipTricks(t) {
		write("archives-"+e.rule, ".pt", i, e.data)
	}
	for i, p := range append(publicPickles(t), publicOthers(t)...) {
		extension := filepath.Ext(p.name)
		if extension == "" {
			extension = ".pkl"
		}
		write("public-"+p.rule, extension, i, []byte(p.data))
	}
}
