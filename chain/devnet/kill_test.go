package devnet_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain"
	"github.com/hallmark-ml/hallmark/chain/chaintest"
	"github.com/hallmark-ml/hallmark/chain/devnet"
)

// The environment that makes the test binary a server to be killed.
const (
	childDir  = "HALLMARK_TEST_DEVNET_DIR"
	childAddr = "HALLMARK_TEST_DEVNET_ADDR"
	childGas  = "HALLMARK_TEST_DEVNET_GAS"
)

func TestMain(m *testing.M) {
	if os.Getenv(childDir) != "" {
		serve()
	}
	os.Exit(m.Run())
}

// serve runs a chain until the process is killed or its parent is gone.
func serve() {
	var gas [20]byte
	_, err := hex.Decode(gas[:], []byte(os.Getenv(childGas)))
	if err == nil {
		var n *devnet.Node
		n, err = devnet.Start(context.Background(), devnet.Config{Dir: os.Getenv(childDir), Addr: os.Getenv(childAddr), Gas: gas})
		if err == nil {
			fmt.Println(n.URL())
			_, _ = os.Stdin.Read(make([]byte, 1))
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A victim is a chain in a process of its own.
type victim struct {
	dir, addr string
	gas       chain.Address
	cmd       *exec.Cmd
}

// start runs the process and returns its URL, which is the same each time.
func (v *victim) start(t *testing.T) string {
	t.Helper()
	v.cmd = exec.CommandContext(t.Context(), os.Args[0])
	v.cmd.Env = append(os.Environ(), childDir+"="+v.dir, childAddr+"="+v.addr, childGas+"="+hex.EncodeToString(v.gas[:]))
	v.cmd.Stderr = os.Stderr
	_, err := v.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := v.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, v.cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "the chain did not start")
	at, err := url.Parse(lines.Text())
	require.NoError(t, err)
	v.addr = at.Host
	return at.String()
}

// kill is kill -9.
func (v *victim) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, v.cmd.Process.Kill())
	require.Error(t, v.cmd.Wait())
}

// TestKilledAfterEveryAnchor kills the chain's process with -9 after each of fifty final anchors: contract, head and all
// final anchors are unchanged.
func TestKilledAfterEveryAnchor(t *testing.T) {
	rounds := 50
	if testing.Short() {
		rounds = 4
	}
	s := newScene(t)
	for round := range rounds {
		s.finals = append(s.finals, s.final(t, s.register(t, round)))
		before := s.heads(t)
		s.kill(t)
		s.start(t)
		require.Equal(t, before, s.heads(t), "round %d", round)
		s.unchanged(t, s.finals[max(0, len(s.finals)-3):])
	}
	s.unchanged(t, s.finals)
	s.oneTransactionEach(t)
}

// TestKilledOnTheWay kills it at random moments between the request and the final anchor. The anchorer lives on and sees
// to it that there is one transaction for each.
func TestKilledOnTheWay(t *testing.T) {
	rounds := 6
	switch {
	case os.Getenv("HALLMARK_FULL") != "":
		rounds = 50
	case testing.Short():
		rounds = 2
	}
	s := newScene(t)
	random := rand.New(rand.NewPCG(1, 2))
	for round := range rounds {
		key := s.register(t, round)
		midway, cancel := context.WithTimeout(t.Context(), time.Duration(random.Int64N(int64(120*time.Millisecond))))
		_, err := s.anchorer.Wait(midway, key, hallmark.AnchorFinal)
		cancel()
		require.True(t, err == nil || errors.Is(err, context.DeadlineExceeded), "%v", err)
		s.kill(t)
		s.start(t)
		s.finals = append(s.finals, s.final(t, key))
	}
	s.unchanged(t, s.finals)
	s.oneTransactionEach(t)
}

// A scene is a victim with the contract on it, and an anchorer that follows it through its restarts.
type scene struct {
	*victim

	rpc      string
	contract chain.Address
	anchorer *chain.Anchorer
	finals   []chain.Status
}

func newScene(t *testing.T) *scene {
	t.Helper()
	keys, err := chain.NewKeys(t.TempDir(), "password", chain.ScryptLight)
	require.NoError(t, err)
	s := &scene{victim: &victim{dir: t.TempDir(), gas: keys.Gas()}}
	s.rpc = s.start(t)
	t.Cleanup(func() { s.kill(t) })
	s.contract, err = chain.Deploy(t.Context(), s.rpc, keys)
	require.NoError(t, err)
	s.anchorer, err = chain.NewAnchorer(chain.AnchorerConfig{
		RPC: s.rpc, Contract: s.contract, Keys: keys, Outbox: new(chaintest.Memory), Poll: 5 * time.Millisecond,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = s.anchorer.Run(ctx) })
	t.Cleanup(func() { cancel(); run.Wait() })
	return s
}

func (s *scene) register(t *testing.T, i int) (key string) {
	t.Helper()
	key, err := s.anchorer.Register(t.Context(), record(i))
	require.NoError(t, err)
	return key
}

func (s *scene) final(t *testing.T, key string) chain.Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	status, err := s.anchorer.Wait(ctx, key, hallmark.AnchorFinal)
	require.NoError(t, err)
	return status
}

func (s *scene) client(t *testing.T) *chain.Client {
	t.Helper()
	client, err := chain.Dial(t.Context(), s.rpc, s.contract)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func (s *scene) heads(t *testing.T) chain.Heads {
	t.Helper()
	h, err := s.client(t).Heads(t.Context())
	require.NoError(t, err)
	return h
}

// unchanged checks that anchors are still where they were, and final, as the outbox and the contract see it.
func (s *scene) unchanged(t *testing.T, finals []chain.Status) {
	t.Helper()
	client := s.client(t)
	for _, before := range finals {
		now, err := s.anchorer.Status(t.Context(), before.Key)
		require.NoError(t, err)
		require.Equal(t, before, now)
		state, err := client.AnchorState(t.Context(), before.Block, before.BlockHash)
		require.NoError(t, err)
		require.Equal(t, hallmark.AnchorFinal, state, before.Key)
	}
}

func (s *scene) oneTransactionEach(t *testing.T) {
	t.Helper()
	client := s.client(t)
	for i, status := range s.finals {
		version, err := client.Version(t.Context(), record(i).Model)
		require.NoError(t, err)
		require.Equal(t, status.Tx, version.Anchor.Tx)
	}
	eth, err := ethclient.DialContext(t.Context(), s.rpc)
	require.NoError(t, err)
	defer eth.Close()
	sent, err := eth.NonceAt(t.Context(), common.Address(s.gas), nil)
	require.NoError(t, err)
	require.EqualValues(t, len(s.finals)+1, sent, "one for each anchor and the deployment")
}

func record(i int) chain.VersionRecord {
	return chain.VersionRecord{
		Model:       hallmark.DigestOf(fmt.Append(nil, "model ", i)),
		EvidenceCID: "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", // of the empty block
		Verdict:     hallmark.Allow,
	}
}
