package hallmark

import "time"

// Outcome is the result of one case. Only Pass counts for the model; Inconclusive and Error count against it.
type Outcome string

// The four outcomes, and Void for a case whose control arm already showed the marker (left out of every count).
const (
	Pass         Outcome = "pass"
	Fail         Outcome = "fail"
	Inconclusive Outcome = "inconclusive"
	Error        Outcome = "error"
	Void         Outcome = "void"
)

// Severity of a finding.
type Severity string

// Severities, from advice to certain harm.
const (
	SeverityInfo     Severity = "info"
	SeverityMedium   Severity = "medium"
	SeverityHigh     Severity = "high"
	SeverityCritical Severity = "critical"
)

// A Finding is one thing that a detector or the scanner holds against an artifact.
// Every string in it may come from the model file or the jail: it is sanitised text, never markup, never a format.
type Finding struct {
	Detector string   `json:"detector"` // e.g. "inject.indirect"
	Rule     string   `json:"rule"`     // stable id within the detector, e.g. "nonce-emitted"
	Severity Severity `json:"severity"`
	CaseID   string   `json:"caseId,omitempty"`
	Message  string   `json:"message"` // what and why, one sentence
	Location string   `json:"location,omitempty"`
}

// A CaseResult is one case of a run as the report keeps it.
type CaseResult struct {
	ID           string  `json:"id"`
	Detector     string  `json:"detector"`
	Template     string  `json:"template"` // cases of one template are one cluster
	Outcome      Outcome `json:"outcome"`
	Rule         string  `json:"rule,omitempty"` // why it failed or could not be decided
	Why          string  `json:"why,omitempty"`
	Prompt       Digest  `json:"prompt"` // SHA-256 of the rendered prompt
	Output       Digest  `json:"output"` // SHA-256 of the model's output text
	PromptTokens int     `json:"promptTokens"`
	OutputTokens int     `json:"outputTokens"`
	// Metrics holds what a measuring detector measured in this case, as decimals.
	Metrics map[string]string `json:"metrics,omitempty"`
}

// A CaseEvidence is a case's texts: stored beside the report for failing cases, named by CID, never logged.
type CaseEvidence struct {
	CaseResult
	PromptText  string `json:"promptText"`
	OutputText  string `json:"outputText"`
	ControlText string `json:"controlText,omitempty"` // output of the control arm
}

// Assessment says whether a detector's result means anything for this model.
type Assessment string

// The assessments.
const (
	Assessed      Assessment = "assessed"
	NotAssessable Assessment = "not-assessable" // its capability control failed: inability is not safety
	NotApplicable Assessment = "not-applicable" // the profile does not ask for it
)

// A Proportion is k of n with a one-sided 95 % Clopper-Pearson upper bound and the two-sided 95 % interval.
// Bounds are decimals with 6 digits computed without floating point, so that reports have the same bytes everywhere.
type Proportion struct {
	K     int    `json:"k"`
	N     int    `json:"n"`
	Rate  string `json:"rate"`
	Lower string `json:"lower"`   // two-sided 95 %
	Upper string `json:"upper"`   // two-sided 95 %
	Bound string `json:"upper95"` // one-sided 95 % upper bound, the one that decides
}

// A DetectorResult sums up one detector over its cases.
type DetectorResult struct {
	Detector   string     `json:"detector"`
	Assessment Assessment `json:"assessment"`
	Reason     string     `json:"reason,omitempty"` // why not assessable or not applicable
	Cases      int        `json:"cases"`            // judged cases: pass+fail+inconclusive+error
	Templates  int        `json:"templates"`
	// EffectiveN is n/(1+(m-1)*rho) with m the mean cluster size, rounded down (Kish design effect).
	EffectiveN   int `json:"effectiveN"`
	Passed       int `json:"passed"`
	Failed       int `json:"failed"`
	Inconclusive int `json:"inconclusive"`
	Errors       int `json:"errors"`
	Void         int `json:"void"`
	// Against counts fail, inconclusive and error over Cases: the number that the gate uses.
	Against    Proportion `json:"against"`
	Capability Proportion `json:"capability"` // capability control: successes of plain requests
	// Metrics holds what only this detector measures, as decimals, e.g. "accuracyDropPoints" of perturb.char.
	Metrics map[string]string `json:"metrics,omitempty"`
	// Curves are what this detector measured along a scale, e.g. KL against epsilon of perturb.embed.
	Curves []Curve `json:"curves,omitempty"`
}

