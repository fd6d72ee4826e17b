package main

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/chain"
	"github.com/hallmark-ml/hallmark/chain/chaintest"
	"github.com/hallmark-ml/hallmark/server/store"
)

// TestStoreIsAnOutbox holds the database to what the chain asks of an outbox.
func TestStoreIsAnOutbox(t *testing.T) {
	t.Parallel()

	chaintest.Outbox(t, func(t *testing.T) (chain.Outbox, func() chain.Outbox) {
		t.Helper()
		dir := t.TempDir()
		open := func() *store.Store {
			s, err := store.Open(t.Context(), store.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
			require.NoError(t, err)
			return s
		}
		s := open()
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s, func() chain.Outbox {
			require.NoError(t, s.Close())
			s = open()
			return s
		}
	})
}
