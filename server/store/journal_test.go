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

// journalAt opens a journal and returns what it holds, a text a batch; that of a snapshot begins with "=".
func journalAt(t *testing.T, path string) (*Journal, []string) {
	t.Helper()
	j, err := OpenJournal(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.Close() }) // tests close it too
	var batches []string
	require.NoError(t, j.Replay(func(snapshot []byte) error {
		batches = append(batches, "="+string(snapshot))
		return nil
	}, func(records [][]byte) error {
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
		requireDamaged(t, path, at)
	}
}

func TestJournalBeginsAnew(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "journal")
	j, err := OpenJournal(path)
	require.NoError(t, err)
	require.ErrorIs(t, j.Restart([]byte("too early")), hallmark.ErrInvalid)
	require.NoError(t, j.Close())
	j, _ = journalAt(t, path)
	for range 100 {
		require.NoError(t, j.Append(records("a", "b")))
	}
	before := j.Size()
	for _, bad := range [][]byte{nil, make([]byte, maxFrame+1)} {
		require.ErrorIs(t, j.Restart(bad), hallmark.ErrTooLarge)
	}
	require.NoError(t, os.MkdirAll(filepath.Join(path+newJournal, "in the way"), 0o700))
	require.ErrorIs(t, j.Restart([]byte("100 times a b")), hallmark.ErrUnavailable)
	require.NoError(t, os.RemoveAll(path+newJournal))
	require.NoError(t, j.Append(records("it is as it was")))

	require.NoError(t, j.Restart([]byte("100 times a b")))
	require.Less(t, j.Size(), before/10)
	require.NoError(t, j.Append(records("c")))
	require.NoError(t, j.Append(records("d")))
	require.NoError(t, j.Close())
	j, batches := journalAt(t, path)
	require.Equal(t, []string{"=100 times a b", "c", "d"}, batches)
	require.NoError(t, j.Restart([]byte("all")))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, info.Size(), j.Size())
	_, batches = journalAt(t, path)
	require.Equal(t, []string{"=all"}, batches)

	j.err = hallmark.ErrUnavailable // what a directory that cannot be synchronised leaves
	require.ErrorIs(t, j.Append(records("e")), hallmark.ErrUnavailable)
	require.ErrorIs(t, j.Restart([]byte("e")), hallmark.ErrUnavailable)
}

// The states of the disk in which a process may die while it begins a journal anew: the new file written in part, or whole, or
// in its place. None of them loses a batch or has one twice.
func TestJournalDiesWhileItBeginsAnew(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	from := filepath.Join(dir, "from")
	j, _ := journalAt(t, from)
	require.NoError(t, j.Append(records("first")))
	require.NoError(t, j.Append(records("second")))
	old, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, j.Restart([]byte("first second")))
	anew, err := os.ReadFile(from)
	require.NoError(t, err)
	for n := range len(anew) + 1 {
		path := filepath.Join(dir, fmt.Sprint(n))
		require.NoError(t, os.WriteFile(path, old, 0o600))
		require.NoError(t, os.WriteFile(path+newJournal, anew[:n], 0o600))
		j, batches := journalAt(t, path)
		require.Equal(t, []string{"first", "second"}, batches)
		require.NoFileExists(t, path+newJournal)
		require.NoError(t, j.Append(records("third")))
		require.NoError(t, j.Restart([]byte("all three")))
		_, batches = journalAt(t, path)
		require.Equal(t, []string{"=all three"}, batches)
	}

	require.NoError(t, j.Append(records("third")))
	whole, err := os.ReadFile(from)
	require.NoError(t, err)
	for n := len(journalMagic); n < len(whole); n++ { // it never has fewer bytes than the snapshot's
		path := filepath.Join(dir, fmt.Sprint("cut at ", n))
		require.NoError(t, os.WriteFile(path, whole[:n], 0o600))
		if n >= len(anew) {
			_, batches := journalAt(t, path)
			require.Equal(t, []string{"=first second"}, batches)
			continue
		}
		requireDamaged(t, path, n)
	}
	for at := range anew {
		bad := slices.Clone(whole)
		bad[at] ^= 0x40
		path := filepath.Join(dir, fmt.Sprint("damaged at ", at))
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		requireDamaged(t, path, at)
	}
}

// requireDamaged requires that a journal is refused as damaged, and left as it is.
func requireDamaged(t *testing.T, path string, at any) {
	t.Helper()
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	j, err := OpenJournal(path)
	require.NoError(t, err)
	var damaged *CorruptError
	require.ErrorAs(t, j.Replay(func([]byte) error { return nil }, func([][]byte) error { return nil }), &damaged, at)
	require.NoError(t, j.Close())
	left, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, left, "the file is left as it is")
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(journalMagic))
	f.Add([]byte(journalMagic + "\x03\x00\x00\x00"))
	f.Add([]byte(snapshotMagic))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "journal")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		j, err := OpenJournal(path)
		require.NoError(t, err)
		defer j.Close()
		if j.Replay(func([]byte) error { return nil }, func([][]byte) error { return nil }) == nil {
			require.NoError(t, j.Append(records("more")))
			require.NoError(t, j.Restart([]byte("all")))
		}
	})
}

// TestJournalIsKilled kills a process that appends, and that begins the journal anew with all batches so far after every third
// one: every batch that it said is kept is in the file, whole and once.
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
	require.True(t, strings.HasPrefix(batches[0], "="), "begun anew")
	found := map[string]bool{}
	for _, b := range flat(batches) {
		require.False(t, found[b], "twice: %s", b)
		found[b] = true
		require.Len(t, strings.Fields(b), 50, "half a batch")
	}
	require.NotEmpty(t, acknowledged)
	for b := range acknowledged {
		require.True(t, found[b], "lost: %s", b)
	}
}

// flat are the batches in the snapshot, one a line, and those behind it.
func flat(batches []string) []string {
	if len(batches) == 0 || !strings.HasPrefix(batches[0], "=") {
		return batches
	}
	return append(strings.Split(batches[0][1:], "\n"), batches[1:]...)
}

// appendForever prints each batch once it is kept.
func appendForever(t *testing.T, path string) {
	t.Helper()
	j, all := journalAt(t, path)
	all = flat(all)
	for n := 0; ; n++ {
		if n%3 == 2 {
			if err := j.Restart([]byte(strings.Join(all, "\n"))); err != nil {
				panic(err)
			}
		}
		var texts []string
		for i := range 50 {
			texts = append(texts, fmt.Sprintf("%d.%d.%d", os.Getpid(), n, i))
		}
		if err := j.Append(records(texts...)); err != nil {
			panic(err)
		}
		all = append(all, strings.Join(texts, " "))
		fmt.Fprintln(os.Stdout, all[len(all)-1]) // one write a line
	}
}
