package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hallmark-ml/hallmark"
)

// A Loader opens an artifact for serving. It copies the bytes into sealed memory and refuses, with an error that wraps
// hallmark.ErrDigest, bytes that do not hash to want.
type Loader interface {
	Load(ctx context.Context, a hallmark.Artifact, want hallmark.Digest) (Model, error)
}

// A Model is a loaded version. Generate stops promptly when ctx ends and leaves the model usable; an error that wraps
// hallmark.ErrUnavailable says that the process behind it is gone.
type Model interface {
	Generate(ctx context.Context, r Request, piece func(string)) (Completion, error)
	Close() error
}

// Versions finds a submitted version by digest or by name (the newest one of that name), to say why it is not served.
type Versions interface {
	FindVersion(ctx context.Context, nameOrDigest string) (hallmark.Version, error)
}

// Config wires a [Gateway]. Loader, Versions, Authenticate and Logger are required.
type Config struct {
	Loader   Loader
	Versions Versions
	// Authenticate returns the API key of a bearer token; an unknown one is hallmark.ErrUnauthenticated.
	Authenticate func(ctx context.Context, token string) (hallmark.APIKey, error)
	Logger       *slog.Logger
	// MaxBody bounds a request body in bytes. Optional; 1 MiB if zero.
	MaxBody int64
	// MaxTokens bounds the tokens of one completion, and is what a request that names no limit gets. Optional; 256 if zero.
	MaxTokens int
	// Concurrent bounds the requests under way; more get 429 and Retry-After. Optional; 64 if zero.
	Concurrent int
	// Timeout bounds one request, its stream included. Optional; 60 s if zero.
	Timeout time.Duration
}

// Check returns every problem of the configuration, or nil.
func (c Config) Check() error {
	var errs []error
	if c.Loader == nil || c.Versions == nil || c.Authenticate == nil || c.Logger == nil {
		errs = append(errs, fmt.Errorf("loader, versions, authenticate and logger are required: %w", hallmark.ErrInvalid))
	}
	if c.MaxBody < 0 || c.MaxTokens < 0 || c.Concurrent < 0 || c.Timeout < 0 {
		errs = append(errs, fmt.Errorf("a limit is negative: %w", hallmark.ErrInvalid))
	}
	return errors.Join(errs...)
}

// A Gateway serves the versions that were admitted. It is safe for concurrent use.
type Gateway struct {
	cfg   Config
	slots chan struct{}

	// mu orders changes of the snapshot; requests do not take it.
	mu       sync.Mutex
	snapshot atomic.Pointer[snapshot]
	closed   bool
	reviving map[hallmark.Digest]bool // versions that are being brought back

	closing  chan struct{} // closed by Close
	revivals sync.WaitGroup
}

// snapshot is immutable once stored.
type snapshot struct {
	byName   map[string]*served
	byDigest map[hallmark.Digest]*served
}

// served is one version in service.
type served struct {
	version  hallmark.Version
	artifact hallmark.Artifact
	run      *running
}

// New returns a gateway that serves nothing yet.
func New(c Config) (*Gateway, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	c.MaxBody = cmp.Or(c.MaxBody, 1<<20)
	c.MaxTokens = cmp.Or(c.MaxTokens, 256)
	c.Concurrent = cmp.Or(c.Concurrent, 64)
	c.Timeout = cmp.Or(c.Timeout, 60*time.Second)
	g := &Gateway{cfg: c, slots: make(chan struct{}, c.Concurrent), reviving: make(map[hallmark.Digest]bool), closing: make(chan struct{})}
	g.snapshot.Store(&snapshot{byName: map[string]*served{}, byDigest: map[hallmark.Digest]*served{}})
	return g, nil
}

// Admit loads the bytes of a, which must hash to the version's digest, and serves them under the version's name and
// digest. A version that is served already keeps its running copy.
func (g *Gateway) Admit(ctx context.Context, v hallmark.Version, a hallmark.Artifact) error {
	if v.Effective() != hallmark.Allow {
		return fmt.Errorf("serving version %v: its verdict is not allow: %w", v.Digest.Short(), hallmark.ErrRefused)
	}
	if old := g.snapshot.Load().byDigest[v.Digest]; old != nil {
		g.swap(&served{version: v, artifact: a, run: old.run})
		return nil
	}
	return g.load(ctx, v, a)
}

