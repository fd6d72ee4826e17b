package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	conformance(t, func(t *testing.T) *Store {
		t.Helper()
		return open(t, t.TempDir())
	})
}

// conformance is what every database behind a Store has to do.
func conformance(t *testing.T, open func(t *testing.T) *Store) {
	t.Helper()
	for name, test := range map[string]func(t *testing.T, s *Store){
		"API keys":                 testAPIKeys,
		"signing keys":             testSigningKeys,
		"revoked API keys":         testRevokedAPIKeys,
		"reviews":                  testReviews,
		"the version before":       testPreviousVersion,
		"artifacts":                testArtifacts,
		"submissions":              testSubmissions,
		"repeated submissions":     testRepeatedSubmissions,
		"idempotency keys":         testIdempotencyKeys,
		"failed version again":     testFailedVersionAgain,
		"versions":                 testVersions,
		"version by name":          testFindVersion,
		"changes":                  testChanges,
		"changes that miss":        testChangesThatMiss,
		"journal":                  testJournal,
		"events":                   testEvents,
		"outbox":                   testOutbox,
		"lists are paged":          testPages,
		"what is not there":        testNotFound,
		"a change is all or none":  testAllOrNone,
		"commit hook":              testCommitHook,
		"ended context is its own": testEndedContext,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func testAPIKeys(t *testing.T, s *Store) {
	t.Helper()
	token, key, err := s.CreateAPIKey(t.Context(), hallmark.APIKey{Name: "ci", Scope: hallmark.ScopeWrite, Admin: true})
	require.NoError(t, err)
	other, _, err := s.CreateAPIKey(t.Context(), hallmark.APIKey{Name: "ci", Scope: hallmark.ScopeRead, Reviewer: true})
	require.NoError(t, err)
	require.NotEqual(t, token, other)
	require.GreaterOrEqual(t, len(token), 43)

	got, err := s.Authenticate(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, key, got)
	for _, bad := range []string{"", "x", token + "x", token[:len(token)-1], tokenPrefix} {
		_, err := s.Authenticate(t.Context(), bad)
		require.ErrorIs(t, err, hallmark.ErrUnauthenticated, bad)
		require.NotContains(t, err.Error(), token)
	}
	keys, err := s.APIKeys(t.Context())
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.Equal(t, key, keys[0])
}

func testRevokedAPIKeys(t *testing.T, s *Store) {
	t.Helper()
	_, admin, err := s.CreateAPIKey(t.Context(), hallmark.APIKey{Name: "admin", Scope: hallmark.ScopeWrite, Admin: true})
	require.NoError(t, err)
	token, key, err := s.CreateAPIKey(t.Context(), hallmark.APIKey{Name: "ci", Scope: hallmark.ScopeWrite})
	require.NoError(t, err)
	_, err = s.RegisterKey(t.Context(), key.ID, hallmark.KeySubmitter, "PEM")
	require.NoError(t, err)

	revoked, err := s.RevokeAPIKey(t.Context(), key.ID)
	require.NoError(t, err)
	require.False(t, revoked.Revoked.IsZero())
	_, err = s.Authenticate(t.Context(), token)
	require.ErrorIs(t, err, hallmark.ErrUnauthenticated)
	signing, err := s.SigningKeys(t.Context(), key.ID)
	require.NoError(t, err)
	require.Equal(t, revoked.Revoked, signing[0].Revoked, "what it registered goes with it")
	again, err := s.RevokeAPIKey(t.Context(), key.ID)
	require.NoError(t, err)
	require.Equal(t, revoked, again, "the first time stands")

	_, err = s.RevokeAPIKey(t.Context(), admin.ID)
	require.ErrorIs(t, err, hallmark.ErrConflict, "the last admin")
	_, err = s.RevokeAPIKey(t.Context(), 99)
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	_, _, err = s.CreateAPIKey(t.Context(), hallmark.APIKey{Name: "another", Scope: hallmark.ScopeRead, Admin: true})
	require.NoError(t, err)
	_, err = s.RevokeAPIKey(t.Context(), admin.ID)
	require.NoError(t, err)
}

func testSigningKeys(t *testing.T, s *Store) {
	t.Helper()
	_, a, err := s.CreateAPIKey(t.Context(), hallmark.APIKey{Name: "a", Scope: hallmark.ScopeWrite})
	require.NoError(t, err)
	_, b, err := s.CreateAPIKey(t.Context(), hallmark.APIKey{Name: "b", Scope: hallmark.ScopeWrite})
	require.NoError(t, err)

	key, err := s.RegisterKey(t.Context(), a.ID, hallmark.KeyReviewer, "PEM")
	require.NoError(t, err)
	require.Equal(t, hallmark.DigestOf([]byte("PEM")).Hex(), key.Hint)
	again, err := s.RegisterKey(t.Context(), a.ID, hallmark.KeyReviewer, "PEM")
	require.NoError(t, err)
	require.Equal(t, key, again)
	_, err = s.RegisterKey(t.Context(), b.ID, hallmark.KeyReviewer, "PEM")
	require.ErrorIs(t, err, hallmark.ErrConflict)
	_, err = s.RegisterKey(t.Context(), 77, hallmark.KeySubmitter, "PEM 2")
	require.ErrorIs(t, err, hallmark.ErrNotFound)

	require.Equal(t, hallmark.KeyReviewer, key.Role)
	_, err = s.RegisterKey(t.Context(), a.ID, hallmark.KeySubmitter, "PEM")
	require.ErrorIs(t, err, hallmark.ErrConflict, "a key has one role")
	_, err = s.RegisterKey(t.Context(), a.ID, "owner", "PEM 3")
	require.ErrorIs(t, err, hallmark.ErrInvalid)

	for owner, n := range map[int64]int{a.ID: 1, b.ID: 0, 0: 1} {
		keys, err := s.SigningKeys(t.Context(), owner)
		require.NoError(t, err)
		require.Len(t, keys, n)
	}
}

func testArtifacts(t *testing.T, s *Store) {
	t.Helper()
	a := hallmark.Artifact{
		Digest: hallmark.DigestOf([]byte("a")), Kind: hallmark.KindDataset, Name: "d", Dir: true, Size: 9, Path: "/theirs",
		Referenced: true, CID: "bafy",
	}
	require.NoError(t, s.PutArtifact(t.Context(), a))
	got, err := s.Artifact(t.Context(), a.Digest)
	require.NoError(t, err)
	require.Equal(t, a, got)

	a.Path = "/theirs, moved"
	require.NoError(t, s.PutArtifact(t.Context(), a))
	got, err = s.Artifact(t.Context(), a.Digest)
	require.NoError(t, err)
	require.Equal(t, a, got, "a later reference takes the place of an earlier one")

	a.Path, a.Referenced = "/ours", false
	require.NoError(t, s.PutArtifact(t.Context(), a))
	got, err = s.Artifact(t.Context(), a.Digest)
	require.NoError(t, err)
	require.Equal(t, a, got, "a copy takes the place of a reference")

	reference := a
	reference.Path, reference.Referenced = "/theirs", true
	require.NoError(t, s.PutArtifact(t.Context(), reference))
	got, err = s.Artifact(t.Context(), a.Digest)
	require.NoError(t, err)
	require.Equal(t, a, got, "a reference never takes the place of a copy")
}

func testSubmissions(t *testing.T, s *Store) {
	t.Helper()
	want := submission(t, s, 1)
	sub, created, err := s.Submit(t.Context(), want, "", firstJob())
	require.NoError(t, err)
	require.True(t, created)
	require.NotEmpty(t, sub.ID)

	got, err := s.Submission(t.Context(), sub.ID)
	require.NoError(t, err)
	require.Equal(t, sub, got)
	want.ID, want.Created = sub.ID, sub.Created
	require.Equal(t, want, got)

	v, err := s.Version(t.Context(), sub.Model)
	require.NoError(t, err)
	require.Equal(t, hallmark.Version{
		Digest: sub.Model, Submission: sub.ID, Name: "tiny", State: hallmark.StateSubmitted, Created: sub.Created, Updated: sub.Created,
	}, v)
	require.Equal(t, []string{"first"}, liveJobs(t, s))
}

func testRepeatedSubmissions(t *testing.T, s *Store) {
	t.Helper()
	sub := submission(t, s, 1)
	first, _, err := s.Submit(t.Context(), sub, "", firstJob())
	require.NoError(t, err)

	sub.Name = "another name"
	again, created, err := s.Submit(t.Context(), sub, "", firstJob())
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, first, again)
	require.Len(t, liveJobs(t, s), 1)

	for name, change := range map[string]func(*hallmark.Submission){
		"policy": func(s *hallmark.Submission) {
			s.PolicyText = []byte("name: default")
			s.PolicyHash = hallmark.DigestOf(s.PolicyText)
		},
		"profile": func(s *hallmark.Submission) { s.Profile = "completion" },
		"lineage": func(s *hallmark.Submission) { s.LineageHash = hallmark.Digest{1} },
	} {
		other := sub
		change(&other)
		_, _, err := s.Submit(t.Context(), other, "", firstJob())
		require.ErrorIs(t, err, hallmark.ErrConflict, name)
		require.ErrorContains(t, err, first.ID, name)
	}
}

func testIdempotencyKeys(t *testing.T, s *Store) {
	t.Helper()
	one, two := submission(t, s, 1), submission(t, s, 2)
	first, _, err := s.Submit(t.Context(), one, "k", firstJob())
	require.NoError(t, err)
	again, created, err := s.Submit(t.Context(), one, "k", firstJob())
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, first.ID, again.ID)

	_, created, err = s.Submit(t.Context(), two, "k", firstJob())
	require.NoError(t, err, "another owner's keys are another set")
	require.True(t, created)

	two.Owner = one.Owner
	_, _, err = s.Submit(t.Context(), two, "k", firstJob())
	require.ErrorIs(t, err, hallmark.ErrConflict)
}

