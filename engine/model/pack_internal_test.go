package model

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPacks(t *testing.T) {
	t.Parallel()

	const mib = 1 << 20
	require.True(t, packs(8*mib, 32*mib), "stays in caches")
	require.False(t, packs(8*mib+1, 16*mib), "twice as much to read")
	require.True(t, packs(117*mib, 124*mib), "a 110M model of Q8_0")
	require.False(t, packs(252*mib, 256*mib+1), "too much memory")
}
