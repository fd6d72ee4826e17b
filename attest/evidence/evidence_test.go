package evidence

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/hallmark-ml/hallmark"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stream returns the first n bytes of AES-128-CTR with key 1 over zeros, the payload of the published CIDs.
func stream(tb testing.TB, n int) []byte {
	tb.Helper()
	key := make([]byte, 16)
	key[15] = 1
	block, err := aes.NewCipher(key)
	require.NoError(tb, err)
	out := make([]byte, n)
	cipher.NewCTR(block, make([]byte, 16)).XORKeyStream(out, out)
	return out
}

func openStore(tb testing.TB) *Store {
	tb.Helper()
	return openStoreIn(tb, tb.TempDir())
}

func openStoreIn(tb testing.TB, dir string) *Store {
	tb.Helper()
	s, err := Open(tb.Context(), dir)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

func write(tb testing.TB, path string, data []byte) string {
	tb.Helper()
	require.NoError(tb, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(tb, os.WriteFile(path, data, 0o644))
	return path
}

// storedBytes returns the size of everything in the store's own files.
func storedBytes(tb testing.TB, s *Store) int64 {
	tb.Helper()
	var sum int64
	require.NoError(tb, filepath.WalkDir(s.dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		sum += info.Size()
		return err
	}))
	return sum
}

// The CIDs are those that `ipfs add` gives with profile unixfs-v1-2025.
var goldenFiles = []struct {
	size int
	cid  string
}{
	{0, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"},
	{1, "bafkreihhponjv2pdbmg33nxvccrgj34546avahl3nojk5cplawofvn2d3m"},
	{262144, "bafkreib7rllg6vib4avq3eoihpqiriiohxkz22c3stkomjhnyjusbo5sgy"},
	{1048575, "bafkreid2nzt7ljgugw7nv4kcfmh6xbs34vyrsdx7n34bxjap4l7crfgdya"},
	{1048576, "bafkreialmaasmq6hca4gzaarxuw3ndovgesswbwbbgyurhwh4lkxietlfy"},
	{1048577, "bafybeigdh63o7bu4et6sm2i36rjk7t55nxw2wx26bymbqmnkwzk5sbq7xq"},
	{2097152, "bafybeige7gxo5fpt6mtsupw72thq4jv2isbslcydqe4qcrgolzodbjpmjy"},
}

func TestFilesHaveTheirPublishedCIDs(t *testing.T) {
	t.Parallel()

	for _, g := range goldenFiles {
		t.Run(strconv.Itoa(g.size), func(t *testing.T) {
			t.Parallel()
			data := stream(t, g.size)

			put := openStore(t)
			id, err := put.Put(t.Context(), data)
			require.NoError(t, err)
			require.Equal(t, g.cid, id)

			added := openStore(t)
			id, err = added.AddFile(t.Context(), write(t, filepath.Join(t.TempDir(), "f"), data))
			require.NoError(t, err)
			require.Equal(t, g.cid, id)

			for _, s := range []*Store{put, added} {
				got, err := s.Get(t.Context(), id, int64(g.size))
				require.NoError(t, err)
				require.Equal(t, data, got)
			}
		})
	}
}

func TestDirectoriesHaveTheirPublishedCIDs(t *testing.T) {
	t.Parallel()

	root := t.TempDir()
	nest, model, many := filepath.Join(root, "nest"), filepath.Join(root, "model"), filepath.Join(root, "many")
	write(t, filepath.Join(nest, "a.txt"), []byte("hello world"))
	write(t, filepath.Join(nest, "empty.bin"), nil)
	write(t, filepath.Join(nest, "sub/config.json"), []byte("{}\n"))
	write(t, filepath.Join(nest, "sub/deep/w.bin"), stream(t, 1048577))
	require.NoError(t, os.Mkdir(filepath.Join(nest, "emptydir"), 0o755))
	write(t, filepath.Join(model, "config.json"), []byte("{}\n"))
	write(t, filepath.Join(model, "tokenizer.json"), []byte("{\"v\":1}\n"))
	write(t, filepath.Join(model, "model-00001-of-00002.safetensors"), stream(t, 1048577))
	write(t, filepath.Join(model, "model-00002-of-00002.safetensors"), stream(t, 2097152))
	write(t, filepath.Join(model, ".gitattributes"), nil)
	for i := 1; i <= 6000; i++ {
		write(t, filepath.Join(many, fmt.Sprintf("f%04d", i)), fmt.Appendf(nil, "%04d\n", i))
	}

	for path, want := range map[string]string{
		nest:                            "bafybeih6t3jvehgecnqjb4jhmuj7prwx4bnflgvfa75djyr5sgk2pzgaoy",
		filepath.Join(nest, "emptydir"): "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354",
		model:                           "bafybeifslptlndo5rrhhhsc7oynzf5q4m4hfb4ij2wcbl6do4pxdh657ku", // hidden file included
		many:                            "bafybeih6sye3ipzfa7xvm2qamcc24prb7vud2wligogxstszsplmdpr4fe", // sharded
	} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			s := openStore(t)
			id, err := s.AddFile(t.Context(), path)
			require.NoError(t, err)
			require.Equal(t, want, id)

			_, err = s.Get(t.Context(), id, 1<<20)
			require.ErrorIs(t, err, hallmark.ErrInvalid, "a directory is not a document")
		})
	}
}