func testFailedVersionAgain(t *testing.T, s *Store) {
	t.Helper()
	sub := submission(t, s, 1)
	first, _, err := s.Submit(t.Context(), sub, "", firstJob())
	require.NoError(t, err)
	failed := hallmark.Version{Digest: sub.Model, Submission: first.ID, State: hallmark.StateFailed, Problem: "no reason", ReportCID: "x"}
	require.NoError(t, s.Apply(t.Context(), hallmark.Change{From: hallmark.StateSubmitted, Version: failed}))

	sub.Profile = "completion"
	second, created, err := s.Submit(t.Context(), sub, "", firstJob())
	require.NoError(t, err)
	require.True(t, created)
	require.NotEqual(t, first.ID, second.ID)
	v, err := s.Version(t.Context(), sub.Model)
	require.NoError(t, err)
	require.Equal(t, second.ID, v.Submission)
	require.Equal(t, hallmark.StateSubmitted, v.State)
	require.Empty(t, v.Problem)
	require.Empty(t, v.ReportCID)
}

// fullVersion has a value in every field.
func fullVersion(sub hallmark.Submission) hallmark.Version {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	return hallmark.Version{
		Digest: sub.Model, Submission: sub.ID, Name: sub.Name, State: hallmark.StateAnchored, Created: sub.Created,
		Fingerprint: &hallmark.Fingerprint{
			Name: "m", Kind: hallmark.KindModel, Digest: sub.Model, OMSRoot: hallmark.Digest{2}, CID: "bafy", CIDProfile: hallmark.CIDProfile,
			Size: 3, Files: []hallmark.FileDigest{{Path: "m", Size: 3, SHA256: sub.Model}},
			Tensors: []hallmark.TensorDigest{{File: "m", Name: "t", Offset: 1, Size: 1, SHA256: hallmark.Digest{3}}},
		},
		Scan:   &hallmark.Scan{Format: "gguf", Findings: []hallmark.Finding{{Detector: "file.unsafe", Rule: "r"}}},
		Report: hallmark.Digest{4}, ReportCID: "bafyr", CasesCID: "bafyc",
		Record:   &hallmark.RunRecord{Tier: hallmark.TierFull, Wall: time.Second, Started: at, Limits: map[string]string{"a": "b"}},
		Verdict:  &hallmark.Verdict{Decision: hallmark.Allow, Policy: "demo", Reasons: []hallmark.Reason{{Rule: "r"}}},
		Bundles:  []hallmark.Bundle{{Predicate: "p", CID: "c", Envelope: hallmark.Digest{5}, LogIndex: 7}},
		Evidence: hallmark.Digest{6}, EvidenceCID: "bafye", Checkpoint: &hallmark.Checkpoint{Root: hallmark.Digest{7}, Size: 8, CID: "x"},
		Anchor: &hallmark.Anchor{State: hallmark.AnchorFinal, ChainID: 9, Contract: "0x", Tx: "0y", Block: 10}, Problem: "p", Hint: "h",
	}
}

