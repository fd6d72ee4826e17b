package registry_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/chain/registry"
	"github.com/hallmark-ml/hallmark/contracts"
)

// TestBindingsAreOfTheArtifact fails when the contract's interface changed and go generate was not run.
func TestBindingsAreOfTheArtifact(t *testing.T) {
	t.Parallel()
	require.JSONEq(t, string(contracts.ModelRegistry().ABI), registry.RegistryMetaData.ABI)
}
