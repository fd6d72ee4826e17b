package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/statement"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

const reviewerPEM = "the reviewer's key"

// A reviewBench is a bench with a version that waits for a person, and a reviewer.
type reviewBench struct {
	*bench
	reviewer hallmark.APIKey
	sub      hallmark.Submission
	version  hallmark.Version
}

func newReviewBench(t *testing.T) *reviewBench {
	t.Helper()
	b := &reviewBench{bench: newBench(t)}
	b.reviewer = b.newReviewer(t, reviewerPEM)
	b.sub = b.submit(t, "review.gguf")
	stop := b.work(t, b.flow.Handlers())
	b.version, _ = b.rest(t, b.sub)
	b.awaitLearned(t)
	stop()
	require.Equal(t, hallmark.StateChallenged, b.version.State)
	require.Contains(t, b.version.Hint, "hallmark review show "+pipeline.ReviewID(b.version.Digest))
	return b
}

// awaitLearned waits for the outcomes of one run, which are learned after its version has come to rest.
func (b *bench) awaitLearned(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return b.learning.Health().Learned == uint64(b.cases) }, 20*time.Second, time.Millisecond)
}

func (b *bench) newReviewer(t *testing.T, pem string) hallmark.APIKey {
	t.Helper()
	_, key, err := b.store.CreateAPIKey(t.Context(), hallmark.APIKey{Name: "reviewer", Scope: hallmark.ScopeRead, Reviewer: true})
	require.NoError(t, err)
	_, err = b.store.RegisterKey(t.Context(), key.ID, hallmark.KeyReviewer, pem)
	require.NoError(t, err)
	return key
}

// claim is a decision on the version that waits.
func (b *reviewBench) claim(d hallmark.Decision) statement.ReviewClaim {
	v := b.version
	return statement.ReviewClaim{
		Subject: hallmark.LineageNode{Name: "review.gguf", Kind: hallmark.KindModel, Digest: v.Digest}, Decision: d, Comment: "seen",
		Report: v.Report, ReportCID: v.ReportCID, Evidence: v.Evidence, EvidenceCID: v.EvidenceCID, Time: time.Unix(1000, 0),
		Labels: []hallmark.ReviewLabel{{Finding: pipeline.ReviewID(v.Digest) + "-1", Problem: d == hallmark.Block}},
	}
}

func (b *reviewBench) signed(t *testing.T, key string, c statement.ReviewClaim) []byte {
	t.Helper()
	text, err := statement.Review(c)
	require.NoError(t, err)
	return b.bundle(key, text)
}

func TestReviewDecides(t *testing.T) {
	t.Parallel()

	for decision, state := range map[hallmark.Decision]hallmark.State{hallmark.Allow: hallmark.StateServing, hallmark.Block: hallmark.StateBlocked} {
		t.Run(string(decision), func(t *testing.T) {
			t.Parallel()

			b := newReviewBench(t)
			items, open, err := b.flow.ReviewQueue(t.Context(), 10)
			require.NoError(t, err)
			require.Equal(t, 1, open)
			require.Len(t, items, 1)
			require.Equal(t, "review-new", items[0].Finding.Rule)
			require.InDelta(t, 0.5, items[0].Problem, 1e-9, "nothing is known")
			before := b.learning.Health().Learned

			bundle := b.signed(t, reviewerPEM, b.claim(decision))
			v, err := b.flow.DecideReview(t.Context(), b.reviewer, b.version.Digest, bundle)
			require.NoError(t, err)
			require.Equal(t, hallmark.StateChallenged, v.State, "it does not count yet")
			require.Empty(t, b.served)
			require.Equal(t, before+1, b.learning.Health().Learned, "the label is learned at once")
			_, open, err = b.flow.ReviewQueue(t.Context(), 10)
			require.NoError(t, err)
			require.Zero(t, open)

			again, err := b.flow.DecideReview(t.Context(), b.reviewer, b.version.Digest, bundle)
			require.NoError(t, err, "the answer was lost")
			require.Equal(t, v, again)

			stop := b.work(t, b.flow.Handlers())
			v, events := b.rest(t, b.sub)
			stop()
			require.Equal(t, state, v.State)
			require.Equal(t, decision, v.Effective())
			require.Equal(t, hallmark.Challenge, v.Verdict.Decision, "what the policy said stands")
			require.Equal(t, append(flowStates(hallmark.StateChallenged), state), statesOf(events))
			require.Equal(t, decision == hallmark.Allow, b.served[v.Digest] != "")
			b.checkReviewed(t, v, bundle)
			_, err = b.flow.DecideReview(t.Context(), b.reviewer, v.Digest, b.signed(t, reviewerPEM, b.claim(hallmark.Block)))
			require.ErrorIs(t, err, hallmark.ErrConflict, "a second decision")
		})
	}
}

