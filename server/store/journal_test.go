package store

import (
	"bufio"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

// journalAt opens a journal and returns what it holds, a text a batch.
func journalAt(t *testing.T, path string) (*Journal, []string) {
	t.Helper()
	j, err := OpenJournal(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.Close() }) // tests close it too
	var batches []string
	require.NoError(t, j.Replay(func(records [][]byte) error {
		texts := make([]string, len(records))
		for i, r := range records {
			texts[i] = string(r)
		}
		batches = append(batches, strings.Join(texts, " "))
		return nil
	}))
	return j, batches
}

func records(texts ...string) [][]byte {
	var out [][]byte
	for _, s := range texts {
		out = append(out, []byte(s))
	}
	return out
}

func TestJournalKeepsBatches(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "journal")
	j, err := OpenJournal(path)
	require.NoError(t, err)
	require.ErrorIs(t, j.Append(records("too early")), hallmark.ErrInvalid)
	require.NoError(t, j.Close())

	j, batches := journalAt(t, path)
	require.Empty(t, batches)
	require.NoError(t, j.Append(nil))
	require.NoError(t, j.Append(records("a", "", "b")))
	require.NoError(t, j.Append(records(strings.Repeat("x", 1000))))
	require.ErrorIs(t, j.Append(records(strings.Repeat("x", maxFrame+1))), hallmark.ErrTooLarge)
	require.NoError(t, j.Close())
	j, batches = journalAt(t, path)
	require.Equal(t, []string{"a  b", strings.Repeat("x", 1000)}, batches)
	require.NoError(t, j.Append(records("c")))
	_, batches = journalAt(t, path)
	require.Len(t, batches, 3)
}

// Wherever the process dies in the middle of a write, the batches before are there and the next one goes behind them.
func TestJournalCutShort(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	j, _ := journalAt(t, filepath.Join(dir, "whole"))
	require.NoError(t, j.Append(records("first", "batch")))
	kept := j.size
	require.NoError(t, j.Append(records("second", "batch")))
	whole, err := os.ReadFile(filepath.Join(dir, "whole"))
	require.NoError(t, err)
	for n := range len(whole) {
		path := filepath.Join(dir, fmt.Sprint(n))
		require.NoError(t, os.WriteFile(path, whole[:n], 0o600))
		j, batches := journalAt(t, path)
		if int64(n) < kept {
			require.Empty(t, batches, n)
		} else {
			require.Equal(t, []string{"first batch"}, batches, n)
		}
		require.NoError(t, j.Append(records("next")))
		require.NoError(t, j.Close())
		_, again := journalAt(t, path)
		require.Equal(t, append(batches, "next"), again, n)
	}
	path := filepath.Join(dir, "zeros") // the file grew, its content was not written
	require.NoError(t, os.WriteFile(path, append(slices.Clone(whole), make([]byte, 5000)...), 0o600))
	_, batches := journalAt(t, path)
	require.Len(t, batches, 2)
}

// A byte that changed in what was acknowledged is damage, and nothing is thrown away.
func TestJournalDamaged(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	path := filepath.Join(dir, "whole")
	j, _ := journalAt(t, path)
	require.NoError(t, j.Append(records("first", "batch")))
	end := j.size
	require.NoError(t, j.Append(records("second", "batch")))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for at := range end {
		bad := slices.Clone(whole)
		bad[at] ^= 0x40
		path := filepath.Join(dir, fmt.Sprint(at))
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		j, err := OpenJournal(path)
		require.NoError(t, err)
		var damaged *CorruptError
		require.ErrorAs(t, j.Replay(func([][]byte) error { return nil }), &damaged, at)
		require.NoError(t, j.Close())
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, bad, left, "the file is left as it is")
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(journalMagic))
	f.Add([]byte(journalMagic + "\x03\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "journal")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		j, err := OpenJournal(path)
		require.NoError(t, err)
		defer j.Close()
		if j.Replay(func([][]byte) error { return nil }) == nil {
			require.NoError(t, j.Append(records("more")))
		}
	})
}

// TestJournalIsKilled kills a process that appends: every batch that it said is kept is in the file, whole and once.
func TestJournalIsKilled(t *testing.T) {
	if path := os.Getenv("STORE_JOURNAL"); path != "" {
		appendForever(t, path)
	}
	t.Parallel()
	rounds := 3
	if os.Getenv("HALLMARK_FULL") == "1" {
		rounds = 50
	}
	path := filepath.Join(t.TempDir(), "journal") // one for all rounds: each goes on behind the one before
	acknowledged := map[string]bool{}
	for range rounds {
		cmd := osexec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestJournalIsKilled$")
		cmd.Env = append(os.Environ(), "STORE_JOURNAL="+path)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		in := bufio.NewScanner(out)
		for n := 0; n < 20 && in.Scan(); n++ {
			acknowledged[in.Text()] = true
		}
		require.NoError(t, cmd.Process.Kill())
		for in.Scan() { // what it said before it died
			acknowledged[in.Text()] = true
		}
		_ = cmd.Wait() // killed
	}
	_, batches := journalAt(t, path)
	found := map[string]bool{}
	for _, b := range batches {
		require.False(t, found[b], "twice: %s", b)
		found[b] = true
		require.Len(t, strings.Fields(b), 50, "half a batch")
	}
	require.NotEmpty(t, acknowledged)
	for b := range acknowledged {
		require.True(t, found[b], "lost: %s", b)
	}
}

// appendForever prints each batch once it is kept.
func appendForever(t *testing.T, path string) {
	t.Helper()
	j, _ := journalAt(t, path)
	for n := 0; ; n++ {
		var texts []string
		for i := range 50 {
			texts = append(texts, fmt.Sprintf("%d.%d.%d", os.Getpid(), n, i))
		}
		if err := j.Append(records(texts...)); err != nil {
			panic(err)
		}
		fmt.Fprintln(os.Stdout, strings.Join(texts, " ")) // one write a line
	}
}
