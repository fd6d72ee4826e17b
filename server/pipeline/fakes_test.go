package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

// A fault makes an operation of a fake fail once, before its effect or after it.
type fault struct {
	kind  error
	after bool // the effect took place, only the answer was lost
}

// A world is everything outside the database that a flow changes, in memory, behind fakes that fail on demand.
type world struct {
	mu     sync.Mutex
	faults map[string]fault // by operation, taken out when met
	hits   map[string]int   // operations that were begun
	blocks map[string][]byte
	files  map[string]string // path to CID
	leaves []hallmark.Digest
	signed int
	chain  map[hallmark.Digest]*hallmark.Anchor
	// anchorPath is the states that the chain shows one after the other; the last one stays.
	anchorPath []hallmark.AnchorState
	chainDown  string
	anchored   []pipeline.AnchorRequest
	revoked    map[hallmark.Digest]bool
	served     map[hallmark.Digest]string
	admissions int
	cases      int // of the fake suite
	caseRuns   map[string]int
	onCase     func(ctx context.Context, n int) // called before the n-th case of a run is done
	engine     string
	endsEarly  bool            // the run has no report where runVerdict is not ok
	tested     hallmark.Digest // what the sandbox says that it tested; zero: what it was asked to
	// before is called when an operation begins.
	before func(op string)
	// afterFingerprint is called, under the lock, when a fingerprint was taken.
	afterFingerprint func()
	content          map[string][]byte // file contents by path
	findings         []hallmark.Finding
	runVerdict       hallmark.RunVerdict
}

func newWorld() *world {
	return &world{
		hits: map[string]int{}, faults: map[string]fault{}, blocks: map[string][]byte{}, files: map[string]string{}, chain: map[hallmark.Digest]*hallmark.Anchor{},
		anchorPath: []hallmark.AnchorState{hallmark.AnchorPending, hallmark.AnchorIncluded, hallmark.AnchorFinal},
		revoked:    map[hallmark.Digest]bool{}, served: map[hallmark.Digest]string{}, cases: 5, caseRuns: map[string]int{},
		onCase: func(context.Context, int) {}, engine: "1", before: func(string) {}, afterFingerprint: func() {}, content: map[string][]byte{}, runVerdict: hallmark.RunOK,
	}
}

// do runs an effect under the world's lock, with the fault if it is this operation's.
func (w *world) do(op string, effect func() error) error {
	w.before(op)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hits[op]++
	f, faulty := w.faults[op]
	delete(w.faults, op)
	if faulty && !f.after {
		return fmt.Errorf("%s: injected: %w", op, f.kind)
	}
	if err := effect(); err != nil || !faulty {
		return err
	}
	return fmt.Errorf("%s: answer lost: %w", op, f.kind)
}

func cidOf(b []byte) string { return "bafy" + hallmark.DigestOf(b).Hex() }

type fakeFingerprinter struct{ *world }

func (f fakeFingerprinter) Fingerprint(_ context.Context, a hallmark.Artifact, progress func(done, total int64)) (hallmark.Fingerprint, error) {
	var fp hallmark.Fingerprint
	err := f.do("fingerprint", func() error {
		b, ok := f.content[a.Path]
		if !ok {
			return fmt.Errorf("read %s: %w", a.Path, hallmark.ErrNotFound)
		}
		d := hallmark.DigestOf(b)
		fp = hallmark.Fingerprint{
			Name: a.Name, Kind: a.Kind, Digest: d, OMSRoot: d, CID: cidOf(b), CIDProfile: hallmark.CIDProfile, Size: int64(len(b)),
			Files: []hallmark.FileDigest{{Path: a.Name, Size: int64(len(b)), SHA256: d}},
		}
		fp.OMSRoot = hallmark.DigestOf(d[:])
		f.afterFingerprint()
		return nil
	})
	for i := range int64(100) { // outside the lock, as a reader reports
		progress(i+1, 100)
	}
	return fp, err
}

type fakeSandbox struct{ *world }

func (f fakeSandbox) Scan(_ context.Context, t pipeline.Target) (hallmark.Scan, error) {
	s := hallmark.Scan{Format: "gguf"}
	err := f.do("scan "+string(t.Artifact.Kind), func() error {
		if t.Artifact.Kind == hallmark.KindModel {
			s.Findings = f.findings
		}
		return nil
	})
	return s, err
}

func (f fakeSandbox) Plan(_ context.Context, r pipeline.TestRequest) (hallmark.RunPlan, error) {
	var plan hallmark.RunPlan
	err := f.do("plan", func() error { plan = fakePlanAfter(r, f.engine); return nil })
	return plan, err
}

// fakePlanAfter is the plan of a run that is compared with another one.
func fakePlanAfter(r pipeline.TestRequest, engine string) hallmark.RunPlan {
	plan := fakePlan(r.Artifact.Digest, engine)
	if r.Previous != nil && r.Previous.Profile == r.Profile {
		plan.WarmStart, plan.Seed = hallmark.DigestOf(fmt.Append(nil, r.Previous.Cases)), r.Previous.Seed
	}
	return plan
}

