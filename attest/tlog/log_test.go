package tlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/note"

	"github.com/hallmark-ml/hallmark"
)

const origin = "hallmark.test/log"

func TestMain(m *testing.M) {
	if dir := os.Getenv("HALLMARK_TEST_LOG"); dir != "" {
		appendUntilKilled(dir)
	}
	RouteLibraryLog(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

func leafOf(i int) hallmark.Digest {
	return hallmark.DigestOf(binary.BigEndian.AppendUint64(nil, uint64(i)))
}

func leavesFrom(from, n int) []hallmark.Digest {
	leaves := make([]hallmark.Digest, n)
	for i := range leaves {
		leaves[i] = leafOf(from + i)
	}
	return leaves
}

func newKey(tb testing.TB) (private, public string) {
	tb.Helper()
	private, public, err := GenerateKey(origin)
	require.NoError(tb, err)
	return private, public
}

func openLog(tb testing.TB, dir, private string) *Log {
	tb.Helper()
	l, err := Open(tb.Context(), dir, private)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, l.Close(context.WithoutCancel(tb.Context()))) })
	return l
}

// naiveRoot is MTH of RFC 6962 section 2.1, word by word.
func naiveRoot(leaves []hallmark.Digest) hallmark.Digest {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0][:]...))
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	left, right := naiveRoot(leaves[:k]), naiveRoot(leaves[k:])
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

func TestEveryLeafIsProvenInEverySize(t *testing.T) {
	t.Parallel()

	private, public := newKey(t)
	l := openLog(t, t.TempDir(), private)
	empty, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Equal(t, naiveRoot(nil), empty.Root)

	all := leavesFrom(0, 270) // more than one tile
	heads := map[uint64]Head{0: empty}
	for from := 0; from < len(all); {
		to := min(from+1+from/3, len(all)) // batches of growing size, so that most sizes are skipped
		indices, err := l.Append(t.Context(), all[from:to])
		require.NoError(t, err)
		for i, at := range indices {
			require.EqualValues(t, from+i, at)
		}
		h, err := l.Checkpoint(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, to, h.Size)
		require.Equal(t, naiveRoot(all[:to]), h.Root)
		parsed, err := ParseCheckpoint(h.Text, public)
		require.NoError(t, err)
		require.Equal(t, h, parsed)
		heads[h.Size] = h
		from = to
	}

	for size := 1; size <= len(all); size++ { // also the sizes that no batch ended at
		for _, index := range []int{0, size / 2, size - 1} {
			path, err := l.Proof(t.Context(), uint64(index), uint64(size))
			require.NoError(t, err)
			require.NoError(t, VerifyInclusion(all[index], uint64(index), uint64(size), path, naiveRoot(all[:size])))
		}
	}
	for from, a := range heads {
		for to, b := range heads {
			path, err := l.Consistency(t.Context(), from, to)
			if from > to {
				require.ErrorIs(t, err, hallmark.ErrInvalid)
				continue
			}
			require.NoError(t, err)
			require.NoError(t, VerifyConsistency(from, to, path, a.Root, b.Root))
			if from != to {
				require.ErrorIs(t, VerifyConsistency(from, to, path, b.Root, b.Root), hallmark.ErrLogProof)
			}
		}
	}
}

func TestALeafIsInTheLogOnce(t *testing.T) {
	t.Parallel()

	private, _ := newKey(t)
	dir := t.TempDir()
	l, err := Open(t.Context(), dir, private)
	require.NoError(t, err)
	leaves := leavesFrom(0, 3)
	indices, err := l.Append(t.Context(), []hallmark.Digest{leaves[0], leaves[1], leaves[0], leaves[2], leaves[1]})
	require.NoError(t, err)
	require.Equal(t, []uint64{0, 1, 0, 2, 1}, indices)

	// At the same time from many sides.
	var wg sync.WaitGroup
	got := make([][]uint64, 16)
	for i := range got {
		wg.Go(func() {
			var err error
			got[i], err = l.Append(t.Context(), leavesFrom(1, 6))
			if err != nil {
				got[i] = nil
			}
		})
	}
	wg.Wait()
	for _, g := range got {
		require.Len(t, g, 6)
		require.Equal(t, got[0], g)
	}
	require.NoError(t, l.Close(t.Context()))
	require.NoError(t, l.Close(t.Context()), "closing twice is closing once")

	_, err = l.Append(t.Context(), leaves)
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
	_, err = l.Checkpoint(t.Context())
	require.ErrorIs(t, err, hallmark.ErrUnavailable)

	// And after a restart.
	l = openLog(t, dir, private)
	again, err := l.Append(t.Context(), leavesFrom(1, 6))
	require.NoError(t, err)
	require.Equal(t, got[0], again)
	h, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 7, h.Size)
}

