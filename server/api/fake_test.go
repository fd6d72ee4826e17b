package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/api"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

const (
	writer   = "writer"
	reader   = "reader"
	reviewer = "reviewer"
	admin    = "admin"
)

// world is all that the API calls, in memory. A field of errs makes the call of that name fail.
type world struct {
	artifacts   map[hallmark.Digest]hallmark.Artifact
	submissions map[string]hallmark.Submission
	versions    map[hallmark.Digest]hallmark.Version
	keys        []hallmark.SigningKey
	blobs       map[string][]byte
	events      []hallmark.Event
	errs        map[string]error
	notReady    map[string]error
	items       []pipeline.ReviewItem
}

func newWorld() *world {
	v := hallmark.Version{
		Digest: hallmark.DigestOf([]byte("model")), Submission: "s1", Name: "guarded", State: hallmark.StateServing, Created: time.Unix(1, 0).UTC(), Updated: time.Unix(2, 0).UTC(),
		ReportCID: "report", CasesCID: "cases", Verdict: &hallmark.Verdict{Decision: hallmark.Allow, Policy: "demo"},
		Bundles: []hallmark.Bundle{{Predicate: "https://slsa.dev/provenance/v1", CID: "bundle"}}, Anchor: &hallmark.Anchor{State: hallmark.AnchorFinal},
	}
	waits := hallmark.Version{
		Digest: hallmark.DigestOf([]byte("waits")), Submission: "s2", Name: "waits", State: hallmark.StateChallenged, Created: time.Unix(1, 0).UTC(), Updated: time.Unix(2, 0).UTC(),
		ReportCID: "report", CasesCID: "cases", Verdict: &hallmark.Verdict{Decision: hallmark.Challenge, Policy: "demo"}, Evidence: hallmark.Digest{1},
	}
	node := hallmark.LineageNode{Name: "m", Kind: hallmark.KindModel, Digest: v.Digest}
	return &world{
		artifacts: map[hallmark.Digest]hallmark.Artifact{v.Digest: {Digest: v.Digest, Kind: hallmark.KindModel, Name: "m", Size: 5}},
		submissions: map[string]hallmark.Submission{"s1": {ID: "s1", Model: v.Digest, Name: "guarded", Lineage: hallmark.Lineage{Target: v.Digest, Steps: []hallmark.LineageStep{
			{Operation: hallmark.OpTrain, Output: node, Inputs: []hallmark.LineageInput{{LineageNode: node, Role: hallmark.RoleDataset}}},
		}}}},
		versions: map[hallmark.Digest]hallmark.Version{v.Digest: v, waits.Digest: waits},
		blobs:    map[string][]byte{"report": []byte(`{"a":1}`), "cases": []byte(`{"cases":[{"id":"case-1"},{"id":"case-2"}]}`), "bundle": []byte(`{"b":2}`)},
		events:   []hallmark.Event{{ID: 1, Submission: "s1", Kind: hallmark.EventState, State: hallmark.StateSubmitted}, {ID: 2, Submission: "s1", Kind: hallmark.EventCase, Done: 1, Total: 2}},
		errs:     map[string]error{}, notReady: map[string]error{},
		items: []pipeline.ReviewItem{{
			ID: pipeline.ReviewID(waits.Digest) + "-1", Model: waits.Digest, Name: "waits", Novelty: 1, Uncertain: 1, Problem: 0.5,
			Finding: hallmark.Finding{Detector: "leak.scan", Rule: "r", Severity: hallmark.SeverityHigh, CaseID: "case-1", Message: "m"},
		}},
	}
}

func (w *world) AddArtifact(_ context.Context, a hallmark.Artifact) (hallmark.Artifact, error) {
	if err := w.errs["AddArtifact"]; err != nil {
		return a, err
	}
	if a.Digest.IsZero() {
		raw, err := os.ReadFile(a.Path)
		if err != nil {
			return a, err
		}
		a.Digest, a.Size = hallmark.DigestOf(raw), int64(len(raw))
	}
	w.artifacts[a.Digest] = a
	return a, nil
}