func fakePlan(model hallmark.Digest, engine string) hallmark.RunPlan {
	return hallmark.RunPlan{
		Schema: hallmark.RunPlanSchema, Model: model, Suite: "fake", SuiteHash: hallmark.Digest{9}, Engine: engine, Seed: "7", Profile: "chat",
		Tier: "full", Commitment: hallmark.Digest{8},
	}
}

// Test runs the fake suite; its report follows from the cases alone, be they done now or before.
func (f fakeSandbox) Test(ctx context.Context, r pipeline.TestRequest) (pipeline.TestResult, error) {
	done := slices.Clone(r.Done)
	if r.OnControl != nil {
		r.OnControl(1, 1)
	}
	for i := len(done); i < f.cases; i++ {
		f.onCase(ctx, i)
		if err := ctx.Err(); err != nil {
			return pipeline.TestResult{}, err
		}
		c := hallmark.CaseEvidence{CaseResult: hallmark.CaseResult{
			ID: fmt.Sprintf("case-%d", i), Detector: "inject.direct", Template: "t", Outcome: hallmark.Pass,
			Prompt: hallmark.DigestOf([]byte{byte(i)}), Output: hallmark.DigestOf([]byte{byte(i), 1}),
		}}
		f.mu.Lock()
		f.caseRuns[c.ID]++
		f.mu.Unlock()
		done = append(done, c)
		if err := r.OnCase(c, len(done), f.cases); err != nil {
			return pipeline.TestResult{}, err
		}
	}
	result := pipeline.TestResult{Record: hallmark.RunRecord{
		Verdict: f.runVerdict, Tier: hallmark.TierFull, Kernel: "6.1", Started: time.Now(), Wall: time.Second, Limits: map[string]string{},
		FilterSHA256: hallmark.Digest{1}, Guest: hallmark.Digest{2}, Layers: []string{"userns"},
	}}
	err := f.do("test", func() error {
		model := r.Artifact.Digest
		if !f.tested.IsZero() {
			model = f.tested
		}
		if f.runVerdict != hallmark.RunOK && f.endsEarly {
			return fmt.Errorf("the run stopped: %w", hallmark.ErrUndecided)
		}
		result.Report = fakeReport(model, r.Scan.Findings, done)
		var err error
		result.Report.Plan, err = fakePlanAfter(r, f.engine).Digest()
		return err
	})
	return result, err
}

func fakeReport(model hallmark.Digest, findings []hallmark.Finding, cases []hallmark.CaseEvidence) hallmark.Report {
	report := hallmark.Report{
		Schema: hallmark.ReportSchema, Suite: "fake", SuiteHash: hallmark.Digest{9}, Model: model, Engine: "1", Seed: "7", Profile: "chat",
		Findings: append([]hallmark.Finding{}, findings...),
		Detectors: []hallmark.DetectorResult{
			{Detector: "file.unsafe", Assessment: hallmark.Assessed, Against: noRate(), Capability: noRate()},
		},
	}
	for _, c := range cases {
		report.Cases = append(report.Cases, c.CaseResult)
	}
	return report
}

func noRate() hallmark.Proportion {
	return hallmark.Proportion{Rate: "0.000000", Lower: "0.000000", Upper: "1.000000", Bound: "1.000000"}
}

type fakeEvidence struct{ *world }

func (f fakeEvidence) Put(_ context.Context, b []byte) (string, error) {
	err := f.do("put", func() error { f.blocks[cidOf(b)] = slices.Clone(b); return nil })
	return cidOf(b), err
}

func (f fakeEvidence) AddFile(_ context.Context, path string) (string, error) {
	var cid string
	err := f.do("add file", func() error {
		b, ok := f.content[path]
		if !ok {
			return fmt.Errorf("add %s: %w", path, hallmark.ErrNotFound)
		}
		cid = cidOf(b)
		f.files[path] = cid
		return nil
	})
	return cid, err
}

func (f fakeEvidence) Get(_ context.Context, cid string, limit int64) ([]byte, error) {
	var b []byte
	err := f.do("get", func() error {
		var ok bool
		if b, ok = f.blocks[cid]; !ok || int64(len(b)) > limit {
			return fmt.Errorf("get %s: %w", cid, hallmark.ErrNotFound)
		}
		return nil
	})
	return b, err
}

// fakeBundle is what the fake signers write. N makes each signature another one, as with ECDSA.
type fakeBundle struct {
	Key       string `json:"key"`
	Statement []byte `json:"statement"`
	N         int    `json:"n"`
}

func (w *world) bundle(key string, text []byte) []byte {
	w.signed++
	b, _ := json.Marshal(fakeBundle{Key: key, Statement: text, N: w.signed})
	return b
}

type fakeSigner struct{ *world }

func (f fakeSigner) Sign(_ context.Context, text []byte) (pipeline.Signed, error) {
	var b []byte
	err := f.do("sign", func() error { b = f.bundle("service", text); return nil })
	return pipeline.Signed{Bundle: b, Envelope: b}, err
}

