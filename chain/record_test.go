package chain_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain"
)

func TestVersionRecordIsChecked(t *testing.T) {
	t.Parallel()
	require.NoError(t, record("tiny").Check())
	refusedUntested := record("tiny")
	refusedUntested.ReportCID, refusedUntested.Verdict = "", hallmark.Block
	require.NoError(t, refusedUntested.Check())

	dagPB := "b" + strings.Replace(cid("x")[1:], "afkrei", "afybei", 1)
	tests := map[string]func(r *chain.VersionRecord){
		"no model":         func(r *chain.VersionRecord) { r.Model = hallmark.Digest{} },
		"own base":         func(r *chain.VersionRecord) { r.BaseModel = r.Model },
		"zero data set":    func(r *chain.VersionRecord) { r.Datasets[1] = hallmark.Digest{} },
		"17 data sets":     func(r *chain.VersionRecord) { r.Datasets = make([]hallmark.Digest, 17) },
		"65 bytes of name": func(r *chain.VersionRecord) { r.Name = strings.Repeat("n", 65) },
		"name not UTF-8":   func(r *chain.VersionRecord) { r.Name = "\xff" },
		"short commit":     func(r *chain.VersionRecord) { r.GitCommit = "abcd" },
		"commit not hex":   func(r *chain.VersionRecord) { r.GitCommit = strings.Repeat("g", 40) },
		"no verdict":       func(r *chain.VersionRecord) { r.Verdict = "" },
		"unknown verdict":  func(r *chain.VersionRecord) { r.Verdict = "maybe" },
		"no evidence":      func(r *chain.VersionRecord) { r.EvidenceCID = "" },
		"CID version 0":    func(r *chain.VersionRecord) { r.ReportCID = "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKo" },
		"CID upper case":   func(r *chain.VersionRecord) { r.EvidenceCID = strings.ToUpper(r.EvidenceCID) },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := record("tiny")
			spoil(&r)
			require.ErrorIs(t, r.Check(), hallmark.ErrInvalid)
		})
	}
	r := record("tiny")
	r.EvidenceCID = dagPB
	r.Name = strings.Repeat("n", 64)
	r.GitCommit = strings.Repeat("a", 64)
	r.Datasets = make([]hallmark.Digest, 16)
	for i := range r.Datasets {
		r.Datasets[i] = hallmark.Digest{1}
	}
	require.NoError(t, r.Check(), "everything at its limit")
}

func TestAddressesAndHashesRoundTrip(t *testing.T) {
	t.Parallel()
	const checksummed = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed" // from EIP-55
	for _, ok := range []string{checksummed, strings.ToLower(checksummed), "0x" + strings.ToUpper(checksummed[2:])} {
		a, err := chain.ParseAddress(ok)
		require.NoError(t, err)
		require.Equal(t, checksummed, a.String())
	}
	for _, bad := range []string{"", "0x", checksummed[2:], checksummed + "0", "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x" + strings.Repeat("g", 40)} {
		_, err := chain.ParseAddress(bad)
		require.ErrorIs(t, err, hallmark.ErrInvalid, bad)
	}
	for _, bad := range []string{"", "0x12", strings.Repeat("0", 66), "0x" + strings.Repeat("g", 64)} {
		_, err := chain.ParseHash(bad)
		require.ErrorIs(t, err, hallmark.ErrInvalid, bad)
	}
	type both struct {
		A, NoA chain.Address
		H, NoH chain.Hash
	}
	in := both{A: chain.Address{1}, H: chain.Hash{2}}
	raw, err := json.Marshal(in)
	require.NoError(t, err)
	var out both
	require.NoError(t, json.Unmarshal(raw, &out))
	require.Equal(t, in, out)
	require.Error(t, json.Unmarshal([]byte(`{"A":"x"}`), &out))
	require.Error(t, json.Unmarshal([]byte(`{"H":"x"}`), &out))
}
