package statement

import (
	"fmt"
	"strings"
	"time"

	"github.com/hallmark-ml/hallmark"
)

// runtimeTrace is runtime-trace v0.1. The trace policy holds the jail, the one process is the guest.
type runtimeTrace struct {
	Monitor struct {
		Type        string      `json:"type"`
		TracePolicy tracePolicy `json:"tracePolicy"`
	} `json:"monitor"`
	MonitoredProcess struct {
		HostID string `json:"hostID"`
		Type   string `json:"type"`
		Event  string `json:"event"` // digest of the report, zero if there is none
	} `json:"monitoredProcess"`
	MonitorLog struct {
		Process []tracedProcess `json:"process"`
	} `json:"monitorLog"`
	Metadata struct {
		BuildStartedOn  time.Time `json:"buildStartedOn"`
		BuildFinishedOn time.Time `json:"buildFinishedOn"`
	} `json:"metadata"`
}

type tracePolicy struct {
	Tier         hallmark.Tier     `json:"tier"`
	Layers       []string          `json:"layers"`
	FilterSHA256 hallmark.Digest   `json:"filterSha256"`
	Plan         hallmark.Digest   `json:"plan"` // of the run's [hallmark.RunPlan]
	Limits       map[string]string `json:"limits"`
}

// tracedProcess is the guest and, where there is one, the program that ran the model in its place and the container around it.
type tracedProcess struct {
	Guest     hallmark.Digest        `json:"guestSha256"`
	Program   *hallmark.ProgramRun   `json:"program,omitempty"`
	Container *hallmark.ContainerRun `json:"container,omitempty"`

	Verdict hallmark.RunVerdict `json:"verdict"`
	Detail  string              `json:"detail,omitempty"`
	PeakRSS int64               `json:"peakRssBytes"`
	CPU     time.Duration       `json:"cpuNs"`
	Wall    time.Duration       `json:"wallNs"`

	Tokens *hallmark.TokenCount `json:"tokens,omitempty"`
}

const (
	monitorType = "https://github.com/hallmark-ml/hallmark/jail/v1"
	runType     = "https://github.com/hallmark-ml/hallmark/run/v1"
	hostPrefix  = "urn:hallmark:host:" // then the kernel; a host's own name is nobody's business
)

// RunTrace returns the statement of how a run went: where, under which limits, how it ended. A run that did not end well
// has no report. Times are kept to the nanosecond in UTC.
func RunTrace(subject hallmark.LineageNode, r hallmark.RunRecord) ([]byte, error) {
	if r.Plan.IsZero() || r.Tier == "" || r.Verdict == "" {
		return nil, fmt.Errorf("run trace: plan, tier or verdict is missing: %w", hallmark.ErrInvalid)
	}
	if r.Report.IsZero() && r.Verdict == hallmark.RunOK {
		return nil, fmt.Errorf("run trace: a run that ended well without a report: %w", hallmark.ErrInvalid)
	}
	if err := checkTraced(r.Tier, tracedProcess{Program: r.Program, Container: r.Container}); err != nil {
		return nil, err
	}
	var p runtimeTrace
	p.Monitor.Type = monitorType
	p.Monitor.TracePolicy = tracePolicy{Tier: r.Tier, Layers: r.Layers, FilterSHA256: r.FilterSHA256, Limits: r.Limits, Plan: r.Plan}
	p.MonitoredProcess.HostID = hostPrefix + r.Kernel
	p.MonitoredProcess.Type = runType
	p.MonitoredProcess.Event = r.Report.String()
	p.MonitorLog.Process = []tracedProcess{{
		Guest: r.Guest, Program: r.Program, Container: r.Container, Verdict: r.Verdict, Detail: r.Detail, PeakRSS: r.PeakRSS, CPU: r.CPU, Wall: r.Wall, Tokens: r.Tokens,
	}}
	p.Metadata.BuildStartedOn = r.Started.UTC()
	p.Metadata.BuildFinishedOn = r.Started.Add(r.Wall).UTC()
	return build(describe(subject), PredicateRuntimeTrace, p)
}