func TestReferencedBytesAreNotCopied(t *testing.T) {
	t.Parallel()

	dir, data := t.TempDir(), stream(t, 20<<20) // more than one group
	s := openStoreIn(t, dir)
	path := write(t, filepath.Join(t.TempDir(), "model"), data)
	id, err := s.AddFile(t.Context(), path)
	require.NoError(t, err)
	require.Less(t, storedBytes(t, s), int64(len(data)/2500), "0.04 % of the file")

	index, err := os.ReadFile(s.path("refs.jsonl"))
	require.NoError(t, err)
	require.Equal(t, 2, bytes.Count(index, []byte("\n")), "one line a group")

	before := storedBytes(t, s)
	again, err := s.AddFile(t.Context(), path)
	require.NoError(t, err)
	require.Equal(t, id, again)
	require.Equal(t, before, storedBytes(t, s), "adding twice is adding once")

	got, err := s.Get(t.Context(), id, int64(len(data)))
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))
}

func TestFilesThatShareBlocks(t *testing.T) {
	t.Parallel()

	data := stream(t, 5<<20)
	block := func(i int) []byte { return data[i<<20 : (i+1)<<20] }
	files := map[string][]byte{
		"a": block(1),
		"b": slices.Concat(block(0), block(2)),           // its new block stands where a ends
		"c": slices.Concat(block(3), block(0), block(4)), // a block that is known lies between two that are not
	}
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	s, oracle := openStore(t), openStore(t)
	_, err := s.AddFile(t.Context(), write(t, filepath.Join(t.TempDir(), "known"), block(0)))
	require.NoError(t, err)
	_, err = s.AddFile(t.Context(), dir)
	require.NoError(t, err)
	for name, content := range files {
		id, err := oracle.Put(t.Context(), content)
		require.NoError(t, err)
		got, err := s.Get(t.Context(), id, int64(len(content)))
		require.NoError(t, err, name)
		require.True(t, bytes.Equal(content, got), name)
	}
}