func TestAppendOfNothing(t *testing.T) {
	t.Parallel()

	private, _ := newKey(t)
	l := openLog(t, t.TempDir(), private)
	indices, err := l.Append(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, indices)
	_, err = l.Append(t.Context(), []hallmark.Digest{leafOf(1), {}})
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.Append(ctx, leavesFrom(0, 1))
	require.ErrorIs(t, err, context.Canceled)
	h, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Zero(t, h.Size)
}

func TestProofsOfWhatIsNotThere(t *testing.T) {
	t.Parallel()

	private, _ := newKey(t)
	l := openLog(t, t.TempDir(), private)
	_, err := l.Append(t.Context(), leavesFrom(0, 3))
	require.NoError(t, err)
	for _, c := range []struct{ index, size uint64 }{{3, 3}, {0, 0}, {0, 4}, {1 << 63, 1<<63 + 1}} {
		_, err := l.Proof(t.Context(), c.index, c.size)
		require.ErrorIs(t, err, hallmark.ErrNotFound, c)
	}
	_, err = l.Consistency(t.Context(), 1, 4)
	require.ErrorIs(t, err, hallmark.ErrNotFound)
}

func TestProofsThatDoNotHold(t *testing.T) {
	t.Parallel()

	all := leavesFrom(0, 7)
	root := naiveRoot(all)
	private, _ := newKey(t)
	l := openLog(t, t.TempDir(), private)
	_, err := l.Append(t.Context(), all)
	require.NoError(t, err)
	path, err := l.Proof(t.Context(), 2, 7)
	require.NoError(t, err)
	changed := slices.Clone(path)
	changed[1][0] ^= 1

	require.NoError(t, VerifyInclusion(all[2], 2, 7, path, root))
	for name, err := range map[string]error{
		"other leaf":   VerifyInclusion(all[3], 2, 7, path, root),
		"other index":  VerifyInclusion(all[2], 3, 7, path, root),
		"other size":   VerifyInclusion(all[2], 2, 9, path, root),
		"index = size": VerifyInclusion(all[2], 7, 7, path, root),
		"other root":   VerifyInclusion(all[2], 2, 7, path, naiveRoot(all[:6])),
		"changed path": VerifyInclusion(all[2], 2, 7, changed, root),
		"short path":   VerifyInclusion(all[2], 2, 7, path[1:], root),
		"long path":    VerifyInclusion(all[2], 2, 7, append(slices.Clone(path), path[0]), root),
		"no path":      VerifyInclusion(all[2], 2, 7, nil, root),
		"empty tree":   VerifyInclusion(all[2], 0, 0, nil, root),

		"consistency: other root":      VerifyConsistency(7, 7, nil, root, naiveRoot(all[:6])),
		"consistency: not the empty":   VerifyConsistency(0, 7, nil, root, root),
		"consistency: path from empty": VerifyConsistency(0, 7, path, naiveRoot(nil), root),
		"consistency: no path":         VerifyConsistency(3, 7, nil, naiveRoot(all[:3]), root),
		"consistency: shrinks":         VerifyConsistency(7, 3, path, root, naiveRoot(all[:3])),
	} {
		require.ErrorIs(t, err, hallmark.ErrLogProof, name)
	}
}