func (w *world) Submit(_ context.Context, r pipeline.SubmitRequest) (hallmark.Submission, bool, error) {
	if err := w.errs["Submit"]; err != nil {
		return hallmark.Submission{}, false, err
	}
	if old, ok := w.submissions["s-"+r.Name]; ok {
		return old, false, nil
	}
	s := hallmark.Submission{ID: "s-" + r.Name, Model: r.Model, Name: r.Name, PolicyText: r.PolicyText, Profile: r.Profile}
	w.submissions[s.ID] = s
	return s, true, nil
}

func (w *world) Events(_ context.Context, _ string, after int64) iter.Seq2[hallmark.Event, error] {
	return func(yield func(hallmark.Event, error) bool) {
		for _, e := range w.events {
			if e.ID > after && !yield(e, nil) {
				return
			}
		}
	}
}

func (w *world) Revoke(_ context.Context, d hallmark.Digest, reason string) error {
	v := w.versions[d]
	v.State, v.Problem = hallmark.StateRevoked, reason
	w.versions[d] = v
	return nil
}

func (w *world) Retry(_ context.Context, d hallmark.Digest) (hallmark.Version, error) {
	return w.versions[d], w.errs["Retry"]
}

func (w *world) ReviewQueue(_ context.Context, limit int) ([]pipeline.ReviewItem, int, error) {
	return w.items[:min(limit, len(w.items))], 1, w.errs["ReviewQueue"]
}

func (w *world) ReviewItems(context.Context, hallmark.Version) ([]pipeline.ReviewItem, error) {
	return w.items, nil
}

func (w *world) DecideReview(_ context.Context, reviewer hallmark.APIKey, d hallmark.Digest, bundle []byte) (hallmark.Version, error) {
	v := w.versions[d]
	v.Review = &hallmark.Review{Decision: hallmark.Allow, Comment: string(bundle), Reviewer: strings.Repeat("0", 64), Time: time.Unix(reviewer.ID, 0)}
	return v, w.errs["DecideReview"]
}

func (w *world) FindReview(ctx context.Context, id string) (hallmark.Version, error) {
	for _, v := range w.versions {
		if pipeline.ReviewID(v.Digest) == id {
			return w.Version(ctx, v.Digest)
		}
	}
	return hallmark.Version{}, hallmark.ErrNotFound
}

func (w *world) CreateAPIKey(_ context.Context, k hallmark.APIKey) (string, hallmark.APIKey, error) {
	k.ID, k.Created = 9, time.Unix(1, 0)
	return "hmk_x", k, nil
}

func (w *world) APIKeys(context.Context) ([]hallmark.APIKey, error) {
	return []hallmark.APIKey{{ID: 1, Name: "w", Scope: hallmark.ScopeWrite}}, nil
}

func (w *world) RevokeAPIKey(_ context.Context, id int64) (hallmark.APIKey, error) {
	if id != 1 {
		return hallmark.APIKey{}, fmt.Errorf("API key %d: %w", id, hallmark.ErrNotFound)
	}
	return hallmark.APIKey{ID: 1, Name: "w", Scope: hallmark.ScopeWrite, Created: time.Unix(1, 0), Revoked: time.Unix(2, 0)}, nil
}

func (w *world) Authenticate(_ context.Context, token string) (hallmark.APIKey, error) {
	switch token {
	case writer:
		return hallmark.APIKey{ID: 1, Name: "w", Scope: hallmark.ScopeWrite}, nil
	case admin:
		return hallmark.APIKey{ID: 3, Name: "a", Scope: hallmark.ScopeRead, Admin: true}, nil
	case reviewer:
		return hallmark.APIKey{ID: 4, Name: "v", Scope: hallmark.ScopeRead, Reviewer: true}, nil
	case reader:
		return hallmark.APIKey{ID: 2, Name: "r", Scope: hallmark.ScopeRead}, nil
	default:
		return hallmark.APIKey{}, fmt.Errorf("API key: %w", hallmark.ErrUnauthenticated)
	}
}

//nolint:ireturn // it returns what the map holds
func get[K comparable, V any](m map[K]V, k K) (V, error) {
	v, ok := m[k]
	if !ok {
		return v, fmt.Errorf("%v: %w", k, hallmark.ErrNotFound)
	}
	return v, nil
}

func (w *world) Artifact(_ context.Context, d hallmark.Digest) (hallmark.Artifact, error) {
	return get(w.artifacts, d)
}