// checkReviewed follows a review's evidence from its CID to the log and the chain.
func (b *reviewBench) checkReviewed(t *testing.T, v hallmark.Version, bundle []byte) {
	t.Helper()
	r := v.Review
	require.True(t, r.Settled)
	require.Equal(t, bundle, b.blocks[r.Bundle.CID])
	require.Equal(t, hallmark.DigestOf(bundle), b.leaves[r.Bundle.LogIndex])
	require.Equal(t, hallmark.AnchorFinal, r.Anchor.State)
	require.Contains(t, b.chain, r.Checkpoint.Root)
	require.Greater(t, r.Checkpoint.Size, v.Checkpoint.Size)
	var m pipeline.ReviewManifest
	require.NoError(t, hallmark.DecodeJSON(b.blocks[r.EvidenceCID], &m))
	require.Equal(t, pipeline.Document{CID: v.EvidenceCID, Digest: v.Evidence}, m.Evidence)
	require.Equal(t, r.Bundle, m.Review.Bundle)
	require.Equal(t, *r.Checkpoint, m.Checkpoint.Checkpoint)
}

func TestReviewRefusals(t *testing.T) {
	t.Parallel()

	b := newReviewBench(t)
	_, err := b.store.RegisterKey(t.Context(), b.key.ID, hallmark.KeyReviewer, "the submitter's other key")
	require.NoError(t, err)
	_, err = b.store.RegisterKey(t.Context(), b.reviewer.ID, hallmark.KeySubmitter, "the reviewer's key for lineage")
	require.NoError(t, err)
	_, outsider, err := b.store.CreateAPIKey(t.Context(), hallmark.APIKey{Name: "no key", Scope: hallmark.ScopeRead, Reviewer: true})
	require.NoError(t, err)
	with := func(change func(*statement.ReviewClaim)) []byte {
		c := b.claim(hallmark.Allow)
		change(&c)
		return b.signed(t, reviewerPEM, c)
	}
	fine := b.claim(hallmark.Allow)
	fingerprint, err := statement.Fingerprint(*b.version.Fingerprint)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		by     hallmark.APIKey
		bundle []byte
		kind   error
	}{
		"a key that nobody registered":        {b.reviewer, b.signed(t, "mallory's key", fine), hallmark.ErrKey},
		"the submitter's key":                 {b.reviewer, b.signed(t, submitterPEM, fine), hallmark.ErrKey},
		"a key of the reviewer's for lineage": {b.reviewer, b.signed(t, "the reviewer's key for lineage", fine), hallmark.ErrKey},
		"the service's key":                   {b.reviewer, b.signed(t, "service", fine), hallmark.ErrKey},
		"another reviewer's API key":          {outsider, b.signed(t, reviewerPEM, fine), hallmark.ErrKey},
		"no signature":                        {b.reviewer, []byte("{}"), hallmark.ErrSignature},
		"the submitter, as a reviewer":        {b.key, b.signed(t, "the submitter's other key", fine), hallmark.ErrRefused},
		"another statement":                   {b.reviewer, b.bundle(reviewerPEM, fingerprint), hallmark.ErrPredicate},
		"another model":                       {b.reviewer, with(func(c *statement.ReviewClaim) { c.Subject.Digest = hallmark.Digest{1} }), hallmark.ErrPredicate},
		"another report":                      {b.reviewer, with(func(c *statement.ReviewClaim) { c.Report = hallmark.Digest{1} }), hallmark.ErrPredicate},
		"another report's CID":                {b.reviewer, with(func(c *statement.ReviewClaim) { c.ReportCID = "bafyother" }), hallmark.ErrPredicate},
		"other evidence":                      {b.reviewer, with(func(c *statement.ReviewClaim) { c.Evidence = hallmark.Digest{1} }), hallmark.ErrPredicate},
		"a finding of another version":        {b.reviewer, with(func(c *statement.ReviewClaim) { c.Labels[0].Finding = "000000000000-1" }), hallmark.ErrPredicate},
	} {
		_, err := b.flow.DecideReview(t.Context(), tt.by, b.version.Digest, tt.bundle)
		require.ErrorIs(t, err, tt.kind, name)
	}
	v, err := b.store.Version(t.Context(), b.version.Digest)
	require.NoError(t, err)
	require.Equal(t, b.version, v, "nothing of that changed anything")

	r := b.request(t, "new.gguf")
	var bundle fakeBundle
	require.NoError(t, json.Unmarshal(r.Lineage[0], &bundle))
	r.Lineage[0] = b.bundle("the submitter's other key", bundle.Statement)
	_, _, err = b.flow.Submit(t.Context(), r)
	require.ErrorIs(t, err, hallmark.ErrKey, "a reviewer's key signs no lineage")
}