func testVersions(t *testing.T, s *Store) {
	t.Helper()
	sub := submit(t, s, 1)
	want := fullVersion(sub)
	require.NoError(t, s.Apply(t.Context(), hallmark.Change{From: hallmark.StateSubmitted, Version: want}))
	got, err := s.Version(t.Context(), sub.Model)
	require.NoError(t, err)
	require.True(t, got.Updated.After(got.Created))
	want.Updated = got.Updated
	require.Equal(t, want, got)

	in, err := s.VersionsIn(t.Context(), hallmark.StateAnchored)
	require.NoError(t, err)
	require.Equal(t, []hallmark.Version{want}, in)
	in, err = s.VersionsIn(t.Context(), hallmark.StateSubmitted)
	require.NoError(t, err)
	require.Empty(t, in)
}

func testFindVersion(t *testing.T, s *Store) {
	t.Helper()
	first, second := submit(t, s, 1), submit(t, s, 2) // both are called tiny
	v, err := s.FindVersion(t.Context(), "tiny")
	require.NoError(t, err)
	require.Equal(t, second.Model, v.Digest, "the newest")
	v, err = s.FindVersion(t.Context(), first.Model.String())
	require.NoError(t, err)
	require.Equal(t, first.Model, v.Digest)
}

func testChanges(t *testing.T, s *Store) {
	t.Helper()
	sub := submit(t, s, 1)
	change := hallmark.Change{
		From:    hallmark.StateSubmitted,
		Version: hallmark.Version{Digest: sub.Model, Submission: sub.ID, State: hallmark.StateFingerprinted},
		Events:  []hallmark.Event{{Submission: sub.ID, Model: sub.Model, Kind: hallmark.EventState, State: hallmark.StateFingerprinted}},
		Next:    &hallmark.Job{Kind: "second", Submission: sub.ID},
	}
	require.NoError(t, s.Apply(t.Context(), change))
	events, err := s.Events(t.Context(), sub.ID, 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 2)
	require.Equal(t, hallmark.StateSubmitted, events[0].State)
	require.Equal(t, hallmark.StateFingerprinted, events[1].State)
	require.Equal(t, []string{"first", "second"}, liveJobs(t, s))
}

