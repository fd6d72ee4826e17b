package fingerprint_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	chunk "github.com/ipfs/boxo/chunker"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs/importer/balanced"
	"github.com/ipfs/boxo/ipld/unixfs/importer/helpers"
	unixfs "github.com/ipfs/boxo/ipld/unixfs/io"
	ipld "github.com/ipfs/go-ipld-format"
	"github.com/spaolacci/murmur3"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/attest/fingerprint"
)

// An oracle builds the same DAGs with boxo. It forgets the blocks.
type oracle struct{ ipld.DAGService }

func newOracle() oracle { return oracle{DAGService: merkledag.NewDAGService(nil)} }

func (oracle) Add(context.Context, ipld.Node) error { return nil }

func (o oracle) file(tb testing.TB, content []byte, size int64) ipld.Node { //nolint:ireturn // boxo returns nothing else
	tb.Helper()
	profile := unixfs.UnixFS_v1_2025
	params := helpers.DagBuilderParams{
		Maxlinks: profile.FileDAGWidth, RawLeaves: profile.RawLeaves, CidBuilder: profile.CidBuilder(), Dagserv: o,
	}
	builder, err := params.New(chunk.NewSizeSplitter(bytes.NewReader(content), size))
	require.NoError(tb, err)
	node, err := balanced.Layout(builder)
	require.NoError(tb, err)
	return node
}

// tree builds the directory that writeTree writes.
func (o oracle) tree(tb testing.TB, files map[string]string) ipld.Node { //nolint:ireturn // boxo returns nothing else
	tb.Helper()
	profile := unixfs.UnixFS_v1_2025
	dir, err := unixfs.NewDirectory(o, unixfs.WithCidBuilder(profile.CidBuilder()),
		unixfs.WithSizeEstimationMode(profile.HAMTSizeEstimation), unixfs.WithMaxHAMTFanout(profile.HAMTShardWidth))
	require.NoError(tb, err)
	dir.SetHAMTShardingSize(profile.HAMTShardingSize)
	below := make(map[string]map[string]string)
	for _, rel := range slices.Sorted(maps.Keys(files)) {
		top, rest, nested := strings.Cut(rel, "/")
		if !nested {
			require.NoError(tb, dir.AddChild(tb.Context(), top, o.file(tb, []byte(files[rel]), profile.ChunkSize)))
			continue
		}
		if below[top] == nil {
			below[top] = make(map[string]string)
		}
		if rest != "" {
			below[top][rest] = files[rel]
		}
	}
	for name, sub := range below {
		require.NoError(tb, dir.AddChild(tb.Context(), name, o.tree(tb, sub)))
	}
	node, err := dir.GetNode()
	require.NoError(tb, err)
	return node
}

func TestDeepFilesEqualBoxo(t *testing.T) {
	t.Parallel()

	counts := []int{0, 1, 2, 1023, 1024, 1025, 2047, 2048, 2049, 5000}
	if os.Getenv("HALLMARK_FULL") == "1" {
		counts = append(counts, 1<<20, 1<<20+1) // two and three levels of nodes
	}
	for _, n := range counts {
		content := stream(t, int64(n))
		require.Equal(t, newOracle().file(t, content, 1).Cid().String(), fingerprint.ChunkedCID(content, 1), n)
	}
}

// randomTree has all that a model directory may have: hidden, long and non-ASCII names, empty files and directories.
func randomTree(t *testing.T, rng *rand.Rand) map[string]string {
	t.Helper()
	names := []string{"a", "b.txt", ".hidden", "ключ", "模型.bin", "x y", "a-b", "a.", strings.Repeat("n", 200), "%41", "~", "é"}
	sizes := []int64{0, 1, 100, 4096, 1<<20 - 1, 1 << 20, 1<<20 + 1, 2<<20 + 17}
	files := map[string]string{"always": "x"}
	for range 1 + rng.IntN(12) {
		var parts []string
		for range 1 + rng.IntN(4) {
			parts = append(parts, fmt.Sprintf("%s%d", names[rng.IntN(len(names))], rng.IntN(3)))
		}
		rel := strings.Join(parts, "/") + ".f" // ".f" keeps files and directories apart
		if rng.IntN(6) == 0 {
			rel = strings.Join(parts, "/") + "/"
		}
		files[rel] = ""
		if rel[len(rel)-1] != '/' {
			files[rel] = string(stream(t, sizes[rng.IntN(len(sizes))]))
		}
	}
	return files
}

func TestRandomTreesEqualBoxo(t *testing.T) {
	t.Parallel()

	trees := 30
	if os.Getenv("HALLMARK_FULL") == "1" {
		trees = 2000
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range trees {
		files := randomTree(t, rng)
		root := writeTree(t, "tree", files)
		require.Equal(t, newOracle().tree(t, files).Cid().String(), compute(t, root).CID, "tree %d", i)
		require.NoError(t, os.RemoveAll(root))
	}
}

// TestShardingThreshold makes directory blocks of exactly 262,144 bytes, which stays one block, and of one more.
func TestShardingThreshold(t *testing.T) {
	t.Parallel()

	for _, extra := range []int{0, 1} {
		files := make(map[string]string)
		for i := range 3120 { // 44 bytes around a name of 40
			files[fmt.Sprintf("%040d", i)] = "1"
		}
		files[strings.Repeat("x", 16+extra)] = "1" // 4 bytes of data and 60 for this: 262,144
		node := newOracle().tree(t, files)
		if extra == 0 {
			require.Len(t, node.RawData(), 256<<10)
		} else {
			require.Less(t, len(node.Links()), 257, "is sharded")
		}
		require.Equal(t, node.Cid().String(), compute(t, writeTree(t, "edge", files)).CID)
	}
}

func TestMurmur3EqualsOracle(t *testing.T) {
	t.Parallel()

	for n := range 70 {
		s := strings.Repeat("Ünï-7", 20)[:n]
		require.Equal(t, murmur3.Sum64([]byte(s)), fingerprint.Murmur3(s), n)
	}
}

func FuzzNames(f *testing.F) {
	f.Add("a\nb\n.c")
	f.Add("\xff\n..\n")
	f.Fuzz(func(t *testing.T, lines string) {
		files := make(map[string]string)
		for name := range strings.SplitSeq(lines, "\n") {
			if fingerprint.CheckName(name) == nil {
				files[name] = name
			}
		}
		if len(files) == 0 {
			return
		}
		root := writeTree(t, "fuzz", files)
		fp, err := fingerprint.Compute(t.Context(), root, fingerprint.Options{Kind: "model"})
		if err != nil {
			return // twins in another Unicode form, git's files only
		}
		require.Equal(t, newOracle().tree(t, files).Cid().String(), fp.CID)
	})
}