func (f fakeSigner) KeyList(context.Context) ([]byte, error) {
	return []byte(`{"keys":[]}`), f.do("key list", func() error { return nil })
}

type fakeVerifier struct{}

func (fakeVerifier) Verify(bundle []byte, trusted []string) (pipeline.Verified, error) {
	var b fakeBundle
	switch err := json.Unmarshal(bundle, &b); {
	case err != nil || b.Key == "":
		return pipeline.Verified{}, fmt.Errorf("bundle is not signed: %w", hallmark.ErrSignature)
	case !slices.Contains(trusted, b.Key):
		return pipeline.Verified{}, fmt.Errorf("signed by a key that is not yours: %w", hallmark.ErrKey)
	}
	return pipeline.Verified{Statement: b.Statement, Envelope: bundle, KeyHint: hallmark.DigestOf([]byte(b.Key)).Hex()}, nil
}

type fakeLog struct{ *world }

func (f fakeLog) Append(_ context.Context, leaves []hallmark.Digest) ([]uint64, error) {
	var indices []uint64
	err := f.do("append", func() error {
		for _, leaf := range leaves {
			i := slices.Index(f.leaves, leaf)
			if i < 0 {
				i = len(f.leaves)
				f.leaves = append(f.leaves, leaf)
			}
			indices = append(indices, uint64(i))
		}
		return nil
	})
	return indices, err
}

func (f fakeLog) Checkpoint(context.Context) (pipeline.LogHead, error) {
	var head pipeline.LogHead
	err := f.do("checkpoint", func() error {
		head = pipeline.LogHead{Text: fmt.Appendf(nil, "log\n%d\n", len(f.leaves)), Root: hallmark.Digest{byte(len(f.leaves))}, Size: uint64(len(f.leaves))}
		return nil
	})
	return head, err
}

func (f fakeLog) Proof(_ context.Context, index, size uint64) ([]hallmark.Digest, error) {
	return []hallmark.Digest{{byte(index), byte(size)}}, f.do("proof", func() error { return nil })
}

type fakeAnchorer struct{ *world }

func (f fakeAnchorer) Anchor(_ context.Context, r pipeline.AnchorRequest) error {
	return f.do("anchor", func() error {
		if f.chain[r.Version.Digest] == nil {
			f.chain[r.Version.Digest] = &hallmark.Anchor{State: hallmark.AnchorPending, Contract: "0xc", Tx: "0xt"}
			f.anchored = append(f.anchored, r)
		}
		return nil
	})
}

// Status moves the record one state on at each look.
func (f fakeAnchorer) Status(_ context.Context, v hallmark.Version) (hallmark.Anchor, error) {
	var now hallmark.Anchor
	err := f.do("status", func() error {
		a := f.chain[v.Digest]
		if a == nil {
			return fmt.Errorf("status of %v: %w", v.Digest, hallmark.ErrNotFound)
		}
		if f.chainDown != "" {
			now = hallmark.Anchor{State: a.State, Problem: f.chainDown}
			return nil
		}
		if i := slices.Index(f.anchorPath, a.State); i+1 < len(f.anchorPath) {
			a.State = f.anchorPath[i+1]
		}
		now = *a
		return nil
	})
	return now, err
}

func (f fakeAnchorer) AnchorLog(_ context.Context, c hallmark.Checkpoint, _ pipeline.Document) error {
	return f.do("anchor log", func() error {
		if f.chain[c.Root] == nil {
			f.chain[c.Root] = &hallmark.Anchor{State: hallmark.AnchorPending, Contract: "0xc", BatchTx: "0xb"}
		}
		return nil
	})
}

func (f fakeAnchorer) LogStatus(ctx context.Context, c hallmark.Checkpoint) (hallmark.Anchor, error) {
	return f.Status(ctx, hallmark.Version{Digest: c.Root})
}

func (f fakeAnchorer) Retry(_ context.Context, v hallmark.Version) error {
	return f.do("retry", func() error {
		if a := f.chain[v.Digest]; a != nil && a.State == hallmark.AnchorOrphaned {
			a.State = hallmark.AnchorPending
		}
		return nil
	})
}

func (f fakeAnchorer) Revoke(_ context.Context, d hallmark.Digest) error {
	return f.do("revoke", func() error { f.revoked[d] = true; return nil })
}

type fakeGateway struct{ *world }

func (f fakeGateway) Admit(_ context.Context, v hallmark.Version, a hallmark.Artifact) error {
	return f.do("admit", func() error {
		if got := hallmark.DigestOf(f.content[a.Path]); got != v.Digest {
			return &hallmark.DigestMismatchError{What: a.Path, Want: v.Digest, Got: got}
		}
		f.served[v.Digest] = v.Name
		f.admissions++
		return nil
	})
}

func (f fakeGateway) Withdraw(_ context.Context, d hallmark.Digest) error {
	return f.do("withdraw", func() error { delete(f.served, d); return nil })
}