func testChangesThatMiss(t *testing.T, s *Store) {
	t.Helper()
	sub := submit(t, s, 1)
	v := hallmark.Version{Digest: sub.Model, Submission: sub.ID, State: hallmark.StateTested}
	require.ErrorIs(t, s.Apply(t.Context(), hallmark.Change{From: hallmark.StateScanned, Version: v}), hallmark.ErrConflict)
	v.Submission = "sub-other"
	require.ErrorIs(t, s.Apply(t.Context(), hallmark.Change{From: hallmark.StateSubmitted, Version: v}), hallmark.ErrConflict)
	v.Digest = hallmark.Digest{1}
	require.ErrorIs(t, s.Apply(t.Context(), hallmark.Change{From: hallmark.StateSubmitted, Version: v}), hallmark.ErrNotFound)
	require.Equal(t, []string{"first"}, liveJobs(t, s))
}

func testJournal(t *testing.T, s *Store) {
	t.Helper()
	sub := submit(t, s, 1)
	add := func(run, id, output string) {
		c := hallmark.CaseEvidence{CaseResult: hallmark.CaseResult{ID: id, Outcome: hallmark.Fail}, PromptText: "é\x00<", OutputText: output}
		require.NoError(t, s.AddCase(t.Context(), run, c, hallmark.Event{Submission: sub.ID, Kind: hallmark.EventCase, Case: id}))
	}
	add("run 1", "b", "first")
	add("run 1", "a", "second")
	add("run 1", "b", "third")

	done, err := s.BeginRun(t.Context(), sub.ID, "run 1")
	require.NoError(t, err)
	require.Len(t, done, 2)
	require.Equal(t, "b", done[0].ID)
	require.Equal(t, "first", done[0].OutputText)
	require.Equal(t, "é\x00<", done[0].PromptText)
	require.Equal(t, "a", done[1].ID)
	events, err := s.Events(t.Context(), sub.ID, 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 3, "one state and two cases")

	done, err = s.BeginRun(t.Context(), sub.ID, "run 2")
	require.NoError(t, err)
	require.Empty(t, done, "another suite or engine starts anew")
	done, err = s.BeginRun(t.Context(), sub.ID, "run 1")
	require.NoError(t, err)
	require.Empty(t, done, "the old journal is gone")
}