func TestCheckpointsThatDoNotHold(t *testing.T) {
	t.Parallel()

	private, public := newKey(t)
	_, stranger := newKey(t)
	l := openLog(t, t.TempDir(), private)
	_, err := l.Append(t.Context(), leavesFrom(0, 5))
	require.NoError(t, err)
	h, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	text := string(h.Text)
	signed := func(body string) string {
		signer := l.signer
		return mustSign(t, signer, body)
	}
	root := strings.Split(text, "\n")[2]

	for name, tt := range map[string]struct {
		text, key string
		kind      error
	}{
		"good":              {text, public, nil},
		"signed by hand":    {signed(origin + "\n5\n" + root + "\n"), public, nil},
		"with extension":    {signed(origin + "\n5\n" + root + "\nmore\n"), public, nil},
		"other key":         {text, stranger, hallmark.ErrLogProof},
		"no key":            {text, "x", hallmark.ErrKey},
		"other size":        {strings.Replace(text, "\n5\n", "\n6\n", 1), public, hallmark.ErrLogProof},
		"other origin":      {signed("other\n5\n" + root + "\n"), public, hallmark.ErrLogProof},
		"no origin":         {signed("\n5\n" + root + "\n"), public, hallmark.ErrLogProof},
		"leading zero":      {signed(origin + "\n05\n" + root + "\n"), public, hallmark.ErrLogProof},
		"plus sign":         {signed(origin + "\n+5\n" + root + "\n"), public, hallmark.ErrLogProof},
		"negative":          {signed(origin + "\n-5\n" + root + "\n"), public, hallmark.ErrLogProof},
		"size of 2^64":      {signed(origin + "\n18446744073709551616\n" + root + "\n"), public, hallmark.ErrLogProof},
		"short root":        {signed(origin + "\n5\nAAAA\n"), public, hallmark.ErrLogProof},
		"root not base64":   {signed(origin + "\n5\n" + strings.Repeat("!", 44) + "\n"), public, hallmark.ErrLogProof},
		"root ends loosely": {signed(origin + "\n5\n" + strings.Repeat("A", 42) + "B=\n"), public, hallmark.ErrLogProof},
		"no root":           {signed(origin + "\n5\n"), public, hallmark.ErrLogProof},
		"empty":             {"", public, hallmark.ErrLogProof},
		"no signature":      {text[:strings.Index(text, "\n\n")+2], public, hallmark.ErrLogProof},
		"just not too long": {signed(origin + "\n5\n" + root + "\n" + strings.Repeat("x", MaxCheckpoint-len(text)-1) + "\n"), public, nil},
		"too long":          {text + strings.Repeat(" ", MaxCheckpoint), public, hallmark.ErrLogProof},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseCheckpoint([]byte(tt.text), tt.key)
			require.ErrorIs(t, err, tt.kind)
		})
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()

	private, public := newKey(t)
	got, err := PublicKey(private)
	require.NoError(t, err)
	require.Equal(t, public, got)
	for range 50 { // base64 may hold a plus sign, which also separates the fields
		private, public := newKey(t)
		got, err := PublicKey(private)
		require.NoError(t, err)
		require.Equal(t, public, got)
	}

	for _, bad := range []string{"", "x", public, private[:len(private)-4], private + "AAAA", "PRIVATE+KEY+a+b", strings.Replace(private, origin, "other", 1)} {
		_, err := PublicKey(bad)
		require.ErrorIs(t, err, hallmark.ErrKey)
		require.NotContains(t, err.Error(), "PRIVATE")
		_, err = Open(t.Context(), t.TempDir(), bad)
		require.ErrorIs(t, err, hallmark.ErrKey)
	}
	for _, bad := range []string{"", "a b", "a+b", "a\nb"} {
		_, _, err := GenerateKey(bad)
		require.ErrorIs(t, err, hallmark.ErrInvalid, bad)
	}
}

func TestLogsThatAreNotOpened(t *testing.T) {
	t.Parallel()

	private, _ := newKey(t)
	// closedLog makes a log of five leaves and ends it.
	closedLog := func(t *testing.T) string {
		t.Helper()
		dir := t.TempDir()
		l, err := Open(t.Context(), dir, private)
		require.NoError(t, err)
		_, err = l.Append(t.Context(), leavesFrom(0, 4))
		require.NoError(t, err)
		_, err = l.Append(t.Context(), leavesFrom(4, 1))
		require.NoError(t, err)
		require.NoError(t, l.Close(t.Context()))
		return dir
	}
	other, _ := newKey(t)
	for name, tt := range map[string]struct {
		damage func(t *testing.T, dir string)
		key    string
		kind   error
	}{
		"another key": {func(*testing.T, string) {}, other, hallmark.ErrKey},
		"an older tree": {func(t *testing.T, dir string) {
			t.Helper()
			replace(t, filepath.Join(dir, ".state/treeState"), `"size":5`, `"size":4`)
		}, private, hallmark.ErrLogProof},
		"another tree": {func(t *testing.T, dir string) {
			t.Helper()
			path := filepath.Join(dir, "tile/0/000.p/5")
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			raw[40] ^= 1
			require.NoError(t, os.WriteFile(path, raw, 0o600))
		}, private, hallmark.ErrLogProof},
		"leaves of another length": {func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "tile/entries/000.p/5"), []byte("\x00\x01a\x00\x01b\x00\x01c\x00\x01d\x00\x01e"), 0o600))
		}, private, hallmark.ErrLogProof},
		"leaves missing": {func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "tile/entries/000.p/5"), nil, 0o600))
		}, private, hallmark.ErrLogProof},
		"leaf file gone": {func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "tile/entries")))
		}, private, hallmark.ErrUnavailable},
		"checkpoint damaged": {func(t *testing.T, dir string) {
			t.Helper()
			replace(t, filepath.Join(dir, "checkpoint"), "\n5\n", "\n4\n")
		}, private, hallmark.ErrKey},
		"checkpoint not written yet": {func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.Remove(filepath.Join(dir, "checkpoint")))
		}, private, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := closedLog(t)
			tt.damage(t, dir)
			l, err := Open(t.Context(), dir, tt.key)
			require.ErrorIs(t, err, tt.kind)
			if err == nil {
				require.NoError(t, l.Close(t.Context()))
			}
		})
	}

	t.Run("open already", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		openLog(t, dir, private)
		_, err := Open(t.Context(), dir, private)
		require.ErrorIs(t, err, hallmark.ErrConflict)
	})
	t.Run("not a directory", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		_, err := Open(t.Context(), path, private)
		require.Error(t, err)
	})
}

