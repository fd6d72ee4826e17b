package kernel

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// forEachISA runs a test at every level that this machine has. It is not for parallel tests.
func forEachISA(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	defer func() { require.NoError(t, SetISA("")) }()
	for _, l := range available() {
		require.NoError(t, SetISA(l.name))
		t.Run(l.name, test)
	}
}

func TestSetISA(t *testing.T) { //nolint:paralleltest // changes the package
	best := ISA()
	forEachISA(t, func(t *testing.T) {
		t.Helper()
		require.Contains(t, t.Name(), ISA())
	})
	require.Equal(t, best, ISA())
	err := SetISA("mmx")
	require.ErrorIs(t, err, ErrISA)
	require.ErrorContains(t, err, "go")
	require.Equal(t, best, ISA())
}
