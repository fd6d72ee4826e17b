package chain_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain"
	"github.com/hallmark-ml/hallmark/chain/chaintest"
	"github.com/hallmark-ml/hallmark/chain/devnet"
	"github.com/hallmark-ml/hallmark/chain/registry"
)

// try simulates a call to the contract by a stranger and returns the contract's refusal, nil if it accepts.
func (f fixture) try(t *testing.T, url string, data []byte) error {
	t.Helper()
	eth, err := ethclient.DialContext(t.Context(), url)
	require.NoError(t, err)
	defer eth.Close()
	to := common.Address(f.contract)
	_, err = eth.CallContract(t.Context(), ethereum.CallMsg{From: common.Address{0xaa}, To: &to, Data: data}, nil)
	return chain.RPCError(err)
}

// signedCalls returns what the author signed for each kind of record, by a chain that takes no transaction.
func (f fixture) signedCalls(t *testing.T) map[string][]byte {
	t.Helper()
	p := f.behindProxy(t)
	p.set(func(method string) fault {
		if method == "eth_sendRawTransaction" {
			return dropped
		}
		return none
	})
	box := new(chaintest.Memory)
	a, stop := f.start(t, p.url, box)
	defer stop()
	calls := make(map[string][]byte)
	take := func(name, key string, err error) {
		require.NoError(t, err)
		sent(t, a, key)
		calls[name] = calldata(t, box, key)
	}
	key, err := a.Register(t.Context(), record("unsent"))
	take("register", key, err)
	key, err = a.Batch(t.Context(), chain.BatchRecord{Root: hallmark.Digest{1}, Size: 7, CheckpointCID: cid("checkpoint")})
	take("anchorBatch", key, err)
	key, err = a.SetKeyList(t.Context(), chain.KeyListRecord{Digest: hallmark.Digest{2}, CID: cid("keys")})
	take("setKeyList", key, err)
	key, err = a.Revoke(t.Context(), record("old").Model, cid("reason"))
	take("revoke", key, err)
	key, err = a.Supersede(t.Context(), record("old").Model, record("new").Model)
	take("supersede", key, err)
	return calls
}

func TestAuthorSignatureBindsEveryByte(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, stop := f.start(t, f.node.URL(), new(chaintest.Memory))
	for _, name := range []string{"old", "new"} {
		final(t, a, register(t, a, name))
	}
	stop()
	stride := 7 // reaches every place in a word
	if os.Getenv("HALLMARK_FULL") != "" {
		stride = 1
	}
	for name, data := range f.signedCalls(t) {
		require.NoError(t, f.try(t, f.node.URL(), data), "%s as signed, sent by a stranger", name)
		for i := 4; i < len(data); i += stride {
			tampered := append([]byte(nil), data...)
			tampered[i] ^= 1
			err := f.try(t, f.node.URL(), tampered)
			if err == nil {
				require.True(t, padding(data, i), "%s: byte %d of %d changed and accepted", name, i, len(data))
			}
		}
	}
}

// padding reports whether byte i of ABI-encoded data carries no value: the zeros after the last bytes of a signature of
// 65 bytes, or of a name.
func padding(data []byte, i int) bool {
	word := data[4+(i-4)/32*32:][:32]
	return data[i] == 0 && strings.Trim(string(word[(i-4)%32:]), "\x00") == "" && word[0] != 0
}

func TestReplayOnTheSameChainIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	calls := f.signedCallsOf(t)
	for name, data := range calls {
		var refusal *chain.ContractError
		require.ErrorAs(t, f.try(t, f.node.URL(), data), &refusal, name)
		require.ErrorIs(t, refusal, hallmark.ErrConflict, name)
	}
}