func testEvents(t *testing.T, s *Store) {
	t.Helper()
	sub, other := submit(t, s, 1), submit(t, s, 2)
	for i := range 5 {
		require.NoError(t, s.AddEvent(t.Context(), hallmark.Event{ID: 99, Submission: sub.ID, Done: int64(i)}))
		require.NoError(t, s.AddEvent(t.Context(), hallmark.Event{Submission: other.ID}))
	}
	first, err := s.Events(t.Context(), sub.ID, 0, 3)
	require.NoError(t, err)
	require.Len(t, first, 3)
	rest, err := s.Events(t.Context(), sub.ID, first[2].ID, 100)
	require.NoError(t, err)
	require.Len(t, rest, 3)
	last := int64(0)
	for _, e := range append(first, rest...) {
		require.Greater(t, e.ID, last)
		require.Equal(t, sub.ID, e.Submission)
		require.False(t, e.Time.IsZero())
		last = e.ID
	}
}

func testOutbox(t *testing.T, s *Store) {
	t.Helper()
	for i, key := range []string{"b", "a", "c"} {
		added, err := s.AddIntent(t.Context(), key, []string{"intent", "signed", "final"}[i], []byte(`{ "k": 1 }`))
		require.NoError(t, err)
		require.True(t, added)
	}
	added, err := s.AddIntent(t.Context(), "a", "intent", []byte(`{}`))
	require.NoError(t, err)
	require.False(t, added)

	require.NoError(t, s.UpdateIntent(t.Context(), "a", 1, "broadcast", []byte(`{"k":2}`)))
	require.ErrorIs(t, s.UpdateIntent(t.Context(), "a", 1, "final", []byte(`{}`)), hallmark.ErrConflict)
	require.ErrorIs(t, s.UpdateIntent(t.Context(), "z", 1, "final", []byte(`{}`)), hallmark.ErrNotFound)
	doc, version, err := s.Intent(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, `{"k":2}`, string(doc))
	require.EqualValues(t, 2, version)
	doc, _, err = s.Intent(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, `{ "k": 1 }`, string(doc), "byte for byte")
	_, _, err = s.Intent(t.Context(), "z")
	require.ErrorIs(t, err, hallmark.ErrNotFound)

	keys, err := s.IntentKeys(t.Context(), "broadcast", "intent")
	require.NoError(t, err)
	require.Equal(t, []string{"b", "a"}, keys)
	keys, err = s.IntentKeys(t.Context())
	require.NoError(t, err)
	require.Empty(t, keys)
}

func testPages(t *testing.T, s *Store) {
	t.Helper()
	subs := []hallmark.Submission{submit(t, s, 1), submit(t, s, 2), submit(t, s, 3)}
	versions, err := s.ListVersions(t.Context(), hallmark.Digest{}, 2)
	require.NoError(t, err)
	require.Len(t, versions, 2)
	require.Equal(t, subs[2].Model, versions[0].Digest)
	versions, err = s.ListVersions(t.Context(), subs[1].Model, 2)
	require.NoError(t, err)
	require.Len(t, versions, 1)
	require.Equal(t, subs[0].Model, versions[0].Digest)
}

func testNotFound(t *testing.T, s *Store) {
	t.Helper()
	_, err := s.Submission(t.Context(), "sub-1")
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	_, err = s.Version(t.Context(), hallmark.Digest{1})
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	_, err = s.FindVersion(t.Context(), hallmark.Digest{1}.String())
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	_, err = s.FindVersion(t.Context(), "tiny")
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	_, err = s.Artifact(t.Context(), hallmark.Digest{1})
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	sub := submission(t, s, 1)
	sub.Model = hallmark.Digest{9}
	_, _, err = s.Submit(t.Context(), sub, "", firstJob())
	require.ErrorIs(t, err, hallmark.ErrNotFound, "a model that is no artifact")
}