// A verdict that lacks evidence is not for a person to decide, nor is one that is clear.
func TestReviewOfOtherVerdicts(t *testing.T) {
	t.Parallel()

	b := &reviewBench{bench: newBench(t)}
	b.reviewer = b.newReviewer(t, reviewerPEM)
	b.runVerdict = hallmark.RunWallLimit
	sub := b.submit(t, "slow.gguf")
	stop := b.work(t, b.flow.Handlers())
	b.version, _ = b.rest(t, sub)
	stop()
	require.Equal(t, hallmark.Undecided, b.version.Verdict.Decision)
	_, open, err := b.flow.ReviewQueue(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, open)
	c := b.claim(hallmark.Allow)
	c.Labels = nil
	_, err = b.flow.DecideReview(t.Context(), b.reviewer, b.version.Digest, b.signed(t, reviewerPEM, c))
	require.ErrorIs(t, err, hallmark.ErrConflict)
}

// Two reviewers decide at the same time: one decision stands, and the other one is told so.
func TestTwoReviewersDecideAtOnce(t *testing.T) {
	t.Parallel()

	b := newReviewBench(t)
	other := b.newReviewer(t, "the other reviewer's key")
	bundles := map[hallmark.Decision][]byte{
		hallmark.Allow: b.signed(t, reviewerPEM, b.claim(hallmark.Allow)),
		hallmark.Block: b.signed(t, "the other reviewer's key", b.claim(hallmark.Block)),
	}
	var both sync.WaitGroup // they have checked, and neither has written
	both.Add(2)
	b.before = func(op string) {
		if op == "put" {
			both.Done()
			both.Wait()
		}
	}
	errs := make(chan error, 2)
	var all sync.WaitGroup
	for d, key := range map[hallmark.Decision]hallmark.APIKey{hallmark.Allow: b.reviewer, hallmark.Block: other} {
		all.Go(func() {
			_, err := b.flow.DecideReview(context.WithoutCancel(t.Context()), key, b.version.Digest, bundles[d])
			errs <- err
		})
	}
	all.Wait()
	one, two := <-errs, <-errs
	if one != nil {
		one, two = two, one
	}
	require.NoError(t, one)
	require.ErrorIs(t, two, hallmark.ErrConflict)
}

// A reviewer whose API key is revoked before the decision counts has decided nothing.
func TestReviewerRevokedMeanwhile(t *testing.T) {
	t.Parallel()

	b := newReviewBench(t)
	_, err := b.flow.DecideReview(t.Context(), b.reviewer, b.version.Digest, b.signed(t, reviewerPEM, b.claim(hallmark.Allow)))
	require.NoError(t, err)
	_, err = b.store.RevokeAPIKey(t.Context(), b.reviewer.ID)
	require.NoError(t, err)
	stop := b.work(t, b.flow.Handlers())
	v, _ := b.rest(t, b.sub)
	stop()
	require.Equal(t, hallmark.StateChallenged, v.State)
	require.Nil(t, v.Review)
	require.Contains(t, v.Problem, "does not count")
	require.Empty(t, b.served)

	second := b.newReviewer(t, "the second reviewer's key")
	_, err = b.flow.DecideReview(t.Context(), second, v.Digest, b.signed(t, "the second reviewer's key", b.claim(hallmark.Block)))
	require.NoError(t, err)
	stop = b.work(t, b.flow.Handlers())
	v, _ = b.rest(t, b.sub)
	stop()
	require.Equal(t, hallmark.StateBlocked, v.State)
}

