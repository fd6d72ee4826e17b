package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/statement"
	"github.com/hallmark-ml/hallmark/server/pipeline"
	"github.com/hallmark-ml/hallmark/server/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// policyText blocks on any finding and asks for nothing else, so that tests choose the verdict.
const policyText = `
schema: https://github.com/hallmark-ml/hallmark/policy/v1
name: flow-test
version: "1"
description: decides by findings alone
minTier: no-namespaces
head: final
requireSignedLineage: true
notAssessable: challenge
profiles:
  - {name: chat, require: [file.unsafe]}
limits:
  - {detector: file.unsafe, maxFindings: 0}
rules:
  - {id: review-new, when: 'model.name == "review.gguf"', decide: challenge, detector: file.unsafe, message: look at it}
`

// A bench is a flow over a real database and a fake world.
type bench struct {
	*world
	dir   string
	store *store.Store
	flow  *pipeline.Flow
	wake  *pipeline.Broadcaster
	key   hallmark.APIKey

	learning *pipeline.Learning
	journal  *store.Journal
}

const submitterPEM = "the submitter's key"

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{world: newWorld(), dir: t.TempDir()}
	b.open(t)
	t.Cleanup(func() {
		require.NoError(t, b.store.Close())
		b.closeLearning(t)
	})
	var err error
	_, b.key, err = b.store.CreateAPIKey(t.Context(), hallmark.APIKey{Name: "team", Scope: hallmark.ScopeWrite, Reviewer: true})
	require.NoError(t, err)
	_, err = b.store.RegisterKey(t.Context(), b.key.ID, hallmark.KeySubmitter, submitterPEM)
	require.NoError(t, err)
	return b
}