func replace(t *testing.T, path, old, replacement string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(raw), old)
	require.NoError(t, os.WriteFile(path, bytes.Replace(raw, []byte(old), []byte(replacement), 1), 0o600))
}

func TestFullDisk(t *testing.T) {
	t.Parallel()

	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("this test mounts a file system, which is not permitted here:", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	private, _ := newKey(t)
	l, err := Open(t.Context(), filepath.Join(disk, "log"), private)
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close(t.Context())) }()
	_, err = l.Append(t.Context(), leavesFrom(0, 5))
	require.NoError(t, err)

	filler := filepath.Join(disk, "filler")
	f, err := os.Create(filler)
	require.NoError(t, err)
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Close())

	_, err = l.Append(t.Context(), leavesFrom(3, 5))
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
	require.ErrorContains(t, err, "no space")
	h, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 5, h.Size)

	require.NoError(t, os.Remove(filler))
	indices, err := l.Append(t.Context(), leavesFrom(3, 5))
	require.NoError(t, err)
	require.Equal(t, []uint64{3, 4, 5, 6, 7}, indices)
}

func TestAnAppendThatFailedButWasAppliedIsNotRepeated(t *testing.T) {
	t.Parallel()

	private, _ := newKey(t)
	l := openLog(t, t.TempDir(), private)
	_, err := l.Append(t.Context(), leavesFrom(0, 3))
	require.NoError(t, err)
	// What a failed call leaves behind: the log has the leaf, the index does not, and an error was reported.
	l.mu.Lock()
	delete(l.index, leafOf(2))
	l.scanned = 2
	l.mu.Unlock()
	l.settle(leafOf(2), 0, errors.New("disk gone for a moment"))

	indices, err := l.Append(t.Context(), []hallmark.Digest{leafOf(2), leafOf(9)})
	require.NoError(t, err)
	require.Equal(t, []uint64{2, 3}, indices)
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			private, _ := newKey(b)
			l := openLog(b, b.TempDir(), private)
			next := 0
			for b.Loop() {
				_, err := l.Append(b.Context(), leavesFrom(next, n))
				require.NoError(b, err)
				next += n
			}
		})
	}
}

// BenchmarkSubmission is what a submission waits for: one leaf, the checkpoint with it, its proof.
func BenchmarkSubmission(b *testing.B) {
	private, _ := newKey(b)
	l := openLog(b, b.TempDir(), private)
	size := uint64(0)
	for b.Loop() {
		_, err := l.Append(b.Context(), leavesFrom(int(size), 1))
		require.NoError(b, err)
		size++
		_, err = l.Checkpoint(b.Context())
		require.NoError(b, err)
		_, err = l.Proof(b.Context(), 0, size)
		require.NoError(b, err)
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	private, public := newKey(f)
	signer, err := note.NewSigner(private)
	require.NoError(f, err)
	text := mustSign(f, signer, origin+"\n5\n"+strings.Repeat("A", 43)+"=\n")
	f.Add([]byte(text))
	f.Add([]byte(origin + "\n5\n\n— x y\n"))
	f.Add([]byte("\n\n\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := ParseCheckpoint(text, public)
		if err == nil {
			require.EqualValues(t, 5, h.Size, "nobody else can sign")
		}
		_, _ = parseBody(string(text))
	})
}
