package chain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain/chaintest"
)

func TestEveryKindOfRecordBecomesFinal(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, _ := f.start(t, f.node.URL(), new(chaintest.Memory))

	began := time.Now()
	key, err := a.Register(t.Context(), record("tiny"))
	require.NoError(t, err)
	s := final(t, a, key)
	t.Logf("registered and final after %v", time.Since(began))

	v, err := f.client.Version(t.Context(), record("tiny").Model)
	require.NoError(t, err)
	require.Equal(t, record("tiny"), v.VersionRecord)
	require.Equal(t, hallmark.AnchorFinal, v.Anchor.State)
	require.Equal(t, s.Tx, v.Anchor.Tx)
	require.Equal(t, s.BlockHash, v.Anchor.BlockHash)
	require.Equal(t, f.keys.Author(), v.Author)
	require.False(t, v.Revoked())
}