// open starts a server on the bench's data directory.
func (b *bench) open(t *testing.T) {
	t.Helper()
	b.wake = new(pipeline.Broadcaster)
	var err error
	b.store, err = store.Open(t.Context(), store.Config{Dir: b.dir, Committed: b.wake.Wake, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	b.closeLearning(t)
	b.journal, err = store.OpenJournal(filepath.Join(b.dir, "feedback.journal"))
	require.NoError(t, err)
	b.learning = pipeline.NewLearning(b.journal, 64<<10, slog.New(slog.DiscardHandler))
	require.NoError(t, b.journal.Replay(b.learning.ReplaySnapshot, b.learning.Replay))
	require.NoError(t, b.learning.Start())
	b.flow, err = pipeline.New(b.config(b.wake))
	require.NoError(t, err)
}

// closeLearning ends the feedback loop of the server before.
func (b *bench) closeLearning(t *testing.T) {
	t.Helper()
	if b.learning == nil {
		return
	}
	require.NoError(t, b.learning.Stop(context.WithoutCancel(t.Context())))
	require.NoError(t, b.journal.Close())
}

func (b *bench) config(wake *pipeline.Broadcaster) pipeline.Config {
	return pipeline.Config{
		Store: b.store, Broadcaster: wake, Fingerprinter: fakeFingerprinter{b.world}, Sandbox: fakeSandbox{b.world},
		Evidence: fakeEvidence{b.world}, Verifier: fakeVerifier{}, Signer: fakeSigner{b.world}, Log: fakeLog{b.world},
		Anchorer: fakeAnchorer{b.world}, Gateway: fakeGateway{b.world}, Learning: b.learning, Logger: slog.New(slog.DiscardHandler),
		OMS: statement.Fingerprint, VerifierID: "https://hallmark.test/server", Poll: time.Millisecond,
	}
}

// add records an artifact whose bytes are text.
func (b *bench) add(t *testing.T, kind hallmark.ArtifactKind, name, text string) hallmark.Artifact {
	t.Helper()
	path := "/" + name
	b.mu.Lock()
	b.content[path] = []byte(text)
	b.mu.Unlock()
	a, err := b.flow.AddArtifact(t.Context(), hallmark.Artifact{
		Kind: kind, Name: name, Path: path, Digest: hallmark.DigestOf([]byte(text)), Size: int64(len(text)),
	})
	require.NoError(t, err)
	return a
}

func node(a hallmark.Artifact) hallmark.LineageNode {
	return hallmark.LineageNode{Name: a.Name, Kind: a.Kind, Digest: a.Digest, CID: a.CID}
}

// trained is the step that made model from data by script.
func trained(model, data, script hallmark.Artifact) hallmark.LineageStep {
	return hallmark.LineageStep{
		Operation: hallmark.OpTrain, Output: node(model), Inputs: []hallmark.LineageInput{
			{LineageNode: node(data), Role: hallmark.RoleDataset},
			{LineageNode: node(script), Role: hallmark.RoleScript, GitCommit: "0123456789012345678901234567890123456789", GitRepo: "https://git.example/repo", GitPath: "train.py"},
		},
		Parameters: map[string]string{"epochs": "3"},
	}
}

// lineage signs a step with a key.
func (b *bench) lineage(t *testing.T, key string, steps ...hallmark.LineageStep) [][]byte {
	t.Helper()
	var bundles [][]byte
	for _, s := range steps {
		text, err := statement.Provenance(s)
		require.NoError(t, err)
		bundles = append(bundles, b.bundle(key, text))
	}
	return bundles
}

// request prepares the submission of a model called name, with all that its lineage names.
func (b *bench) request(t *testing.T, name string) pipeline.SubmitRequest {
	t.Helper()
	model := b.add(t, hallmark.KindModel, name, "weights of "+name)
	data, script := b.add(t, hallmark.KindDataset, "data.jsonl", "data"), b.add(t, hallmark.KindScript, "train.py", "script")
	return pipeline.SubmitRequest{
		Owner: b.key.ID, Model: model.Digest, Name: "tiny", PolicyText: []byte(policyText), Profile: "chat",
		Lineage: b.lineage(t, submitterPEM, trained(model, data, script)),
	}
}

func (b *bench) submit(t *testing.T, name string) hallmark.Submission {
	t.Helper()
	sub, created, err := b.flow.Submit(t.Context(), b.request(t, name))
	require.NoError(t, err)
	require.True(t, created)
	return sub
}

// work runs the flow's jobs until stop is called, which waits.
func (b *bench) work(t *testing.T, handlers map[string]pipeline.Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	s := b.store
	go func() {
		done <- s.Work(ctx, store.WorkConfig{Handlers: handlers, Parallel: 2, Poll: 20 * time.Millisecond})
	}()
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

// rest follows the submission until its version rests and returns that and all events.
func (b *bench) rest(t *testing.T, sub hallmark.Submission) (hallmark.Version, []hallmark.Event) {
	t.Helper()
	var events []hallmark.Event
	for e, err := range b.flow.Events(t.Context(), sub.ID, 0) {
		require.NoError(t, err, "%v", events)
		events = append(events, e)
	}
	v, err := b.store.Version(t.Context(), sub.Model)
	require.NoError(t, err)
	return v, events
}

func statesOf(events []hallmark.Event) []hallmark.State {
	var states []hallmark.State
	for _, e := range events {
		if e.Kind == hallmark.EventState {
			states = append(states, e.State)
		}
	}
	return states
}

// flowStates is the way of every decided version.
func flowStates(end hallmark.State) []hallmark.State {
	return []hallmark.State{
		hallmark.StateSubmitted, hallmark.StateFingerprinted, hallmark.StateScanned, hallmark.StateTested, hallmark.StateDecided,
		hallmark.StateAttested, hallmark.StateAnchored, end,
	}
}

func TestVerdictsAndWhereTheyEnd(t *testing.T) {
	t.Parallel()

	finding := hallmark.Finding{Detector: "file.unsafe", Rule: "template", Severity: hallmark.SeverityCritical, Message: "m"}
	tests := map[string]struct {
		model    string
		findings []hallmark.Finding
		run      hallmark.RunVerdict
		decision hallmark.Decision
		state    hallmark.State
	}{
		"allow":     {"good.gguf", nil, hallmark.RunOK, hallmark.Allow, hallmark.StateServing},
		"block":     {"bad.gguf", []hallmark.Finding{finding}, hallmark.RunOK, hallmark.Block, hallmark.StateBlocked},
		"challenge": {"review.gguf", nil, hallmark.RunOK, hallmark.Challenge, hallmark.StateChallenged},
		"undecided": {"slow.gguf", nil, hallmark.RunWallLimit, hallmark.Undecided, hallmark.StateChallenged},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			b := newBench(t)
			b.findings, b.runVerdict = tt.findings, tt.run
			sub := b.submit(t, tt.model)
			stop := b.work(t, b.flow.Handlers())
			v, events := b.rest(t, sub)
			stop()

			require.Equal(t, tt.decision, v.Verdict.Decision, "%+v", v.Verdict)
			require.Equal(t, tt.state, v.State)
			require.Equal(t, flowStates(tt.state), statesOf(events), "every decided version is attested and anchored")
			b.checkAttested(t, v)
			if tt.decision == hallmark.Allow {
				require.Equal(t, map[hallmark.Digest]string{v.Digest: "tiny"}, b.served)
			} else {
				require.Empty(t, b.served)
			}
			if tt.state == hallmark.StateChallenged {
				require.Contains(t, v.Problem, string(tt.decision))
			}
		})
	}
}

// checkAttested follows a version's evidence from the CID on the chain to its bundles, and counts effects.
func (b *bench) checkAttested(t *testing.T, v hallmark.Version) {
	t.Helper()
	require.Len(t, b.anchored, 1, "one anchor")
	require.Equal(t, v.EvidenceCID, b.anchored[0].Version.EvidenceCID)
	require.Equal(t, v.Evidence, hallmark.DigestOf(b.blocks[v.EvidenceCID]))

	var m pipeline.Manifest
	require.NoError(t, hallmark.DecodeJSON(b.blocks[v.EvidenceCID], &m))
	require.Equal(t, v.Digest, m.Model)
	require.Equal(t, v.Report, hallmark.DigestOf(b.blocks[m.Report.CID]))
	require.Equal(t, policyText, string(b.blocks[m.Policy.CID]))
	require.Contains(t, b.blocks, m.KeyList.CID)
	require.Contains(t, b.blocks, m.Cases)
	require.Equal(t, m.Checkpoint.Note, string(b.blocks[m.Checkpoint.CID]))

	var predicates []string
	for i, bundle := range m.Bundles {
		require.Equal(t, v.Bundles[i], bundle.Bundle)
		require.Equal(t, bundle.Envelope, hallmark.DigestOf(b.blocks[bundle.CID]))
		require.Equal(t, bundle.Envelope, b.leaves[bundle.LogIndex])
		require.NotEmpty(t, bundle.Proof)
		predicates = append(predicates, bundle.Predicate)
	}
	require.Equal(t, []string{
		statement.PredicateProvenance, statement.PredicateRunPlan, statement.PredicateFingerprint, statement.PredicateFingerprint, // the second stands for OMS
		statement.PredicateTestResult, statement.PredicateRuntimeTrace, statement.PredicateSummary,
	}, predicates)
	require.Len(t, b.leaves, len(m.Bundles), "nothing else was ever logged")
	b.checkSummary(t, v, m)
}

func (b *bench) checkSummary(t *testing.T, v hallmark.Version, m pipeline.Manifest) {
	t.Helper()
	var bundle fakeBundle
	require.NoError(t, json.Unmarshal(b.blocks[m.Bundles[6].CID], &bundle))
	summary, err := statement.ParseVSA(bundle.Statement)
	require.NoError(t, err)
	require.Equal(t, v.Verdict.Decision, summary.Verdict.Decision)
	require.Len(t, summary.Inputs, 6, "lineage and all other claims")
	require.Equal(t, v.Digest, summary.Subject.Digest)
	var result fakeBundle
	require.NoError(t, json.Unmarshal(b.blocks[m.Bundles[4].CID], &result))
	claim, err := statement.ParseTestResult(result.Statement)
	require.NoError(t, err)
	if v.Verdict.Decision == hallmark.Block {
		require.Equal(t, statement.Failed, claim.Result)
	}
}

func TestEventsTellTheWholeWay(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	sub := b.submit(t, "good.gguf")
	stop := b.work(t, b.flow.Handlers())
	_, events := b.rest(t, sub)
	stop()

	kinds := map[hallmark.EventKind]int{}
	for i, e := range events {
		kinds[e.Kind]++
		require.Equal(t, sub.ID, e.Submission)
		if i > 0 {
			require.Greater(t, e.ID, events[i-1].ID)
		}
	}
	require.Equal(t, map[hallmark.EventKind]int{
		hallmark.EventState: 8, hallmark.EventCase: 5, hallmark.EventProgress: 11, hallmark.EventAnchor: 2,
	}, kinds)
	cases := slices.DeleteFunc(slices.Clone(events), func(e hallmark.Event) bool { return e.Kind != hallmark.EventCase })
	require.Equal(t, "case-2", cases[2].Case)
	require.EqualValues(t, 3, cases[2].Done)
	require.EqualValues(t, 5, cases[2].Total)

	require.Contains(t, events[slices.IndexFunc(events, func(e hallmark.Event) bool { return e.Kind == hallmark.EventCase })-1].Step, pipeline.JobTest, "plain requests come first")

	var replayed []hallmark.Event
	for e, err := range b.flow.Events(t.Context(), sub.ID, events[9].ID) {
		require.NoError(t, err)
		replayed = append(replayed, e)
	}
	require.Equal(t, events[10:], replayed)
}

func TestEventsOfNobody(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	for _, err := range b.flow.Events(t.Context(), "sub-none", 0) {
		require.ErrorIs(t, err, hallmark.ErrNotFound)
	}
	sub := b.submit(t, "good.gguf")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range b.flow.Events(ctx, sub.ID, 0) { // nobody works: it waits behind the first event
		if n++; n == 1 {
			require.NoError(t, err)
			cancel()
			continue
		}
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Equal(t, 2, n)
}

func TestConfigCheck(t *testing.T) {
	t.Parallel()

	_, err := pipeline.New(pipeline.Config{})
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	for _, part := range []string{
		"store", "broadcaster", "fingerprinter", "sandbox", "evidence", "lineage verifier", "signer", "transparency log",
		"anchorer", "gateway", "learning", "model signing statement", "logger", "verifier id", "poll interval",
	} {
		require.ErrorContains(t, err, part)
	}
}

func TestLineageDataSetsAreScanned(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	sub := b.submit(t, "good.gguf")
	stop := b.work(t, b.flow.Handlers())
	v, _ := b.rest(t, sub)
	stop()
	require.Len(t, v.Scan.Datasets, 1)
	require.Equal(t, "data.jsonl", v.Scan.Datasets[0].Name)
	require.Equal(t, fmt.Sprint(1), fmt.Sprint(b.hits["scan dataset"]))
}
