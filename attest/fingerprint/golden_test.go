package fingerprint_test

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
)

// stream is n bytes of AES-128-CTR over zeros with key 1 and IV 0: what
// "head -c N /dev/zero | openssl enc -aes-128-ctr -K 00..01 -iv 00..00" prints.
func stream(tb testing.TB, n int64) []byte {
	tb.Helper()
	block, err := aes.NewCipher(append(make([]byte, 15), 1))
	require.NoError(tb, err)
	out := make([]byte, n)
	cipher.NewCTR(block, make([]byte, 16)).XORKeyStream(out, out)
	return out
}

// writeStream writes the same bytes to a new file without holding them in memory.
func writeStream(tb testing.TB, n int64) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "stream")
	f, err := os.Create(path)
	require.NoError(tb, err)
	defer f.Close()
	block, err := aes.NewCipher(append(make([]byte, 15), 1))
	require.NoError(tb, err)
	ctr := cipher.NewCTR(block, make([]byte, 16))
	for buf := make([]byte, 1<<20); n > 0; n -= int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), n)]
		clear(buf)
		ctr.XORKeyStream(buf, buf)
		_, err := f.Write(buf)
		require.NoError(tb, err)
	}
	return path
}

// writeTree makes a directory; a name that ends in a slash is an empty directory.
func writeTree(tb testing.TB, name string, files map[string]string) string {
	tb.Helper()
	root := filepath.Join(tb.TempDir(), name)
	require.NoError(tb, os.Mkdir(root, 0o755))
	for rel, content := range files {
		path := filepath.Join(root, rel)
		if rel[len(rel)-1] == '/' {
			require.NoError(tb, os.MkdirAll(path, 0o755))
			continue
		}
		require.NoError(tb, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(tb, os.WriteFile(path, []byte(content), 0o644))
	}
	return root
}

func compute(tb testing.TB, path string) hallmark.Fingerprint {
	tb.Helper()
	fp, err := fingerprint.Compute(tb.Context(), path, fingerprint.Options{Kind: hallmark.KindModel})
	require.NoError(tb, err)
	require.Equal(tb, "unixfs-v1-2025", fp.CIDProfile)
	return fp
}

// TestGoldenFiles compares with CIDs that Kubo 0.43.1 gave under the profile unixfs-v1-2025.
func TestGoldenFiles(t *testing.T) {
	t.Parallel()

	goldens := map[int64]string{
		0:         "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
		1:         "bafkreihhponjv2pdbmg33nxvccrgj34546avahl3nojk5cplawofvn2d3m",
		262144:    "bafkreib7rllg6vib4avq3eoihpqiriiohxkz22c3stkomjhnyjusbo5sgy",
		1048575:   "bafkreid2nzt7ljgugw7nv4kcfmh6xbs34vyrsdx7n34bxjap4l7crfgdya",
		1048576:   "bafkreialmaasmq6hca4gzaarxuw3ndovgesswbwbbgyurhwh4lkxietlfy",
		1048577:   "bafybeigdh63o7bu4et6sm2i36rjk7t55nxw2wx26bymbqmnkwzk5sbq7xq",
		2097152:   "bafybeige7gxo5fpt6mtsupw72thq4jv2isbslcydqe4qcrgolzodbjpmjy",
		268435456: "bafybeiawjgd5cbzdoje7fwa5yrjfvislhmpyrlpetdxnb2g2xij56ncj5y",
	}
	full := map[int64]string{
		1073741824: "bafybeigxadaapqumc3tz6qhqmmp7j3ooyjkc4km6ufcrz7qnumdty63io4",
		1073741825: "bafybeic432nx4sxnefwrp2wdpl24untr3uenatif3gelldqjvrpnortqle",
	}
	sums := map[int64]string{
		268435456:  "b7bb900ee3408777724334998cca7df76937d4e3b64f3dcb03b36c662f53ed0f",
		1073741824: "768971af0b4c0f6f216f9a704928fea86881296a930ceac29ea55becb66c23c4",
	}
	if os.Getenv("HALLMARK_FULL") == "1" {
		maps.Copy(goldens, full)
	}
	for n, cid := range goldens {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()

			fp := compute(t, writeStream(t, n))
			require.Equal(t, cid, fp.CID)
			require.Equal(t, n, fp.Size)
			require.False(t, fp.Dir)
			require.Equal(t, []hallmark.FileDigest{{Path: "stream", Size: n, SHA256: fp.Digest}}, fp.Files)
			if want, ok := sums[n]; ok {
				require.Equal(t, want, fp.Digest.Hex())
			}
			if n <= 4<<20 {
				require.Equal(t, cid, fingerprint.CIDOf(stream(t, n)))
				require.Equal(t, hallmark.DigestOf(stream(t, n)), fp.Digest)
			}
		})
	}
	require.Equal(t, "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", fingerprint.CIDOf([]byte("hello world")))
}

// TestGoldenDirectories compares with "ipfs add -r -H" of Kubo 0.43.1 under the same profile.
func TestGoldenDirectories(t *testing.T) {
	t.Parallel()

	s1, s2 := string(stream(t, 1048577)), string(stream(t, 2097152))
	nest := map[string]string{"a.txt": "hello world", "empty.bin": "", "sub/config.json": "{}\n", "sub/deep/w.bin": s1, "emptydir/": ""}
	model := map[string]string{
		"config.json": "{}\n", "tokenizer.json": "{\"v\":1}\n", ".gitattributes": "",
		"model-00001-of-00002.safetensors": s1, "model-00002-of-00002.safetensors": s2,
	}
	sharded := make(map[string]string)
	for i := 1; i <= 6000; i++ {
		sharded[fmt.Sprintf("f%04d", i)] = fmt.Sprintf("%04d\n", i)
	}
	tests := map[string]struct {
		files map[string]string
		cid   string
	}{
		"nest":  {nest, "bafybeih6t3jvehgecnqjb4jhmuj7prwx4bnflgvfa75djyr5sgk2pzgaoy"},
		"sub":   {map[string]string{"config.json": "{}\n", "deep/w.bin": s1}, "bafybeiexp4qxuidz37bxem7m4aep6eikq46jnmdnm3wcepvt4zyxs4ilzm"},
		"deep":  {map[string]string{"w.bin": s1}, "bafybeifrh32w4ixmwv2ccehm6ernsbl77ykcj7ec2zatwseqkwqe7orvdi"},
		"model": {model, "bafybeifslptlndo5rrhhhsc7oynzf5q4m4hfb4ij2wcbl6do4pxdh657ku"},
		"hamt":  {sharded, "bafybeih6sye3ipzfa7xvm2qamcc24prb7vud2wligogxstszsplmdpr4fe"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			fp := compute(t, writeTree(t, name, tt.files))
			require.Equal(t, tt.cid, fp.CID)
			require.True(t, fp.Dir)
			require.Equal(t, name, fp.Name)
		})
	}
}
