package statement_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/statement"
)

func reviewClaim() statement.ReviewClaim {
	return statement.ReviewClaim{
		Subject: node("guarded", hallmark.KindModel), Decision: hallmark.Allow, Comment: "checked by hand", Report: digest("report"), ReportCID: "bafyreport",
		Evidence: digest("manifest"), EvidenceCID: "bafymanifest", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Labels: []hallmark.ReviewLabel{{Finding: "0123456789ab-1"}, {Finding: "0123456789ab-2", Problem: true}},
	}
}

func TestReviewReadsBackWhole(t *testing.T) {
	t.Parallel()

	for _, d := range []hallmark.Decision{hallmark.Allow, hallmark.Block} {
		c := reviewClaim()
		c.Decision = d
		b, err := statement.Review(c)
		require.NoError(t, err)
		got, err := statement.ParseReview(b)
		require.NoError(t, err)
		require.Equal(t, c, got)
	}
}

func TestReviewThatDecidesNothing(t *testing.T) {
	t.Parallel()

	whole, err := statement.Review(reviewClaim())
	require.NoError(t, err)
	for name, e := range map[string]edit{
		"a decision of nobody":   {"predicate.decision", "challenge"},
		"no decision":            {"predicate.decision", ""},
		"no comment":             {"predicate.comment", ""},
		"a comment of two lines": {"predicate.comment", "a\nb"},
		"no time":                {"predicate.timeDecided", "0001-01-01T00:00:00Z"},
		"no report":              {"predicate.report.digest", map[string]any{}},
		"no evidence":            {"predicate.evidence.digest", map[string]any{}},
		"labels twice":           {"predicate.labels", []any{map[string]any{"finding": "a", "problem": true}, map[string]any{"finding": "a", "problem": false}}},
		"a label of nothing":     {"predicate.labels", []any{map[string]any{"finding": "", "problem": true}}},
		"another type":           {"predicateType", statement.PredicateSummary},
	} {
		_, err := statement.ParseReview(apply(t, whole, e))
		require.ErrorIs(t, err, hallmark.ErrPredicate, name)
	}
	many := reviewClaim()
	many.Labels = make([]hallmark.ReviewLabel, 1025)
	_, err = statement.Review(many)
	require.ErrorIs(t, err, hallmark.ErrTooLarge)
	long := reviewClaim()
	long.Comment = strings.Repeat("x", 4097)
	_, err = statement.Review(long)
	require.ErrorIs(t, err, hallmark.ErrTooLarge)
}

func FuzzReview(f *testing.F) {
	b, err := statement.Review(reviewClaim())
	require.NoError(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := statement.ParseReview(b)
		if err != nil {
			return
		}
		again, err := statement.Review(c)
		require.NoError(t, err, "what was read can be written")
		read, err := statement.ParseReview(again)
		require.NoError(t, err)
		require.Equal(t, c.Decision, read.Decision)
	})
}
