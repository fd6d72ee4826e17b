package registry_test

import (
	"os"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi/abigen"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/contracts"
)

// TestBindingsAreOfTheArtifact fails when the contract's interface changed and go generate was not run.
func TestBindingsAreOfTheArtifact(t *testing.T) {
	t.Parallel()
	want, err := abigen.BindV2([]string{"Registry"}, []string{string(contracts.ModelRegistry().ABI)}, []string{""}, "registry", nil, nil)
	require.NoError(t, err)
	got, err := os.ReadFile("registry.go")
	require.NoError(t, err)
	require.Equal(t, want, string(got), "run go generate ./chain/registry")
}
