package tlog

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

func mustSign(tb testing.TB, signer note.Signer, body string) string {
	tb.Helper()
	text, err := note.Sign(&note.Note{Text: body}, signer)
	require.NoError(tb, err)
	return string(text)
}

// appendUntilKilled is the child of TestKilledLogKeepsWhatItAcknowledged: it appends leaf after leaf, three at a time,
// from the number in its environment on, and prints "leaf index" for each that was acknowledged.
func appendUntilKilled(dir string) {
	ctx := context.Background()
	l, err := Open(ctx, dir, os.Getenv("HALLMARK_TEST_LOG_KEY"))
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var next int
	if _, err := fmt.Sscan(os.Getenv("HALLMARK_TEST_LOG_NEXT"), &next); err != nil {
		os.Exit(1)
	}
	for ; ; next += 2 { // the third of each batch is appended again with the next one
		indices, err := l.Append(ctx, leavesFrom(next, 3))
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		var out strings.Builder
		for i, at := range indices {
			fmt.Fprintln(&out, next+i, at)
		}
		fmt.Print(out.String())
	}
}

func TestKilledLogKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()

	rounds := 10
	if os.Getenv("HALLMARK_FULL") == "1" {
		rounds = 100
	}
	private, public := newKey(t)
	dir := t.TempDir()
	acknowledged := map[int]uint64{} // leaf number to index
	last := Head{Root: naiveRoot(nil)}
	next, unheard := 0, 0
	for round := range rounds {
		next = killedChild(t, dir, private, next, 2+3*(round%7), acknowledged)

		l, err := Open(t.Context(), dir, private)
		require.NoError(t, err)
		h, err := l.Checkpoint(t.Context())
		require.NoError(t, err)
		_, err = ParseCheckpoint(h.Text, public)
		require.NoError(t, err)
		path, err := l.Consistency(t.Context(), last.Size, h.Size)
		require.NoError(t, err)
		require.NoError(t, VerifyConsistency(last.Size, h.Size, path, last.Root, h.Root), "round %d", round)
		last = h
		if h.Size > uint64(len(acknowledged)) {
			unheard++ // killed between the leaf's being durable and the word of it
		}
		for leaf, at := range acknowledged {
			require.Less(t, at, h.Size)
			path, err := l.Proof(t.Context(), at, h.Size)
			require.NoError(t, err)
			require.NoError(t, VerifyInclusion(leafOf(leaf), at, h.Size, path, h.Root), "round %d, leaf %d", round, leaf)
		}
		require.Len(t, l.index, int(h.Size), "no leaf is there twice")
		require.NoError(t, l.Close(t.Context()))
	}
	t.Logf("%d kills, %d acknowledged leaves, %d in the log, %d kills before the word of a durable leaf", rounds, len(acknowledged), last.Size, unheard)
}

// killedChild runs a child until it has acknowledged some leaves, kills it in whatever it is doing then, and returns the
// number that the next child starts from: some of the leaves before it are in the log without our knowing.
func killedChild(t *testing.T, dir, private string, next, lines int, acknowledged map[int]uint64) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "HALLMARK_TEST_LOG="+dir, "HALLMARK_TEST_LOG_KEY="+private, fmt.Sprint("HALLMARK_TEST_LOG_NEXT=", next))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	in := bufio.NewScanner(out)
	for n := 0; in.Scan(); n++ { // the pipe may hold more than was read when the child dies
		var leaf int
		var at uint64
		_, err := fmt.Sscan(in.Text(), &leaf, &at)
		require.NoError(t, err, in.Text())
		if known, ok := acknowledged[leaf]; ok {
			require.Equal(t, known, at, "leaf %d moved", leaf)
		}
		acknowledged[leaf] = at
		next = max(next, leaf)
		if n == lines {
			// Not a wait for something: the moment of the kill is to fall anywhere in the next batches.
			<-time.After(time.Duration(rand.IntN(20_000)) * time.Microsecond)
			require.NoError(t, cmd.Process.Kill())
		}
	}
	_ = cmd.Wait()
	require.NotEmpty(t, acknowledged)
	return max(0, next-1)
}