func (w *world) Submission(_ context.Context, id string) (hallmark.Submission, error) {
	return get(w.submissions, id)
}

func (w *world) Version(_ context.Context, d hallmark.Digest) (hallmark.Version, error) {
	if err := w.errs["Version"]; err != nil {
		return hallmark.Version{}, err
	}
	return get(w.versions, d)
}

func (w *world) FindVersion(ctx context.Context, name string) (hallmark.Version, error) {
	if d, err := hallmark.ParseDigest(name); err == nil {
		return w.Version(ctx, d)
	}
	for _, v := range w.versions {
		if v.Name == name {
			return w.Version(ctx, v.Digest)
		}
	}
	return hallmark.Version{}, fmt.Errorf("version %q: %w", name, hallmark.ErrNotFound)
}

func (w *world) ListVersions(context.Context, hallmark.Digest, int) ([]hallmark.Version, error) {
	var list []hallmark.Version
	for _, v := range w.versions {
		list = append(list, v)
	}
	return list, w.errs["Versions"]
}

func (w *world) RegisterKey(_ context.Context, owner int64, role hallmark.KeyRole, pem string) (hallmark.SigningKey, error) {
	k := hallmark.SigningKey{Hint: hallmark.DigestOf([]byte(pem)).Hex(), Owner: owner, Role: role, PublicPEM: pem, Created: time.Unix(1, 0)}
	w.keys = append(w.keys, k)
	return k, w.errs["RegisterKey"]
}

func (w *world) SigningKeys(context.Context, int64) ([]hallmark.SigningKey, error) {
	return w.keys, nil
}

func (w *world) Get(_ context.Context, cid string, limit int64) ([]byte, error) {
	b, err := get(w.blobs, cid)
	if int64(len(b)) > limit {
		return nil, hallmark.ErrTooLarge
	}
	return b, err
}

// importCAR takes a text as a block that is its own CID.
func (w *world) importCAR(_ context.Context, car io.Reader, limit int64) (api.Imported, error) {
	text, err := io.ReadAll(io.LimitReader(car, limit+1))
	switch {
	case err != nil:
		return api.Imported{}, err
	case int64(len(text)) > limit:
		return api.Imported{}, hallmark.ErrTooLarge
	case w.errs["Import"] != nil:
		return api.Imported{}, w.errs["Import"]
	}
	w.blobs[string(text)] = text
	return api.Imported{Roots: []string{string(text)}, Blocks: 1, Bytes: int64(len(text))}, nil
}

type server struct {
	*world
	url string
	dir string
}

func start(t *testing.T, change func(*api.Config)) server {
	t.Helper()
	w := newWorld()
	dir := t.TempDir()
	cfg := api.Config{
		Flow: w, Reviews: w, Store: w, Blobs: w, Import: w.importCAR,
		Learning: func() pipeline.LearningHealth { return pipeline.LearningHealth{State: "running", Taken: 3, Learned: 5} },
		Reload:   func(context.Context, hallmark.Digest) error { return w.errs["Reload"] },
		Verify: func(context.Context, hallmark.Digest) (any, error) {
			return map[string]bool{"ok": true}, w.errs["Verify"]
		},
		HashDirectory: func(context.Context, string) (hallmark.Digest, int64, error) {
			return hallmark.DigestOf([]byte("dir")), 3, nil
		},
		CheckKey: func(pem []byte) error {
			if !strings.HasPrefix(string(pem), "-----BEGIN") {
				return fmt.Errorf("public key: %w", hallmark.ErrInvalid)
			}
			return nil
		},
		Ready:   func(context.Context) map[string]error { return w.notReady },
		Metrics: http.NotFoundHandler(), Meter: noop.Meter{}, Logger: slog.New(slog.DiscardHandler), Dir: dir,
	}
	if change != nil {
		change(&cfg)
	}
	a, err := api.New(cfg)
	require.NoError(t, err)
	srv := httptest.NewServer(a.Handler(http.NotFoundHandler()))
	t.Cleanup(srv.Close)
	return server{w, srv.URL, dir}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (s server) call(t *testing.T, token, method, path, body string, header ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.True(t, err == nil || errors.Is(err, io.ErrUnexpectedEOF))
	return reply{resp.StatusCode, resp.Header, string(text)}
}