func TestStoreSurvivesReopening(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	path := write(t, filepath.Join(t.TempDir(), "model"), stream(t, 3<<20))
	s, err := Open(t.Context(), dir)
	require.NoError(t, err)
	doc, err := s.Put(t.Context(), []byte("a report"))
	require.NoError(t, err)
	file, err := s.AddFile(t.Context(), path)
	require.NoError(t, err)

	_, err = Open(t.Context(), dir)
	require.ErrorIs(t, err, hallmark.ErrConflict, "one process at a time")
	require.NoError(t, s.Close())

	// A crash leaves a part of a line, and files in tmp.
	f, err := os.OpenFile(filepath.Join(dir, "refs.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("not a line that anybody reads\n" + `{"path":"/x","offset":0,"size":1048576,"bl`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	write(t, filepath.Join(dir, "tmp", "block-1"), []byte("half"))

	s = openStoreIn(t, dir)
	require.NoFileExists(t, filepath.Join(dir, "tmp", "block-1"))
	other, err := s.AddFile(t.Context(), write(t, filepath.Join(t.TempDir(), "other"), []byte("other")))
	require.NoError(t, err)
	for _, id := range []string{doc, file, other} {
		_, err := s.Get(t.Context(), id, 4<<20)
		require.NoError(t, err)
	}
}

func TestChangedFileIsAnErrorAndNeverWrongBytes(t *testing.T) {
	t.Parallel()

	for name, change := range map[string]struct {
		do    func(path string) error
		kinds []error
	}{
		"one byte": {func(p string) error {
			f, err := os.OpenFile(p, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte{0xff}, 1<<20+5)
			return errors.Join(err, f.Close())
		}, []error{hallmark.ErrConflict, hallmark.ErrDigest}},
		"truncated": {func(p string) error { return os.Truncate(p, 1<<20+1) }, []error{hallmark.ErrConflict, hallmark.ErrDigest}},
		"gone":      {os.Remove, []error{hallmark.ErrNotFound}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t)
			data := stream(t, 2<<20)
			path := write(t, filepath.Join(t.TempDir(), "model"), data)
			id, err := s.AddFile(t.Context(), path)
			require.NoError(t, err)

			require.NoError(t, change.do(path))
			_, err = s.Get(t.Context(), id, 2<<20)
			for _, kind := range change.kinds {
				require.ErrorIs(t, err, kind)
			}

			// The same bytes at another place make it whole again.
			again, err := s.AddFile(t.Context(), write(t, filepath.Join(t.TempDir(), "copy"), data))
			require.NoError(t, err)
			require.Equal(t, id, again)
			got, err := s.Get(t.Context(), id, 2<<20)
			require.NoError(t, err)
			require.Equal(t, data, got)
		})
	}
}

func TestChangedBlockOnDiskIsAnError(t *testing.T) {
	t.Parallel()

	s := openStore(t)
	id, err := s.Put(t.Context(), []byte("a report"))
	require.NoError(t, err)
	write(t, s.blockPath(hallmark.DigestOf([]byte("a report"))), []byte("a retort"))
	_, err = s.Get(t.Context(), id, 100)
	require.ErrorIs(t, err, hallmark.ErrDigest)
	require.ErrorIs(t, err, hallmark.ErrConflict)
	var mismatch *hallmark.DigestMismatchError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, hallmark.DigestOf([]byte("a retort")), mismatch.Got)
}

func TestPathsThatAreRefused(t *testing.T) {
	t.Parallel()

	s, dir := openStore(t), t.TempDir()
	file := write(t, filepath.Join(dir, "f"), []byte("x"))
	link, pipe := filepath.Join(dir, "link"), filepath.Join(dir, "tree", "pipe")
	require.NoError(t, os.Symlink(file, link))
	require.NoError(t, os.Mkdir(filepath.Dir(pipe), 0o755))
	require.NoError(t, syscall.Mkfifo(pipe, 0o644))

	for path, kind := range map[string]error{
		link:                            hallmark.ErrInvalid,
		pipe:                            hallmark.ErrInvalid,
		filepath.Dir(pipe):              hallmark.ErrInvalid,
		filepath.Join(dir, "not there"): hallmark.ErrNotFound,
	} {
		_, err := s.AddFile(t.Context(), path)
		require.ErrorIs(t, err, kind, path)
	}
}

func TestLimitsAndKinds(t *testing.T) {
	t.Parallel()

	s := openStore(t)
	small, err := s.Put(t.Context(), []byte("12345"))
	require.NoError(t, err)
	big, err := s.Put(t.Context(), stream(t, 1048577))
	require.NoError(t, err)

	for name, tt := range map[string]struct {
		id    string
		limit int64
		kind  error
	}{
		"small, at the limit":   {small, 5, nil},
		"small, over the limit": {small, 4, hallmark.ErrTooLarge},
		"no limit given":        {small, 0, hallmark.ErrTooLarge},
		"negative limit":        {small, -1, hallmark.ErrTooLarge},
		"tree, at the limit":    {big, 1048577, nil},
		"tree, over the limit":  {big, 1048576, hallmark.ErrTooLarge},
		"missing":               {goldenFiles[1].cid, 1, hallmark.ErrNotFound},
		"no CID":                {"bafkrei", 1, hallmark.ErrInvalid},
		"empty":                 {"", 1, hallmark.ErrInvalid},
		"control characters":    {"bafk\x1b[2J", 1, hallmark.ErrInvalid},
		"truncated hash":        {truncatedCID(t), 1, hallmark.ErrInvalid},
		"identity hash":         {"bafkqaaik", 1, hallmark.ErrInvalid},
		"dag-json":              {"baguqeerasords4njcts6vs7qvdjfcvgnume4hqohf65zsfguprqphs3icwea", 1, hallmark.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := s.Get(t.Context(), tt.id, tt.limit)
			require.ErrorIs(t, err, tt.kind)
			if err != nil {
				require.NotContains(t, err.Error(), "\x1b")
			}
		})
	}

	have, err := s.Has(t.Context(), small)
	require.NoError(t, err)
	require.True(t, have)
	have, err = s.Has(t.Context(), goldenFiles[1].cid)
	require.NoError(t, err)
	require.False(t, have)
	_, err = s.Has(t.Context(), "x")
	require.ErrorIs(t, err, hallmark.ErrInvalid)
}

// truncatedCID names the first 20 bytes of a SHA-256.
func truncatedCID(t *testing.T) string {
	t.Helper()
	hash, err := multihash.Encode(make([]byte, 20), multihash.SHA2_256)
	require.NoError(t, err)
	return cid.NewCidV1(cid.Raw, hash).String()
}

func TestCancelledContextStopsWork(t *testing.T) {
	t.Parallel()

	s := openStore(t)
	path := write(t, filepath.Join(t.TempDir(), "model"), []byte("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.AddFile(ctx, path)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Put(ctx, []byte("x"))
	require.ErrorIs(t, err, context.Canceled)
	_, err = Open(ctx, t.TempDir())
	require.ErrorIs(t, err, context.Canceled)
}

// smallDisk mounts 3 MiB of memory as a file system.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skip("this test mounts a file system, which is not permitted here:", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	return dir
}

func TestFullDisk(t *testing.T) {
	t.Parallel()

	dir := smallDisk(t)
	s := openStoreIn(t, filepath.Join(dir, "store"))
	kept, err := s.Put(t.Context(), []byte("written before"))
	require.NoError(t, err)
	before := storedBytes(t, s)

	filling, big := stream(t, 900<<10), stream(t, 5<<20/2)
	_, err = s.Put(t.Context(), filling)
	require.NoError(t, err)
	full := storedBytes(t, s)
	for name, add := range map[string]func() error{
		"a document of which two blocks fit": func() error {
			_, err := s.Put(t.Context(), big)
			return err
		},
		"a CAR that does not fit": func() error {
			_, err := s.ImportCAR(t.Context(), bytes.NewReader(carOf(t, big)), Limits{})
			return err
		},
		"a CAR that fits once, and three of its four blocks again": func() error {
			_, err := s.ImportCAR(t.Context(), bytes.NewReader(carOf(t, big[:300<<10], big[1:300<<10], big[2:300<<10], big[3:300<<10])), Limits{})
			return err
		},
	} {
		err := add()
		require.ErrorIs(t, err, hallmark.ErrUnavailable, name)
		require.ErrorContains(t, err, "no space", name)
		require.Equal(t, full, storedBytes(t, s), "nothing half-written stays of "+name)
	}

	// References need space too.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "filler"), nil, 0o600))
	fill(t, filepath.Join(dir, "filler"))
	outside := t.TempDir()
	for i := range 200 {
		write(t, filepath.Join(outside, strings.Repeat("d", 200), strconv.Itoa(i)), fmt.Appendln(nil, i))
	}
	_, err = s.AddFile(t.Context(), outside)
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
	require.ErrorContains(t, err, "no space")

	// Space comes back: everything works, and what was there is there.
	require.NoError(t, os.Remove(filepath.Join(dir, "filler")))
	require.NoError(t, os.Remove(s.blockPath(hallmark.DigestOf(filling))))
	id, err := s.AddFile(t.Context(), outside)
	require.NoError(t, err)
	have, err := s.Has(t.Context(), id)
	require.NoError(t, err)
	require.True(t, have)
	_, err = s.Put(t.Context(), big[:100<<10])
	require.NoError(t, err)
	got, err := s.Get(t.Context(), kept, 100)
	require.NoError(t, err)
	require.Equal(t, "written before", string(got))
	require.Less(t, before, storedBytes(t, s))
}

// fill writes to a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
}

func TestReferencesThatContradictThemselvesAreLeftOut(t *testing.T) {
	t.Parallel()

	sums := func(n int) string {
		var quoted []string
		for i := range n {
			quoted = append(quoted, strconv.Quote(hallmark.DigestOf([]byte{byte(i)}).String()))
		}
		return strings.Join(quoted, ",")
	}
	for text, want := range map[string]int{
		`"offset":0,"size":0,"block":0,"sha256":[` + sums(1):             1, // an empty file
		`"offset":0,"size":5,"block":5,"sha256":[` + sums(1):             1,
		`"offset":7,"size":10,"block":5,"sha256":[` + sums(2):            2,
		`"offset":7,"size":6,"block":5,"sha256":[` + sums(2):             2, // the last one is shorter
		`"offset":0,"size":2097152,"block":2097152,"sha256":[` + sums(1): 1,
		`"offset":0,"size":2097153,"block":2097153,"sha256":[` + sums(1): 0,
		`"offset":7,"size":5,"block":5,"sha256":[` + sums(2):             0, // nothing is left for the second
		`"offset":7,"size":11,"block":5,"sha256":[` + sums(2):            0,
		`"offset":0,"size":6,"block":5,"sha256":[` + sums(1):             0,
		`"offset":-1,"size":5,"block":5,"sha256":[` + sums(1):            0,
		`"offset":0,"size":-1,"block":5,"sha256":[` + sums(1):            0,
		`"offset":0,"size":0,"block":-1,"sha256":[` + sums(1):            0,
		`"offset":0,"size":0,"block":0,"sha256":[`:                       0,
		`"offset":0,"size":5,"block":5,"sha256":["sha256:0"`:             0,
		`"offset":0,"size":5,"block":5,"path":1,"sha256":[` + sums(1):    0,
	} {
		path := write(t, filepath.Join(t.TempDir(), "refs.jsonl"), []byte(`{"path":"/x",`+text+"]}\n"))
		r, err := openRefs(path)
		require.NoError(t, err)
		require.Len(t, r.at, want, text)
		require.NoError(t, r.close())
	}
}

func FuzzRefs(f *testing.F) {
	f.Add([]byte(`{"path":"/x","offset":0,"size":3,"block":3,"sha256":["sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]}` + "\n"))
	f.Add([]byte(`{"path":"/x","offset":-9223372036854775808,"size":9223372036854775807,"block":2097152,"sha256":["",""]}` + "\n{}\n"))
	f.Add([]byte("\n\n\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := write(t, filepath.Join(t.TempDir(), "refs.jsonl"), text)
		r, err := openRefs(path)
		require.NoError(t, err)
		for d, at := range r.at {
			require.LessOrEqual(t, at.size, maxBlock)
			require.GreaterOrEqual(t, at.size, 0)
			_, _ = r.read(d)
		}
		require.NoError(t, r.close())
	})
}
