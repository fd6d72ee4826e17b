package chaintest_test

import (
	"testing"

	"github.com/hallmark-ml/hallmark/chain"
	"github.com/hallmark-ml/hallmark/chain/chaintest"
)

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	chaintest.Outbox(t, func(*testing.T) (chain.Outbox, func() chain.Outbox) {
		box := new(chaintest.Memory)
		return box, func() chain.Outbox { return box }
	})
}