// signedCallsOf anchors one record of each kind and returns what was sent.
func (f fixture) signedCallsOf(t *testing.T) map[string][]byte {
	t.Helper()
	box := new(chaintest.Memory)
	a, stop := f.start(t, f.node.URL(), box)
	defer stop()
	calls := make(map[string][]byte)
	take := func(name, key string, err error) {
		require.NoError(t, err)
		final(t, a, key)
		calls[name] = calldata(t, box, key)
	}
	key, err := a.Register(t.Context(), record("old"))
	take("AlreadyRegistered", key, err)
	final(t, a, register(t, a, "new"))
	key, err = a.Batch(t.Context(), chain.BatchRecord{Root: hallmark.Digest{1}, Size: 7, CheckpointCID: cid("checkpoint")})
	take("AlreadyAnchored", key, err)
	key, err = a.SetKeyList(t.Context(), chain.KeyListRecord{Digest: hallmark.Digest{2}, CID: cid("keys")})
	take("WrongSequence", key, err)
	key, err = a.Supersede(t.Context(), record("old").Model, record("new").Model)
	take("AlreadySuperseded", key, err)
	key, err = a.Revoke(t.Context(), record("old").Model, "")
	take("AlreadyRevoked", key, err)
	return calls
}

func TestSignatureForAnotherChainIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other, err := devnet.Start(t.Context(), devnet.Config{Dir: t.TempDir(), Gas: f.keys.Gas(), ChainID: 99})
	require.NoError(t, err)
	defer other.Close()
	contract, err := chain.Deploy(t.Context(), other.URL(), f.keys)
	require.NoError(t, err)
	require.Equal(t, f.contract, contract, "the same address on every chain")
	client, err := chain.Dial(t.Context(), other.URL(), contract)
	require.NoError(t, err)
	defer client.Close()
	require.EqualValues(t, 99, client.ChainID())

	data := f.signedCallsOf(t)["AlreadyRegistered"]
	require.ErrorIs(t, f.try(t, other.URL(), data), hallmark.ErrSignature)
}

func TestDialChecksTheContract(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.Equal(t, f.keys.Author(), f.client.Operator())
	require.Equal(t, f.contract, f.client.Contract())
	require.EqualValues(t, devnet.DefaultChainID, f.client.ChainID())

	_, err := chain.Dial(t.Context(), f.node.URL(), chain.Address{1})
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	var hint *hallmark.HintError
	require.ErrorAs(t, err, &hint)

	factory, err := chain.ParseAddress("0x4e59b44847b379578588920cA78FbF26c0B4956C")
	require.NoError(t, err)
	_, err = chain.Dial(t.Context(), f.node.URL(), factory)
	require.ErrorIs(t, err, hallmark.ErrConflict)

	_, err = chain.Dial(t.Context(), "http://127.0.0.1:1", f.contract)
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
	_, err = chain.Dial(t.Context(), "carrier-pigeon://x", f.contract)
	require.ErrorIs(t, err, hallmark.ErrInvalid)
}

