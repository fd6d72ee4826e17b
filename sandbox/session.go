package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// Limits bound what a guest may use; see [jail.Limits].
type Limits = jail.Limits

// A RunError is a guest that did not end well, with the supervisor's verdict; see [jail.RunError] for its kinds.
type RunError = jail.RunError

// Config says how to open a session.
type Config struct {
	// Guest is the program of the jailed process. The caller keeps it, longer than the session. Required.
	Guest *Guest
	// MinTier is the weakest jail that will do. Of full and no-namespaces the stronger one that the host has is used; a
	// tier in a container is used when it is named here or by Backend. Optional; full if empty.
	MinTier hallmark.Tier
	// Backend puts the guest into a container: hallmark.TierRunc or hallmark.TierRunsc. There is nothing else then: a host
	// that lacks it gives hallmark.ErrUnsandboxed. Optional.
	Backend hallmark.Tier
	// Limits of the guest. Optional.
	Limits Limits
	// Threads that compute in the guest. Optional; the number of processors if zero.
	Threads int
	// ISA forces the engine's instruction-set level, as kernel.SetISA names them. Optional; the best of the machine if
	// empty. It changes no bit of an answer.
	ISA string
}

// A Session is one model file in one jailed guest. It answers questions one after the other, from any goroutine, and is a
// [probe.WhiteBox].
//
// A question that fails leaves the session usable, unless the error is a [*RunError] other than invalid-input: the guest
// is gone then and every later question fails in the same way. A context that ends stops its question promptly.
type Session struct {
	spec    jail.Spec
	isa     string          // forced
	digest  hallmark.Digest // of the model
	started time.Time

	slot chan struct{} // held by whoever uses what follows

	proc    *jail.Process
	replies *wire.Reader
	lastID  uint32
	about   *wire.Loaded
	gone    error // why proc is gone
	retried bool
	record  hallmark.RunRecord
	closed  bool
}

var _ probe.WhiteBox = (*Session)(nil)

// Open starts a guest on a model. The session's digest is the model's: that of exactly the bytes that the guest sees. The
// caller keeps model.
//
// A host that cannot isolate the guest as MinTier asks gives hallmark.ErrUnsandboxed, with a hint.
func Open(ctx context.Context, model *Sealed, cfg Config) (*Session, error) {
	if cfg.Guest == nil {
		return nil, fmt.Errorf("open a sandbox: no guest program: %w", hallmark.ErrInvalid)
	}
	s := &Session{isa: cfg.ISA, digest: model.digest, started: time.Now(), slot: make(chan struct{}, 1)}
	sealed, err := model.again()
	if err != nil {
		return nil, fmt.Errorf("open a sandbox: %w", err)
	}
	s.spec = jail.Spec{Program: cfg.Guest.file, Model: sealed, Limits: cfg.Limits, Threads: cfg.Threads}
	if s.spec.Runtime, err = container(ctx, cfg); err == nil {
		s.proc, err = startStrongest(ctx, s.spec, cmp.Or(cfg.MinTier, hallmark.TierFull))
	}
	if err != nil {
		return nil, fmt.Errorf("open a sandbox: %w", errors.Join(err, sealed.Close(), s.spec.Runtime.Close()))
	}
	s.spec.Tier = s.proc.Tier()
	s.replies = wire.NewReplyReader(s.proc, messageLimit)
	s.record = hallmark.RunRecord{
		Verdict: hallmark.RunOK, Tier: s.spec.Tier, Layers: s.proc.Layers(), FilterSHA256: jail.FilterDigest(s.spec.Tier), Kernel: jail.Kernel(),
		Guest: cfg.Guest.digest, Container: s.spec.Runtime.Record(), Limits: s.proc.Limits(), Started: s.started.UTC(),
	}
	return s, nil
}

// startStrongest starts a guest in the container that there is. Without one it tries the tiers of guests from full down to
// least; below no-namespaces there is none.
func startStrongest(ctx context.Context, spec jail.Spec, least hallmark.Tier) (*jail.Process, error) {
	if spec.Runtime != nil {
		spec.Tier = spec.Runtime.Tier
		return start(ctx, spec)
	}
	spec.Tier = hallmark.TierFull
	p, err := start(ctx, spec)
	if errors.Is(err, hallmark.ErrUnsandboxed) && least != hallmark.TierFull {
		spec.Tier = hallmark.TierNoNamespaces
		return start(ctx, spec)
	}
	return p, err
}

// start starts a guest; what a busy host may have caused is tried once more.
func start(ctx context.Context, spec jail.Spec) (*jail.Process, error) {
	p, err := jail.Start(ctx, spec)
	if verdictOf(err) == hallmark.RunInfraError && ctx.Err() == nil {
		return jail.Start(ctx, spec)
	}
	return p, err
}

func verdictOf(err error) hallmark.RunVerdict {
	if e, ok := errors.AsType[*RunError](err); ok {
		return e.Verdict
	}
	return ""
}

// Digest is the SHA-256 of the model's bytes as the guest sees them.
func (s *Session) Digest() hallmark.Digest { return s.digest }

// Tier is the strength of the jail.
func (s *Session) Tier() hallmark.Tier { return s.spec.Tier }

// PID is the guest's process id, for operators; 0 if there is none any more.
func (s *Session) PID() int {
	s.slot <- struct{}{}
	defer func() { <-s.slot }()
	if s.gone != nil || s.closed {
		return 0
	}
	return s.proc.PID()
}

// Close ends the guest, waiting for a question under way, and returns how the run went; the record's Report is empty.
// Its verdict is that of the guest's end or, if that was good, invalid-input or finding when the guest said so of the
// file. Closing again returns the same.
func (s *Session) Close() hallmark.RunRecord {
	s.slot <- struct{}{}
	defer func() { <-s.slot }()
	if s.closed {
		return s.record
	}
	s.closed = true
	if s.gone == nil {
		s.add(s.proc.Stop())
	}
	s.record.Wall = time.Since(s.started)
	_ = s.spec.Model.Close() // read-only memory: nothing is lost
	_ = s.spec.Runtime.Close()
	return s.record
}

// add adds what a guest used and how it ended to the record. The first bad end stays.
func (s *Session) add(exit jail.Exit) {
	s.record.PeakRSS = max(s.record.PeakRSS, exit.Usage.PeakRSS)
	s.record.CPU += exit.Usage.CPU
	if exit.Verdict != hallmark.RunOK {
		s.record.Verdict, s.record.Detail = exit.Verdict, hallmark.CleanText(exit.Detail, maxWhy)
	}
}
