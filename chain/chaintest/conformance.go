package chaintest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain"
)

// Outbox runs the conformance test. Open returns an empty outbox and a function that returns one over the same storage,
// as after a crash.
func Outbox(t *testing.T, open func(t *testing.T) (box chain.Outbox, reopen func() chain.Outbox)) {
	t.Helper()
	for name, test := range map[string]func(c checked){
		"first intent under a key stands": firstStands,
		"unknown key is not found":        unknownKey,
		"update needs the version":        updateNeedsVersion,
		"keys come in order of adding":    keysInOrder,
		"documents are bytes":             documentsAreBytes,
		"one of many writers wins":        oneWriterWins,
		"everything outlives a crash":     outlivesCrash,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box, reopen := open(t)
			test(checked{t, box, reopen})
		})
	}
}

// checked is an outbox whose answers are compared with what they should be.
type checked struct {
	*testing.T

	box    chain.Outbox
	reopen func() chain.Outbox
}

func (c checked) add(key, doc string) {
	c.Helper()
	if added, err := c.box.AddIntent(c.Context(), key, chain.StateIntent, []byte(doc)); err != nil || !added {
		c.Fatalf("AddIntent(%s) = %t, %v, want true", key, added, err)
	}
}

func (c checked) update(key string, version int64, state, doc string, want error) {
	c.Helper()
	if err := c.box.UpdateIntent(c.Context(), key, version, state, []byte(doc)); !errors.Is(err, want) {
		c.Fatalf("UpdateIntent(%s, version %d) = %v, want %v", key, version, err, want)
	}
}

func (c checked) holds(key, doc string, version int64) {
	c.Helper()
	got, at, err := c.box.Intent(c.Context(), key)
	if err != nil || string(got) != doc || at != version {
		c.Fatalf("Intent(%s) = %q, version %d, %v, want %q, version %d", key, got, at, err, doc, version)
	}
}

func (c checked) keys(want []string, states ...string) {
	c.Helper()
	got, err := c.box.IntentKeys(c.Context(), states...)
	if err != nil || !slices.Equal(got, want) {
		c.Fatalf("IntentKeys(%q) = %q, %v, want %q", states, got, err, want)
	}
}

func firstStands(c checked) {
	c.add("a", `"first"`)
	if added, err := c.box.AddIntent(c.Context(), "a", chain.StateFinal, []byte(`"second"`)); err != nil || added {
		c.Fatalf("AddIntent of a key that is there = %t, %v, want false", added, err)
	}
	c.holds("a", `"first"`, 1)
	c.keys([]string{"a"}, chain.StateIntent)
}

func unknownKey(c checked) {
	if _, _, err := c.box.Intent(c.Context(), "a"); !errors.Is(err, hallmark.ErrNotFound) {
		c.Fatalf("Intent of an unknown key: %v", err)
	}
	c.update("a", 1, chain.StateSigned, `{}`, hallmark.ErrNotFound)
	c.keys(nil, chain.StateIntent)
}

func updateNeedsVersion(c checked) {
	c.add("a", `"one"`)
	c.update("a", 1, chain.StateSigned, `"two"`, nil)
	c.update("a", 1, chain.StateFinal, `"stale"`, hallmark.ErrConflict)
	c.update("a", 3, chain.StateFinal, `"early"`, hallmark.ErrConflict)
	c.holds("a", `"two"`, 2)
	c.keys(nil, chain.StateFinal)
}

func keysInOrder(c checked) {
	for _, key := range []string{"c", "a", "b", "d"} {
		c.add(key, `{}`)
	}
	c.update("c", 1, chain.StateSafe, `{}`, nil)
	c.update("d", 1, chain.StateFinal, `{}`, nil)
	c.keys([]string{"c", "a", "b"}, chain.StateSafe, chain.StateIntent)
	c.keys([]string{"d"}, chain.StateFinal)
	c.keys(nil)
}

func documentsAreBytes(c checked) {
	const want = "{\"b\" :1,\n \"a\": \"\\u0000 \u2028'\"} "
	doc := []byte(want)
	if _, err := c.box.AddIntent(c.Context(), "a", chain.StateIntent, doc); err != nil {
		c.Fatal(err)
	}
	doc[0] = '[' // the caller's slice stays the caller's
	c.holds("a", want, 1)
}

func oneWriterWins(c checked) {
	wins := race(c.T, func(ctx context.Context, i int) (bool, error) {
		return c.box.AddIntent(ctx, "a", chain.StateIntent, []byte(strconv.Itoa(i)))
	})
	if wins != 1 {
		c.Fatalf("%d of 16 writers added the same key", wins)
	}
	wins = race(c.T, func(ctx context.Context, i int) (bool, error) {
		err := c.box.UpdateIntent(ctx, "a", 1, chain.StateSigned, []byte(strconv.Itoa(i)))
		if errors.Is(err, hallmark.ErrConflict) {
			return false, nil
		}
		return err == nil, err
	})
	if wins != 1 {
		c.Fatalf("%d of 16 writers updated the same version", wins)
	}
}

func outlivesCrash(c checked) {
	c.add("a", `"doc a"`)
	c.add("b", `"doc b"`)
	c.update("b", 1, chain.StateSigned, `"raw"`, nil)
	c.box = c.reopen()
	c.keys([]string{"a", "b"}, chain.StateIntent, chain.StateSigned)
	c.holds("a", `"doc a"`, 1)
	c.holds("b", `"raw"`, 2)
}

// race calls try from 16 goroutines and counts the successes.
func race(t *testing.T, try func(ctx context.Context, i int) (bool, error)) (wins int) {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	for i := range 16 {
		all.Go(func() {
			won, err := try(t.Context(), i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
			if won {
				wins++
			}
		})
	}
	all.Wait()
	return wins
}