// ParseRunTrace reads what [RunTrace] wrote.
func ParseRunTrace(b []byte) (subject hallmark.LineageNode, r hallmark.RunRecord, err error) {
	var p runtimeTrace
	if subject, err = parseAs(b, PredicateRuntimeTrace, &p); err != nil {
		return subject, r, err
	}
	kernel, ok := strings.CutPrefix(p.MonitoredProcess.HostID, hostPrefix)
	if p.Monitor.Type != monitorType || p.MonitoredProcess.Type != runType || !ok || len(p.MonitorLog.Process) != 1 {
		return subject, r, fmt.Errorf("run trace: not of Hallmark's jail: %w", hallmark.ErrPredicate)
	}
	report, err := hallmark.ParseDigest(p.MonitoredProcess.Event)
	if err != nil {
		return subject, r, fmt.Errorf("run trace: report: %w", err)
	}
	jail, run := p.Monitor.TracePolicy, p.MonitorLog.Process[0]
	if err := checkTraced(jail.Tier, run); err != nil {
		return subject, r, err
	}
	if jail.Plan.IsZero() || (report.IsZero() && run.Verdict == hallmark.RunOK) {
		return subject, r, fmt.Errorf("run trace: no plan, or a run that ended well without a report: %w", hallmark.ErrPredicate)
	}
	if run.Verdict == "" || run.PeakRSS < 0 || run.CPU < 0 || run.Wall < 0 {
		return subject, r, fmt.Errorf("run trace: verdict missing or a negative measure: %w", hallmark.ErrPredicate)
	}
	if n := run.Tokens; n != nil && (n.Read < n.Reused || n.Reused < 0 || n.Written < 0) {
		return subject, r, fmt.Errorf("run trace: %d of %d tokens reused, %d written: %w", n.Reused, n.Read, n.Written, hallmark.ErrPredicate)
	}
	if !p.Metadata.BuildFinishedOn.Equal(p.Metadata.BuildStartedOn.Add(run.Wall)) {
		return subject, r, fmt.Errorf("run trace: times do not agree: %w", hallmark.ErrPredicate)
	}
	return subject, hallmark.RunRecord{
		Plan: jail.Plan, Report: report, Verdict: run.Verdict, Detail: run.Detail, Tier: jail.Tier, Layers: jail.Layers,
		FilterSHA256: jail.FilterSHA256, Kernel: kernel, Guest: run.Guest, Program: run.Program, Container: run.Container, Limits: jail.Limits,
		PeakRSS: run.PeakRSS, CPU: run.CPU, Wall: run.Wall, Started: p.Metadata.BuildStartedOn.UTC(), Tokens: run.Tokens,
	}, nil
}

// checkTraced refuses a tier that is not known, and one that does not go with what ran.
func checkTraced(t hallmark.Tier, run tracedProcess) error {
	program, container := false, false
	switch t {
	case hallmark.TierFull, hallmark.TierNoNamespaces:
	case hallmark.TierRunc, hallmark.TierRunsc:
		container = true
	case hallmark.TierProgram, hallmark.TierRemote:
		program = true
	default:
		return fmt.Errorf("run trace: unknown tier %.40q: %w", t, hallmark.ErrPredicate)
	}
	if (run.Program != nil) != program || (run.Container != nil) != container {
		return fmt.Errorf("run trace: tier %s does not go with what ran the model: %w", t, hallmark.ErrPredicate)
	}
	if container && (run.Container.Runtime != string(t) || run.Container.Digest.IsZero()) {
		return fmt.Errorf("run trace: tier %s in a container of %.40q: %w", t, run.Container.Runtime, hallmark.ErrPredicate)
	}
	if t == hallmark.TierProgram && run.Program.Digest.IsZero() {
		return fmt.Errorf("run trace: a program without a digest: %w", hallmark.ErrPredicate)
	}
	return nil
}