func testAllOrNone(t *testing.T, s *Store) {
	t.Helper()
	sub := submit(t, s, 1)
	err := s.Apply(t.Context(), hallmark.Change{
		From:    hallmark.StateSubmitted,
		Version: hallmark.Version{Digest: sub.Model, Submission: sub.ID, State: hallmark.StateFingerprinted},
		Events:  []hallmark.Event{{Submission: sub.ID}, {Submission: "sub-none"}},
		Next:    &hallmark.Job{Kind: "second", Submission: sub.ID},
	})
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	v, err := s.Version(t.Context(), sub.Model)
	require.NoError(t, err)
	require.Equal(t, hallmark.StateSubmitted, v.State)
	events, err := s.Events(t.Context(), sub.ID, 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.Equal(t, []string{"first"}, liveJobs(t, s))
}

func testCommitHook(t *testing.T, s *Store) {
	t.Helper()
	sub := submit(t, s, 1)
	calls := 0
	s.commit = func() { calls++ }
	require.NoError(t, s.AddEvent(t.Context(), hallmark.Event{Submission: sub.ID}))
	require.Equal(t, 1, calls)
	require.Error(t, s.AddEvent(t.Context(), hallmark.Event{Submission: "sub-none"}))
	require.Equal(t, 1, calls, "nothing was committed")
}

func testEndedContext(t *testing.T, s *Store) {
	t.Helper()
	ctx, cancel := contextWithCancel(t)
	cancel()
	_, err := s.Version(ctx, hallmark.Digest{1})
	require.ErrorIs(t, err, ctx.Err())
	require.NotErrorIs(t, err, hallmark.ErrUnavailable)
	require.NoError(t, s.Ping(t.Context()))
}

func testReviews(t *testing.T, s *Store) {
	t.Helper()
	sub := submit(t, s, 1)
	v := fullVersion(sub)
	v.State = hallmark.StateChallenged
	require.NoError(t, s.Apply(t.Context(), hallmark.Change{From: hallmark.StateSubmitted, Version: v}))
	id := sub.Model.Hex()[:12]
	v, err := s.FindReview(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, sub.Model, v.Digest)
	for _, other := range []string{"000000000000", "", "sha256:", id[:11], id + "00", "tiny"} {
		_, err := s.FindReview(t.Context(), other)
		require.ErrorIs(t, err, hallmark.ErrNotFound, other)
	}

	decided := v
	decided.Review = &hallmark.Review{
		Decision: hallmark.Allow, Comment: "fine", Reviewer: "k", Time: time.Unix(7, 0).UTC(), Labels: []hallmark.ReviewLabel{{Finding: "f", Problem: true}},
		Bundle: hallmark.Bundle{CID: "bafy", Envelope: hallmark.Digest{1}}, Checkpoint: &hallmark.Checkpoint{Size: 3}, Settled: true,
	}
	job := hallmark.Job{Kind: "review", Submission: sub.ID}
	require.NoError(t, s.Apply(t.Context(), hallmark.Change{From: v.State, Since: v.Updated, Version: decided, Next: &job}))
	got, err := s.Version(t.Context(), v.Digest)
	require.NoError(t, err)
	require.Equal(t, decided.Review, got.Review)
	require.Equal(t, 1, count(t, s, "SELECT count(*) FROM river_job WHERE kind = 'review'"))

	err = s.Apply(t.Context(), hallmark.Change{From: v.State, Since: v.Updated, Version: v, Next: &job})
	require.ErrorIs(t, err, hallmark.ErrConflict, "it was decided since")
	require.ErrorContains(t, err, "changed meanwhile")
	require.Equal(t, 1, count(t, s, "SELECT count(*) FROM river_job WHERE kind = 'review'"), "nor is its job there")
}

func count(t *testing.T, s *Store, query string) (n int) {
	t.Helper()
	require.NoError(t, s.db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}

func testPreviousVersion(t *testing.T, s *Store) {
	t.Helper()
	var subs []hallmark.Submission
	for n := range 4 {
		subs = append(subs, submit(t, s, n)) // all are called tiny
	}
	for _, n := range []int{0, 1, 3} { // 2 has no report
		v := fullVersion(subs[n])
		require.NoError(t, s.Apply(t.Context(), hallmark.Change{From: hallmark.StateSubmitted, Version: v}))
	}
	_, err := s.PreviousVersion(t.Context(), subs[0].Model)
	require.ErrorIs(t, err, hallmark.ErrNotFound, "the first one")
	for n, want := range map[int]int{1: 0, 2: 1, 3: 1} {
		v, err := s.PreviousVersion(t.Context(), subs[n].Model)
		require.NoError(t, err)
		require.Equal(t, subs[want].Model, v.Digest, n)
	}
	exec(t, s, "UPDATE versions SET name = 'other' WHERE digest = ?", subs[1].Model[:])
	v, err := s.PreviousVersion(t.Context(), subs[3].Model)
	require.NoError(t, err)
	require.Equal(t, subs[0].Model, v.Digest, "another name is another line")
}