// A Curve is a measured line, in the order of X. Its numbers are decimals, as everywhere in a report.
type Curve struct {
	Name   string       `json:"name"` // e.g. "KL(eps), L2"
	X      string       `json:"x"`    // what X is, with its unit, e.g. "eps, in median embedding norms"
	Y      string       `json:"y"`
	Points []CurvePoint `json:"points"`
}

// A CurvePoint is one point of a [Curve].
type CurvePoint struct {
	X string `json:"x"`
	Y string `json:"y"`
}

// ReportSchema is the value of Report.Schema.
const ReportSchema = "https://github.com/hallmark-ml/hallmark/report/v1"

// A Report is what a run decided. It holds no time, host, architecture, peak or tier, so that the same suite, seed,
// model and engine version give the same bytes everywhere. The SHA-256 of its canonical JSON is the run's identity.
type Report struct {
	Schema    string `json:"schema"`
	Suite     string `json:"suite"` // name of the pack, e.g. "tinychat"
	SuiteHash Digest `json:"suiteDigest"`
	Model     Digest `json:"model"`
	Engine    string `json:"engine"` // engine version, raised whenever bits change
	Seed      string `json:"seed"`   // decimal uint64 (a JSON number would lose bits)
	Profile   string `json:"profile"`
	Plan      Digest `json:"plan"` // of the [RunPlan] that was logged before the run
	// TestTier is "quick" if nothing that generates text was run, and empty if everything was.
	TestTier  string           `json:"testTier,omitempty"`
	WarmStart Digest           `json:"warmStart"` // digest of the previous version's outcomes, zero if none
	Detectors []DetectorResult `json:"detectors"` // sorted by detector
	Findings  []Finding        `json:"findings"`
	Cases     []CaseResult     `json:"cases"` // sorted by ID
	// Selection says how the cases were chosen where a run had a budget. Nil: all were run. Cases, and what is counted over
	// them, are then those of the estimate's draws, which favour what is likely to fail; Selection.Rates are unbiased.
	Selection *Selection `json:"selection,omitempty"`
}

// A Selection is the log of a run with a budget, so that somebody else can check what was chosen and why.
type Selection struct {
	Budget int           `json:"budget"` // tokens that the cases might cost
	Spent  int           `json:"spent"`
	Pool   int           `json:"pool"`  // cases to choose from
	Draws  []CaseDraw    `json:"draws"` // in order
	Rates  []SampledRate `json:"rates"` // of the whole pool (first, without a detector) and of each detector in it
	// Hunted are the cases that only hunt draws looked at, sorted by ID: they give findings and enter no rate.
	Hunted []CaseResult `json:"hunted"`
}

// A CaseDraw is one decision to run a case.
type CaseDraw struct {
	Case        string `json:"case"`
	Kind        string `json:"kind"`        // "estimate" or "hunt"
	Probability string `json:"probability"` // that the draw had, a decimal
	Batch       int    `json:"batch"`
	Surrogate   Digest `json:"surrogate"` // of the model that chose
}

// A SampledRate is the estimated share of cases against the model, with its two-sided 95 % interval; decimals.
type SampledRate struct {
	Detector string `json:"detector,omitempty"`
	Pool     int    `json:"pool"`
	Draws    int    `json:"draws"` // of the estimate, in this part of the pool
	Rate     string `json:"rate"`
	Lower    string `json:"lower"`
	Upper    string `json:"upper"`
}

// RunVerdict is how the supervisor says that a jailed process ended. It is the supervisor's own, never the guest's word.
type RunVerdict string