// A file that changed since the decision is not served.
func TestReviewOfChangedBytes(t *testing.T) {
	t.Parallel()

	b := newReviewBench(t)
	_, err := b.flow.DecideReview(t.Context(), b.reviewer, b.version.Digest, b.signed(t, reviewerPEM, b.claim(hallmark.Allow)))
	require.NoError(t, err)
	b.content["/review.gguf"] = []byte("other weights")
	stop := b.work(t, b.flow.Handlers())
	v, _ := b.rest(t, b.sub)
	stop()
	require.Equal(t, hallmark.StateChallenged, v.State)
	require.Contains(t, v.Problem, "hashes to")
	require.Empty(t, b.served)
}

// The server dies behind each step of a review, when the step has had its effects but nothing is committed.
func TestServerDiesBehindEachReviewStep(t *testing.T) {
	t.Parallel()

	for _, kind := range []string{pipeline.JobReviewLog, pipeline.JobReviewAnchor, pipeline.JobReviewSettle} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()

			b := newReviewBench(t)
			bundle := b.signed(t, reviewerPEM, b.claim(hallmark.Allow))
			_, err := b.flow.DecideReview(t.Context(), b.reviewer, b.version.Digest, bundle)
			require.NoError(t, err)
			died := make(chan struct{})
			var once sync.Once
			handlers := b.flow.Handlers()
			step := handlers[kind]
			handlers[kind] = func(ctx context.Context, job hallmark.Job) (*hallmark.Change, error) {
				if _, err := step(ctx, job); err != nil {
					return nil, err
				}
				once.Do(func() { close(died) })
				<-ctx.Done()
				return nil, ctx.Err()
			}
			stop := b.work(t, handlers)
			<-died
			stop()
			learned := b.learning.Health().Learned
			require.NoError(t, b.store.Close())

			b.open(t)
			require.Equal(t, learned, b.learning.Health().Learned, "the journal has all")
			require.NoError(t, b.flow.Restore(t.Context()))
			stop = b.work(t, b.flow.Handlers())
			v, _ := b.rest(t, b.sub)
			stop()
			require.Equal(t, hallmark.StateServing, v.State)
			b.checkReviewed(t, v, bundle)
			require.Equal(t, learned, b.learning.Health().Learned, "told twice, learned once")
			require.Len(t, b.leaves, 8, "logged once")
		})
	}
}

// Every outside effect of a review fails once, before it took place or after it.
func TestEachReviewEffectFailsOnce(t *testing.T) {
	t.Parallel()

	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("applied %v", after), func(t *testing.T) {
			t.Parallel()

			b := newReviewBench(t)
			bundle := b.signed(t, reviewerPEM, b.claim(hallmark.Allow))
			_, err := b.flow.DecideReview(t.Context(), b.reviewer, b.version.Digest, bundle)
			require.NoError(t, err)
			for _, op := range []string{"append", "checkpoint", "proof", "put", "get", "key list", "anchor log", "status", "admit"} {
				b.faults[op] = fault{kind: hallmark.ErrUnavailable, after: after}
			}
			stop := b.work(t, b.flow.Handlers())
			v, _ := b.rest(t, b.sub)
			stop()
			require.Empty(t, b.faults, "every fault was met")
			require.Equal(t, hallmark.StateServing, v.State)
			require.Empty(t, v.Problem)
			b.checkReviewed(t, v, bundle)
		})
	}
}

