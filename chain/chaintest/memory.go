// Package chaintest helps to test what works with package chain: the conformance test of a [chain.Outbox], and one in
// memory that fails on demand.
package chaintest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/hallmark-ml/hallmark"
)

// A Memory is an outbox in memory. The zero value is empty and ready.
type Memory struct {
	// Fail is asked before (applied false) and after (applied true) each change; an error of the first kind is a write
	// that did not happen, one of the second kind a write that did, which the caller does not know. Optional.
	Fail func(key, state string, applied bool) error
	// Unreadable is a key whose row is damaged. Optional.
	Unreadable string

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
	if key == m.Unreadable && key != "" {
		return nil, 0, fmt.Errorf("intent %s: damaged", key)
	}
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