func TestHostileEndpoint(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"nonsense":      "hello",
		"wrong type":    `{"jsonrpc":"2.0","id":1,"result":{"a":[]}}`,
		"huge chain id": `{"jsonrpc":"2.0","id":1,"result":"0xffffffffffffffffffffffff"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(answer))
			}))
			defer server.Close()
			_, err := chain.Dial(t.Context(), server.URL, chain.Address{1})
			require.Error(t, err)
		})
	}
}

func TestReadsOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, err := f.client.Version(t.Context(), hallmark.Digest{1})
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	_, err = f.client.Batch(t.Context(), f.keys.Author(), hallmark.Digest{1})
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	_, err = f.client.Lineage(t.Context(), hallmark.Digest{1}, 4)
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	for _, depth := range []int{0, -1, chain.MaxDepth + 1} {
		_, err = f.client.Lineage(t.Context(), hallmark.Digest{1}, depth)
		require.ErrorIs(t, err, hallmark.ErrInvalid)
	}
	lists, err := f.client.KeyLists(t.Context(), f.keys.Author())
	require.NoError(t, err)
	require.Empty(t, lists)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.client.Version(canceled, hallmark.Digest{1})
	require.ErrorIs(t, err, context.Canceled)
}

func TestLineageWalksToTheOldestRegisteredBase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, _ := f.start(t, f.node.URL(), new(chaintest.Memory))
	names := []string{"a", "b", "c", "d"}
	var keys []string
	for i, name := range names {
		r := record(name) // the base of "a" is not registered
		if i > 0 {
			r.BaseModel = record(names[i-1]).Model
		}
		key, err := a.Register(t.Context(), r)
		require.NoError(t, err)
		keys = append(keys, key)
	}
	for _, key := range keys {
		final(t, a, key)
	}
	walk := func(depth int) (found []string) {
		versions, err := f.client.Lineage(t.Context(), record("d").Model, depth)
		require.NoError(t, err)
		for _, v := range versions {
			found = append(found, v.Name)
			require.Equal(t, hallmark.AnchorFinal, v.Anchor.State)
		}
		return found
	}
	require.Equal(t, []string{"d", "c", "b", "a"}, walk(chain.MaxDepth))
	require.Equal(t, []string{"d", "c"}, walk(2))
	require.Equal(t, []string{"d"}, walk(1))
}

func TestLineageCycle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, _ := f.start(t, f.node.URL(), new(chaintest.Memory))
	for _, pair := range [][2]string{{"x", "y"}, {"y", "x"}} {
		r := record(pair[0])
		r.BaseModel = record(pair[1]).Model
		key, err := a.Register(t.Context(), r)
		require.NoError(t, err)
		final(t, a, key)
	}
	_, err := f.client.Lineage(t.Context(), record("x").Model, chain.MaxDepth)
	require.ErrorIs(t, err, hallmark.ErrLineage)
}

// TestTextViews reads what a person sees in a block explorer.
func TestTextViews(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, _ := f.start(t, f.node.URL(), new(chaintest.Memory))
	final(t, a, register(t, a, "tiny"))
	want := record("tiny")
	v, err := f.client.Version(t.Context(), want.Model)
	require.NoError(t, err)

	eth, err := ethclient.DialContext(t.Context(), f.node.URL())
	require.NoError(t, err)
	defer eth.Close()
	read := func(data []byte) []byte {
		to := common.Address(f.contract)
		out, err := eth.CallContract(t.Context(), ethereum.CallMsg{To: &to, Data: data}, nil)
		require.NoError(t, err)
		return out
	}
	abi := registry.NewRegistry()
	text := func(got string, err error) string {
		require.NoError(t, err)
		return got
	}
	require.Equal(t, want.Model.Hex(), text(abi.UnpackModelSha256Hex(read(abi.PackModelSha256Hex(v.ID)))))
	require.Equal(t, want.BaseModel.Hex(), text(abi.UnpackBaseModelSha256Hex(read(abi.PackBaseModelSha256Hex(v.ID)))))
	require.Equal(t, want.GitCommit, text(abi.UnpackGitCommitHex(read(abi.PackGitCommitHex(v.ID)))))
	require.Equal(t, want.ReportCID, text(abi.UnpackReportCidString(read(abi.PackReportCidString(v.ID)))))
	require.Equal(t, want.EvidenceCID, text(abi.UnpackEvidenceCidString(read(abi.PackEvidenceCidString(v.ID)))))
	require.Equal(t, "1", text(abi.UnpackVersion(read(abi.PackVersion()))))
	datasets, err := abi.UnpackDatasetSha256Hex(read(abi.PackDatasetSha256Hex(v.ID)))
	require.NoError(t, err)
	require.Equal(t, []string{want.Datasets[0].Hex(), want.Datasets[1].Hex()}, datasets)
	byDigest, err := abi.UnpackGetModelByDigest(read(abi.PackGetModelByDigest(want.Model)))
	require.NoError(t, err)
	require.Equal(t, "tiny", byDigest.Name)
}