// The closed list of run verdicts. Only RunOK lets a model go on.
const (
	RunOK              RunVerdict = "ok"
	RunFinding         RunVerdict = "finding"
	RunInvalidInput    RunVerdict = "invalid-input"
	RunCrash           RunVerdict = "crash"
	RunPolicyViolation RunVerdict = "policy-violation"
	RunCPULimit        RunVerdict = "cpu-limit"
	RunWallLimit       RunVerdict = "wall-limit"
	RunMemoryLimit     RunVerdict = "memory-limit"
	RunOutputLimit     RunVerdict = "output-limit"
	RunProtocolError   RunVerdict = "protocol-error"
	RunUnsandboxed     RunVerdict = "unsandboxed"
	RunInfraError      RunVerdict = "infra-error"
)

// Tier is the strength of a jail.
type Tier string

// The jail tiers, strongest first; program and no-namespaces are two weaker jails, of which neither contains the other. runsc
// and runc are full with a container around the guest too.
const (
	TierRunsc        Tier = "runsc" // made by gVisor's runtime: a kernel of its own between the guest and the host's
	TierRunc         Tier = "runc"  // made by runc: namespaces and a root by a second hand
	TierFull         Tier = "full"
	TierNoNamespaces Tier = "no-namespaces"
	TierProgram      Tier = "program" // all namespaces around a program that is not ours, under a filter made for such programs
	TierRemote       Tier = "remote"  // no jail of ours: the model runs behind an endpoint, and what it is is the endpoint's word
)

// A ContainerRun says what made the container that the guest ran in.
type ContainerRun struct {
	Runtime string `json:"runtime"` // "runc" or "runsc"
	Version string `json:"version"` // as it calls itself
	Digest  Digest `json:"digest"`  // SHA-256 of its file; libraries that it loads are not in it
}

// A ProgramRun says what ran the model where it was not the guest.
type ProgramRun struct {
	Command []string `json:"command"`         // with {model} and {port} as the user wrote them
	Digest  Digest   `json:"digest"`          // SHA-256 of the program's file; what it loads is not in it
	Binds   []string `json:"binds,omitempty"` // what it could read beside the system's libraries
	// Evidence is how strongly the model's bytes are known to be what answered: "supervised" of a program that was given
	// them in a jail, "declared" of an endpoint.
	Evidence string `json:"evidence"`
	Endpoint string `json:"endpoint,omitempty"` // its URL, of an endpoint
	Model    string `json:"model,omitempty"`    // the model's name there
}

// A RunRecord is what happened during a run, signed beside the report: where, how long, under which limits.
type RunRecord struct {
	Plan         Digest            `json:"plan"`
	Report       Digest            `json:"report"` // zero of a run that ended without one
	Verdict      RunVerdict        `json:"verdict"`
	Detail       string            `json:"detail,omitempty"`
	Tier         Tier              `json:"tier"`
	Layers       []string          `json:"layers"` // active layers, e.g. "userns", "landlock:7", "seccomp-tsync"
	FilterSHA256 Digest            `json:"filterSha256"`
	Kernel       string            `json:"kernel"`
	Guest        Digest            `json:"guest"`               // SHA-256 of the guest binary
	Program      *ProgramRun       `json:"program,omitempty"`   // nil when the guest itself ran the model
	Container    *ContainerRun     `json:"container,omitempty"` // of the tiers runc and runsc
	Limits       map[string]string `json:"limits"`
	PeakRSS      int64             `json:"peakRss"` // bytes
	CPU          time.Duration     `json:"cpuNs"`
	Wall         time.Duration     `json:"wallNs"`
	Started      time.Time         `json:"started"`
	Tokens       *TokenCount       `json:"tokens,omitempty"` // nil where nobody counted
}

// A TokenCount is what a run cost in tokens, as the guest counted them.
type TokenCount struct {
	Read    int64 `json:"read"`    // of prompts and of texts that were measured
	Reused  int64 `json:"reused"`  // of these, not computed since an earlier text begins in the same way
	Written int64 `json:"written"` // of answers
}
