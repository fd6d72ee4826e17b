// Package chaintest helps to test what works with package chain: the conformance test of a [chain.Outbox], and one in
// memory that fails on demand.
package chaintest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain"
)

// Outbox runs the conformance test. Open returns an empty outbox; reopen returns one over the same storage, as after a
// crash.
func Outbox(t *testing.T, open func(t *testing.T) (box chain.Outbox, reopen func() chain.Outbox)) {
	t.Helper()
	t.Run("first intent under a key stands", func(t *testing.T) {
		t.Parallel()
		box, _ := open(t)
		added, err := box.AddIntent(t.Context(), "a", "intent", []byte("first"))
		require.NoError(t, err)
		require.True(t, added)

		added, err = box.AddIntent(t.Context(), "a", "final", []byte("second"))
		require.NoError(t, err)
		require.False(t, added)
		doc, version, err := box.Intent(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, "first", string(doc))
		require.EqualValues(t, 1, version)
	})
	t.Run("unknown key is not found", func(t *testing.T) {
		t.Parallel()
		box, _ := open(t)
		_, _, err := box.Intent(t.Context(), "a")
		require.ErrorIs(t, err, hallmark.ErrNotFound)
		require.ErrorIs(t, box.UpdateIntent(t.Context(), "a", 1, "intent", nil), hallmark.ErrNotFound)
	})
	t.Run("update needs the stored version", func(t *testing.T) {
		t.Parallel()
		box, _ := open(t)
		add(t, box, "a", "intent")
		require.NoError(t, box.UpdateIntent(t.Context(), "a", 1, "signed", []byte("v2")))
		require.ErrorIs(t, box.UpdateIntent(t.Context(), "a", 1, "final", []byte("stale")), hallmark.ErrConflict)
		doc, version, err := box.Intent(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, "v2", string(doc))
		require.EqualValues(t, 2, version)
		keys, err := box.IntentKeys(t.Context(), "final")
		require.NoError(t, err)
		require.Empty(t, keys)
	})
	t.Run("keys come in the order of adding", func(t *testing.T) {
		t.Parallel()
		box, _ := open(t)
		for _, key := range []string{"c", "a", "b", "d"} {
			add(t, box, key, "intent")
		}
		require.NoError(t, box.UpdateIntent(t.Context(), "c", 1, "safe", []byte("x")))
		require.NoError(t, box.UpdateIntent(t.Context(), "d", 1, "final", []byte("x")))
		keys, err := box.IntentKeys(t.Context(), "safe", "intent")
		require.NoError(t, err)
		require.Equal(t, []string{"c", "a", "b"}, keys)
		keys, err = box.IntentKeys(t.Context())
		require.NoError(t, err)
		require.Empty(t, keys)
	})
	t.Run("documents are bytes", func(t *testing.T) {
		t.Parallel()
		box, _ := open(t)
		doc := []byte{0, 0xff, '\'', '\n', 0}
		_, err := box.AddIntent(t.Context(), "a", "intent", doc)
		require.NoError(t, err)
		doc[0] = 1 // the caller's slice is the caller's
		got, _, err := box.Intent(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, []byte{0, 0xff, '\'', '\n', 0}, got)
	})
	t.Run("everything is there after a crash", func(t *testing.T) {
		t.Parallel()
		box, reopen := open(t)
		add(t, box, "a", "intent")
		add(t, box, "b", "intent")
		require.NoError(t, box.UpdateIntent(t.Context(), "b", 1, "signed", []byte("raw")))

		box = reopen()
		keys, err := box.IntentKeys(t.Context(), "intent", "signed")
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b"}, keys)
		doc, version, err := box.Intent(t.Context(), "b")
		require.NoError(t, err)
		require.Equal(t, "raw", string(doc))
		require.EqualValues(t, 2, version)
	})
	t.Run("one of many concurrent writers wins", func(t *testing.T) {
		t.Parallel()
		box, _ := open(t)
		added, updated := race(t, func(ctx context.Context, i int) (bool, error) {
			return box.AddIntent(ctx, "a", "intent", []byte(strconv.Itoa(i)))
		}), 0
		require.Equal(t, 1, added)
		updated = race(t, func(ctx context.Context, i int) (bool, error) {
			err := box.UpdateIntent(ctx, "a", 1, "signed", []byte(strconv.Itoa(i)))
			return err == nil, nil
		})
		require.Equal(t, 1, updated)
	})
}

func add(t *testing.T, box chain.Outbox, key, state string) {
	t.Helper()
	added, err := box.AddIntent(t.Context(), key, state, []byte("doc of "+key))
	require.NoError(t, err)
	require.True(t, added)
}

// race calls try from 16 goroutines and counts the successes.
func race(t *testing.T, try func(ctx context.Context, i int) (bool, error)) (wins int) {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for i := range 16 {
		all.Go(func() {
			ok, err := try(t.Context(), i)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
			if ok {
				wins++
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	return wins
}

// A Memory is an outbox in memory. The zero value is empty and ready.
type Memory struct {
	// Fail is asked before (applied false) and after (applied true) each change; an error of the first kind is a write
	// that did not happen, one of the second kind a write that did, which the caller does not know. Optional.
	Fail func(key, state string, applied bool) error

	mu   sync.Mutex
	keys []string
	rows map[string]row
}

type row struct {
	state   string
	version int64
	doc     []byte
}

// AddIntent implements [chain.Outbox].
func (m *Memory) AddIntent(_ context.Context, key, state string, doc []byte) (added bool, err error) {
	err = m.change(key, state, func() error {
		if _, there := m.rows[key]; there {
			return nil
		}
		if m.rows == nil {
			m.rows = make(map[string]row)
		}
		m.keys = append(m.keys, key)
		m.rows[key] = row{state, 1, slices.Clone(doc)}
		added = true
		return nil
	})
	return added, err
}

// Intent implements [chain.Outbox].
func (m *Memory) Intent(_ context.Context, key string) (doc []byte, version int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[key]
	if !ok {
		return nil, 0, fmt.Errorf("intent %s: %w", key, hallmark.ErrNotFound)
	}
	return slices.Clone(r.doc), r.version, nil
}

// UpdateIntent implements [chain.Outbox].
func (m *Memory) UpdateIntent(_ context.Context, key string, version int64, state string, doc []byte) error {
	return m.change(key, state, func() error {
		r, ok := m.rows[key]
		switch {
		case !ok:
			return fmt.Errorf("intent %s: %w", key, hallmark.ErrNotFound)
		case r.version != version:
			return fmt.Errorf("intent %s has version %d, not %d: %w", key, r.version, version, hallmark.ErrConflict)
		}
		m.rows[key] = row{state, version + 1, slices.Clone(doc)}
		return nil
	})
}

// IntentKeys implements [chain.Outbox].
func (m *Memory) IntentKeys(_ context.Context, states ...string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []string
	for _, key := range m.keys {
		if slices.Contains(states, m.rows[key].state) {
			found = append(found, key)
		}
	}
	return found, nil
}

func (m *Memory) change(key, state string, apply func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	fail := m.Fail
	if fail == nil {
		fail = func(string, string, bool) error { return nil }
	}
	if err := fail(key, state, false); err != nil {
		return err
	}
	if err := apply(); err != nil {
		return err
	}
	return fail(key, state, true)
}