// Reload loads a served version's bytes again and puts the new copy in place of the running one. When the bytes on disk
// are no longer those that were attested it is refused, and the running copy goes on serving.
func (g *Gateway) Reload(ctx context.Context, d hallmark.Digest) error {
	old := g.snapshot.Load().byDigest[d]
	if old == nil {
		return fmt.Errorf("loading version %v again: it is not served: %w", d.Short(), hallmark.ErrNotFound)
	}
	return g.replace(ctx, old)
}

func (g *Gateway) load(ctx context.Context, v hallmark.Version, a hallmark.Artifact) error {
	model, err := g.cfg.Loader.Load(ctx, a, v.Digest)
	if err != nil {
		return fmt.Errorf("loading version %v: %w", v.Digest.Short(), err)
	}
	g.swap(&served{version: v, artifact: a, run: newRunning(model)})
	return nil
}

// swap puts next into the snapshot and retires the running copy that it replaces, unless next goes on with it.
func (g *Gateway) swap(next *served) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.put(next)
}

// put is swap with g.mu held. The name goes to a version that is new here; one that was here keeps the name if it has it.
func (g *Gateway) put(next *served) {
	old := g.snapshot.Load()
	names, digests := maps.Clone(old.byName), maps.Clone(old.byDigest)
	replaced := digests[next.version.Digest]
	digests[next.version.Digest] = next
	if named := names[next.version.Name]; replaced == nil || named == nil || named.version.Digest == next.version.Digest {
		names[next.version.Name] = next
	}
	g.snapshot.Store(&snapshot{byName: names, byDigest: digests})
	if replaced != nil && replaced.run != next.run {
		replaced.run.retire()
	}
}

// Withdraw takes a version out of service; requests under way end with the copy they started on.
func (g *Gateway) Withdraw(_ context.Context, d hallmark.Digest) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.snapshot.Load()
	gone := old.byDigest[d]
	if gone == nil {
		return nil
	}
	names, digests := maps.Clone(old.byName), maps.Clone(old.byDigest)
	delete(digests, d)
	maps.DeleteFunc(names, func(_ string, s *served) bool { return s.version.Digest == d })
	g.snapshot.Store(&snapshot{byName: names, byDigest: digests})
	gone.run.retire()
	return nil
}

// Serving returns the versions in service, by name.
func (g *Gateway) Serving() []hallmark.Version {
	snap := g.snapshot.Load()
	list := make([]hallmark.Version, 0, len(snap.byDigest))
	for _, s := range snap.byDigest {
		list = append(list, s.version)
	}
	slices.SortFunc(list, func(a, b hallmark.Version) int { return slices.Compare(a.Digest[:], b.Digest[:]) })
	return list
}

// Close stops serving and closes every model, waiting for requests under way.
func (g *Gateway) Close() error {
	g.mu.Lock()
	old := g.snapshot.Load()
	g.snapshot.Store(&snapshot{byName: map[string]*served{}, byDigest: map[hallmark.Digest]*served{}})
	if !g.closed {
		g.closed = true
		close(g.closing)
	}
	g.mu.Unlock()
	g.revivals.Wait()
	var errs []error
	for _, s := range old.byDigest {
		s.run.retire()
		<-s.run.closed
		errs = append(errs, s.run.err)
	}
	return errors.Join(errs...)
}

// hold returns the version that a request names, held for it; the caller releases its running copy.
func (g *Gateway) hold(nameOrDigest string) (*served, bool) {
	for {
		snap := g.snapshot.Load()
		s := snap.byName[nameOrDigest]
		if d, err := hallmark.ParseDigest(nameOrDigest); err == nil {
			s = snap.byDigest[d]
		}
		if s == nil {
			return nil, false
		}
		if s.run.acquire() {
			return s, true
		}
		// It was replaced or withdrawn after the snapshot was read; the newer one tells.
	}
}