// What reviewers say moves what is asked for next: findings of a rule that is always harmless come late.
func TestLabelsRankTheQueue(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	reviewer := b.newReviewer(t, reviewerPEM)
	b.findings = []hallmark.Finding{
		{Detector: "file.unsafe", Rule: "a", Severity: hallmark.SeverityMedium, CaseID: "case-1", Message: "m"},
		{Detector: "file.unsafe", Rule: "b", Severity: hallmark.SeverityHigh, Message: "m"},
	}
	policy := policyOnly("challenge")
	problem := func(v hallmark.Version, rule string) float64 {
		items, _, err := b.flow.ReviewQueue(t.Context(), 100)
		require.NoError(t, err)
		for _, i := range items {
			if i.Model == v.Digest && i.Finding.Rule == rule {
				return i.Problem
			}
		}
		require.Fail(t, "not in the queue", rule)
		return 0
	}
	stop := b.work(t, b.flow.Handlers())
	defer func() { stop() }()
	var last hallmark.Version
	for n := range 6 {
		r := b.request(t, fmt.Sprintf("model-%d.gguf", n))
		r.PolicyText = []byte(policy)
		sub, _, err := b.flow.Submit(t.Context(), r)
		require.NoError(t, err)
		v, _ := b.rest(t, sub)
		require.Equal(t, hallmark.StateChallenged, v.State, v.Problem)
		last = v
		if n == 5 {
			break
		}
		rb := reviewBench{bench: b, version: v}
		c := rb.claim(hallmark.Allow)
		items, err := b.flow.ReviewItems(t.Context(), v)
		require.NoError(t, err)
		c.Labels = nil
		for _, i := range items {
			c.Labels = append(c.Labels, hallmark.ReviewLabel{Finding: i.ID, Problem: i.Finding.Rule == "b"})
		}
		_, err = b.flow.DecideReview(t.Context(), reviewer, v.Digest, rb.signed(t, reviewerPEM, c))
		require.NoError(t, err)
	}
	require.Less(t, problem(last, "a"), 0.3)
	require.Greater(t, problem(last, "b"), 0.7)
	items, open, err := b.flow.ReviewQueue(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, 1, open)
	require.Len(t, items, 1, "as many as were asked for")
}

// policyOnly always decides so.
func policyOnly(decision string) string {
	return `
schema: https://github.com/hallmark-ml/hallmark/policy/v1
name: only
version: "1"
description: one answer for all
minTier: no-namespaces
head: final
requireSignedLineage: true
notAssessable: challenge
profiles:
  - {name: chat, require: [file.unsafe]}
limits:
  - {detector: file.unsafe, maxFindings: 1000, reason: its findings are what this test is about}
rules:
  - {id: always, when: 'model.name != ""', decide: ` + decision + `, detector: file.unsafe, message: as it is}
`
}

// A new version of a line is tested after the last one, with its seed; another line, another profile, is not.
func TestWarmStart(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	run := func(model, name string) hallmark.Version {
		r := b.request(t, model)
		r.Name = name
		sub, _, err := b.flow.Submit(t.Context(), r)
		require.NoError(t, err)
		stop := b.work(t, b.flow.Handlers())
		v, _ := b.rest(t, sub)
		stop()
		require.Equal(t, hallmark.StateServing, v.State, v.Problem)
		return v
	}
	first, other := run("one.gguf", "tiny"), run("two.gguf", "large")
	second := run("three.gguf", "tiny")
	require.Nil(t, first.Runs[0].Previous)
	require.Nil(t, other.Runs[0].Previous)
	require.Equal(t, &hallmark.PreviousRun{Model: first.Digest, Report: first.Report, ReportCID: first.ReportCID}, second.Runs[0].Previous)
	var bundle fakeBundle
	require.NoError(t, json.Unmarshal(b.blocks[second.Runs[0].Announced.CID], &bundle))
	_, plan, err := statement.ParseRunPlan(bundle.Statement)
	require.NoError(t, err)
	require.False(t, plan.WarmStart.IsZero(), "the announced plan says so")
}

// All outcomes of a run are learned, once, after the version has come to rest.
func TestRunsAreLearned(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	sub := b.submit(t, "good.gguf")
	stop := b.work(t, b.flow.Handlers())
	v, _ := b.rest(t, sub)
	b.awaitLearned(t)
	stop()
	learn := b.flow.Handlers()[pipeline.JobLearn]
	change, err := learn(t.Context(), hallmark.Job{Kind: pipeline.JobLearn, Submission: sub.ID})
	require.NoError(t, err)
	require.Nil(t, change)
	h := b.learning.Health()
	require.Equal(t, uint64(b.cases), h.Learned, "a job that is done again tells nothing new")
	require.Equal(t, "running", h.State)
	require.NoError(t, h.Err)
	require.Equal(t, hallmark.StateServing, v.State)

	require.NoError(t, b.store.Close())
	b.open(t)
	require.Equal(t, uint64(b.cases), b.learning.Health().Learned, "the journal has them")
	require.Zero(t, b.learning.Health().Taken)
}
