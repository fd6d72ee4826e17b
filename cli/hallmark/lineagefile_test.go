package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

// repository makes a git repository with a committed script and files around it, and returns its directory and commit.
func repository(t *testing.T) (dir, commit string) {
	t.Helper()
	dir = t.TempDir()
	git := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.org"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "src"), 0o700))
	for name, text := range map[string]string{"src/train.py": "print(1)\n", "data.jsonl": "{}\n", "out.gguf": "weights"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	git("init", "-q")
	git("add", "src/train.py")
	git("commit", "-q", "-m", "x")
	git("remote", "add", "origin", "https://user:secret@example.org/r.git")
	return dir, git("rev-parse", "HEAD")
}

const trainStep = `steps:
  - operation: train
    output: out.gguf
    inputs:
      - {role: dataset, path: data.jsonl}
      - {role: script, path: src/train.py}
    parameters: {lr: "1e-3"}
`

func resolve(t *testing.T, dir, text string) (lineageSet, error) {
	t.Helper()
	path := filepath.Join(dir, "lineage.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	f, err := readLineageFile(path)
	if err != nil {
		return lineageSet{}, err
	}
	return f.resolve(t.Context(), dir)
}

func TestLineageFileFindsDigestsAndCommits(t *testing.T) {
	t.Parallel()

	dir, commit := repository(t)
	set, err := resolve(t, dir, trainStep)
	require.NoError(t, err)
	require.Len(t, set.artifacts, 3)
	step := set.steps[0]
	require.Equal(t, hallmark.DigestOf([]byte("weights")), step.Output.Digest)
	script := step.Inputs[1]
	require.Equal(t, commit, script.GitCommit)
	require.Equal(t, "src/train.py", script.GitPath)
	require.Equal(t, "https://example.org/r.git", script.GitRepo) // without the password
}

func TestLineageFileRefusals(t *testing.T) {
	t.Parallel()

	dir, _ := repository(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "new.py"), []byte("x"), 0o600))
	for name, text := range map[string]string{
		"unknown key":        strings.Replace(trainStep, "operation", "operatoin", 1),
		"no steps":           "steps: []\n",
		"no output":          strings.Replace(trainStep, "output: out.gguf", "output: ''", 1),
		"missing file":       strings.Replace(trainStep, "data.jsonl", "nothing.jsonl", 1),
		"uncommitted script": strings.Replace(trainStep, "src/train.py", "new.py", 1),
		"not YAML":           "\t",
		"too large":          "# " + strings.Repeat("x", maxLineageFile),
	} {
		_, err := resolve(t, dir, text)
		require.Error(t, err, name)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "src/train.py"), []byte("print(2)\n"), 0o600))
	_, err := resolve(t, dir, trainStep)
	require.ErrorContains(t, err, "uncommitted changes")
}
