package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

// Each damage is done to one submission's rows; the other one's must stay readable.
func TestCorruptRow(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		damage string // ?1 is the model's digest, ?2 the submission
		table  string
		read   func(t *testing.T, s *Store, sub hallmark.Submission) error
	}{
		"state": {"UPDATE versions SET state = 'served' WHERE digest = ?1", "versions", readVersion},
		"fingerprint that is no JSON": {
			"UPDATE versions SET fingerprint = '{\"name\":' WHERE digest = ?1", "versions", readVersion,
		},
		"verdict of another shape":     {"UPDATE versions SET verdict = '[1]' WHERE digest = ?1", "versions", readVersion},
		"record with an unknown field": {"UPDATE versions SET record = '{\"colour\":1}' WHERE digest = ?1", "versions", readVersion},
		"report digest":                {"UPDATE versions SET report = x'00' WHERE digest = ?1", "versions", readVersion},
		"bundles":                      {"UPDATE versions SET bundles = 'nil' WHERE digest = ?1", "versions", readVersion},
		"policy text":                  {"UPDATE submissions SET policy_text = x'41' WHERE id = ?2", "submissions", readSubmission},
		"lineage":                      {"UPDATE submissions SET lineage = '' WHERE id = ?2", "submissions", readSubmission},
		"lineage digest":               {"UPDATE submissions SET lineage_hash = x'0102' WHERE id = ?2", "submissions", readSubmission},
		"artifact kind":                {"UPDATE artifacts SET kind = 'cat' WHERE digest = ?1", "artifacts", readArtifact},
		"event":                        {"UPDATE events SET body = '{' WHERE submission = ?2", "events", readEvents},
		"journal":                      {"UPDATE cases SET evidence = 'x' WHERE submission = ?2", "cases", readCases},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := open(t, t.TempDir())
			bad, good := submit(t, s, 1), submit(t, s, 2)
			for _, sub := range []hallmark.Submission{bad, good} {
				require.NoError(t, s.AddCase(t.Context(), "run", hallmark.CaseEvidence{}, hallmark.Event{Submission: sub.ID}))
			}
			exec(t, s, "PRAGMA ignore_check_constraints = 1")
			exec(t, s, tt.damage, bad.Model[:], bad.ID)

			err := tt.read(t, s, bad)
			var c *CorruptError
			require.ErrorAs(t, err, &c)
			require.Equal(t, tt.table, c.Table)
			require.NotEmpty(t, c.Key)
			require.NotErrorIs(t, err, hallmark.ErrInvalid, "the row is wrong, not the request")
			require.NoError(t, tt.read(t, s, good))
		})
	}
}

func readVersion(t *testing.T, s *Store, sub hallmark.Submission) error {
	t.Helper()
	_, err := s.Version(t.Context(), sub.Model)
	return err
}

func readSubmission(t *testing.T, s *Store, sub hallmark.Submission) error {
	t.Helper()
	_, err := s.Submission(t.Context(), sub.ID)
	return err
}

func readArtifact(t *testing.T, s *Store, sub hallmark.Submission) error {
	t.Helper()
	_, err := s.Artifact(t.Context(), sub.Model)
	return err
}

func readEvents(t *testing.T, s *Store, sub hallmark.Submission) error {
	t.Helper()
	_, err := s.Events(t.Context(), sub.ID, 0, 10)
	return err
}

func readCases(t *testing.T, s *Store, sub hallmark.Submission) error {
	t.Helper()
	_, err := s.BeginRun(t.Context(), sub.ID, "run")
	return err
}

func TestListsSkipCorruptRows(t *testing.T) {
	t.Parallel()

	s := open(t, t.TempDir())
	bad, good := submit(t, s, 1), submit(t, s, 2)
	exec(t, s, "PRAGMA ignore_check_constraints = 1")
	exec(t, s, "UPDATE versions SET verdict = '?' WHERE digest = ?", bad.Model[:])

	var c *CorruptError
	versions, err := s.VersionsIn(t.Context(), hallmark.StateSubmitted)
	require.ErrorAs(t, err, &c)
	require.Equal(t, bad.Model.Hex(), c.Key)
	require.Len(t, versions, 1)
	require.Equal(t, good.Model, versions[0].Digest)
}

func TestValuesThatMayNotStandThere(t *testing.T) {
	t.Parallel()

	s := open(t, t.TempDir())
	sub := submit(t, s, 1)
	err := s.Apply(t.Context(), hallmark.Change{
		From: hallmark.StateSubmitted, Version: hallmark.Version{Digest: sub.Model, Submission: sub.ID, State: "served"},
	})
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	require.ErrorContains(t, err, "table versions")
	require.ErrorContains(t, err, sub.Model.Hex())

	require.ErrorIs(t, s.AddEvent(t.Context(), hallmark.Event{Submission: "sub-none"}), hallmark.ErrNotFound)
	_, _, err = s.CreateAPIKey(t.Context(), hallmark.APIKey{Name: "k", Scope: "admin"})
	require.ErrorIs(t, err, hallmark.ErrInvalid)
}
