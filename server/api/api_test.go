package api_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/api"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

func TestUploadLiesUnderItsContentAddress(t *testing.T) {
	t.Parallel()

	s := start(t, nil)
	digest := hallmark.DigestOf([]byte("data"))
	got := s.call(t, writer, http.MethodPost, "/api/v1/artifacts?kind=dataset&name=d.jsonl", "data", "X-Content-Digest", digest.String())
	require.Equal(t, http.StatusCreated, got.status, got.body)
	path := s.artifacts[digest].Path
	require.Equal(t, filepath.Join(s.dir, "cas", digest.Hex()[:2], digest.Hex()), path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o444), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Join(s.dir, "tmp"))
	require.NoError(t, err)
	require.Empty(t, left)

	wrong := s.call(t, writer, http.MethodPost, "/api/v1/artifacts?kind=dataset&name=d.jsonl", "datb", "X-Content-Digest", digest.String())
	require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	require.Contains(t, wrong.body, hallmark.DigestOf([]byte("datb")).String())
}

func TestUploadLimits(t *testing.T) {
	t.Parallel()

	s := start(t, func(c *api.Config) { c.MaxUpload, c.MaxBody = 8, 64 })
	for path, body := range map[string]string{
		"/api/v1/artifacts?kind=dataset&name=d": "123456789",
		"/api/v1/keys":                          `{"publicPem":"` + strings.Repeat("x", 80) + `"}`,
	} {
		got := s.call(t, writer, http.MethodPost, path, body)
		require.Equal(t, http.StatusRequestEntityTooLarge, got.status, got.body)
	}
	require.Equal(t, http.StatusUnprocessableEntity, s.call(t, writer, http.MethodPost, "/api/v1/artifacts?kind=dataset&name=d", "").status)
	left, err := os.ReadDir(filepath.Join(s.dir, "tmp"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func archive(t *testing.T, headers ...tar.Header) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = 1
		}
		require.NoError(t, w.WriteHeader(&h))
		if h.Size > 0 {
			_, err := w.Write([]byte("x"))
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return b.String()
}

func TestUploadedDirectory(t *testing.T) {
	t.Parallel()

	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
	tests := map[string]struct {
		body   string
		status int
	}{
		"files":          {archive(t, file("a"), tar.Header{Name: "d/", Typeflag: tar.TypeDir}, file("d/b"), file("e/f/.hidden")), 201},
		"parent":         {archive(t, file("../a")), 422},
		"absolute":       {archive(t, file("/etc/a")), 422},
		"inner parent":   {archive(t, file("a/../../b")), 422},
		"symbolic link":  {archive(t, tar.Header{Name: "l", Linkname: "/etc", Typeflag: tar.TypeSymlink}, file("l/x")), 422},
		"hard link":      {archive(t, tar.Header{Name: "l", Linkname: "/etc/passwd", Typeflag: tar.TypeLink}), 422},
		"device":         {archive(t, tar.Header{Name: "n", Typeflag: tar.TypeChar}), 422},
		"pipe":           {archive(t, tar.Header{Name: "n", Typeflag: tar.TypeFifo}), 422},
		"twice":          {archive(t, file("a"), file("a")), 422},
		"too deep":       {archive(t, file(strings.Repeat("d/", 70)+"a")), 422},
		"empty":          {archive(t), 422},
		"not an archive": {strings.Repeat("x", 2000), 422},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := start(t, nil)
			got := s.call(t, writer, http.MethodPost, "/api/v1/artifacts?kind=model&name=d", tt.body, "Content-Type", "application/x-tar")
			require.Equal(t, tt.status, got.status, got.body)
			left, err := os.ReadDir(filepath.Join(s.dir, "tmp"))
			require.NoError(t, err)
			require.Empty(t, left)
			if tt.status == http.StatusCreated {
				placed := s.artifacts[hallmark.DigestOf([]byte("dir"))].Path
				_, err := os.Stat(filepath.Join(placed, "e/f/.hidden"))
				require.NoError(t, err)
			}
		})
	}
}

func TestPathsOutsideTheRootsAreRefused(t *testing.T) {
	t.Parallel()

	base := t.TempDir()
	root, outside := filepath.Join(base, "root"), filepath.Join(base, "outside")
	require.NoError(t, os.Mkdir(root, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, "m"), []byte("model"), 0o600))
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(root, "link")))
	s := start(t, func(c *api.Config) { c.Roots = []string{root} })
	add := func(path string) reply {
		return s.call(t, writer, http.MethodPost, "/api/v1/artifacts/path", fmt.Sprintf(`{"kind":"model","name":"m","path":%q}`, path))
	}
	require.Equal(t, http.StatusCreated, add(filepath.Join(root, "m")).status)
	for _, path := range []string{outside, root + "/../outside", filepath.Join(root, "link"), root + "/nothing", "root/m", "", root + "2"} {
		got := add(path)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, path)
		require.Contains(t, got.body, "below an allowed root")
	}
}

func TestErrorsBecomeProblems(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		err    error
		status int
		hidden bool
	}{
		"invalid":     {hallmark.ErrInvalid, 422, false},
		"conflict":    {hallmark.ErrConflict, 409, false},
		"refused":     {hallmark.ErrRefused, 403, false},
		"key":         {hallmark.ErrKey, 403, false},
		"lineage":     {hallmark.ErrLineage, 422, false},
		"unavailable": {hallmark.ErrUnavailable, 503, false},
		"digest":      {&hallmark.DigestMismatchError{What: "cause", Want: hallmark.Digest{1}}, 422, false},
		"unknown":     {errors.New("something"), 500, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := start(t, nil)
			s.errs["Submit"] = hallmark.WithHint(fmt.Errorf("the cause: %w", tt.err), "the next step")
			got := s.call(t, writer, http.MethodPost, "/api/v1/submissions", `{"model":"","name":"n","policy":"p","policyText":"y","profile":"chat","lineage":[]}`)
			require.Equal(t, tt.status, got.status)
			require.Equal(t, tt.hidden, !strings.Contains(got.body, "cause:"), got.body)
			require.Contains(t, got.body, "the next step")
			require.Equal(t, tt.status == 503, got.header.Get("Retry-After") != "")
			require.Contains(t, got.body, `"trace":"`+got.header.Get("X-Trace-Id"))
		})
	}
}

func TestBodiesAreReadStrictly(t *testing.T) {
	t.Parallel()

	s := start(t, nil)
	for _, body := range []string{``, `{`, `[]`, `{"publicPem":"-----BEGIN","x":1}`, `{"publicPem":"-----BEGIN","publicPem":"-----BEGIN"}`, `{"PublicPem":"-----BEGIN"}`, `{"publicPem":"-----BEGIN"} {}`} {
		got := s.call(t, writer, http.MethodPost, "/api/v1/keys", body)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, body)
	}
	require.Empty(t, s.keys)
}

func TestEmbeddedPolicyIsNamed(t *testing.T) {
	t.Parallel()

	s := start(t, nil)
	got := s.call(t, writer, http.MethodPost, "/api/v1/submissions", `{"model":"","name":"n","policy":"nothing","profile":"chat","lineage":[]}`)
	require.Equal(t, http.StatusNotFound, got.status)
	require.Contains(t, got.body, "demo")
}

func TestEventsReplayFromTheLastID(t *testing.T) {
	t.Parallel()

	s := start(t, nil)
	got := s.call(t, reader, http.MethodGet, "/api/v1/submissions/s1/events", "", "Last-Event-ID", "1")
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, "text/event-stream", got.header.Get("Content-Type"))
	require.NotContains(t, got.body, "id: 1\n")
	require.Contains(t, got.body, "id: 2\nevent: case\ndata: {\"id\":2,")
	require.Equal(t, http.StatusUnprocessableEntity, s.call(t, reader, http.MethodGet, "/api/v1/submissions/s1/events", "", "Last-Event-ID", "x").status)
	require.Equal(t, http.StatusNotFound, s.call(t, reader, http.MethodGet, "/api/v1/submissions/nothing/events", "").status)
}

func TestListGoesOnBesideUnreadableRows(t *testing.T) {
	t.Parallel()

	s := start(t, nil)
	s.errs["Versions"] = fmt.Errorf("table versions, key 7: %w", hallmark.ErrInvalid)
	got := s.call(t, reader, http.MethodGet, "/api/v1/versions", "")
	require.Equal(t, http.StatusOK, got.status)
	require.Contains(t, got.body, "table versions, key 7")
	require.Contains(t, got.body, "guarded")
	require.Equal(t, http.StatusUnprocessableEntity, s.call(t, reader, http.MethodGet, "/api/v1/versions?limit=0", "").status)
}

func TestNotReadyNamesTheParts(t *testing.T) {
	t.Parallel()

	s := start(t, nil)
	s.notReady["chain"] = fmt.Errorf("dial 127.0.0.1:1: %w", hallmark.ErrUnavailable)
	got := s.call(t, "", http.MethodGet, "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, got.status)
	require.Contains(t, got.body, `"chain"`)
	require.NotContains(t, got.body, "127.0.0.1:1", "causes are not for everybody")
	got = s.call(t, "wrong", http.MethodGet, "/readyz", "")
	require.NotContains(t, got.body, "127.0.0.1:1")
	got = s.call(t, reader, http.MethodGet, "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, got.status)
	require.Contains(t, got.body, "dial 127.0.0.1:1")
	require.Equal(t, http.StatusNotFound, s.call(t, "", http.MethodGet, "/nothing", "").status)
}

func TestConfigChecks(t *testing.T) {
	t.Parallel()

	_, err := api.New(api.Config{})
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	for _, field := range []string{"flow", "reviews", "learning", "store", "blobs", "reload", "verify", "hash directory", "check key", "ready", "metrics", "meter", "logger", "directory"} {
		require.ErrorContains(t, err, field+" is missing")
	}
}

func TestServedModelsAnswerBesideTheAPI(t *testing.T) {
	t.Parallel()

	models := chi.NewRouter() // as the gateway's: routes from the root
	models.Post("/v1/chat/completions", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	rec := httptest.NewRecorder()
	startedAPI(t).Handler(models).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions", nil))
	require.Equal(t, http.StatusTeapot, rec.Code)
}

func TestReviewDetail(t *testing.T) {
	t.Parallel()

	s := start(t, nil)
	for _, id := range []string{s.items[0].ID, pipeline.ReviewID(s.items[0].Model), s.items[0].Model.String(), "waits"} {
		got := s.call(t, reader, http.MethodGet, "/api/v1/reviews/"+id, "")
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Contains(t, got.body, `"id":"case-1"`)
		require.NotContains(t, got.body, `"id":"case-2"`, "no finding is about it")
	}
	s.errs["DecideReview"] = fmt.Errorf("report: %w", hallmark.ErrPredicate)
	got := s.call(t, reviewer, http.MethodPost, "/api/v1/reviews/waits/decision", `{"bundle":"b"}`)
	require.Equal(t, http.StatusUnprocessableEntity, got.status)
	require.Contains(t, got.body, `"type":"predicate"`)
	got = s.call(t, reviewer, http.MethodPost, "/api/v1/reviews/waits/decision", `{"bundle":"`+strings.Repeat("x", pipeline.MaxBundle+1)+`"}`)
	require.Equal(t, http.StatusRequestEntityTooLarge, got.status)
}

func TestHealthShowsTheFeedbackLoop(t *testing.T) {
	t.Parallel()

	s := start(t, func(c *api.Config) {
		c.Learning = func() pipeline.LearningHealth {
			return pipeline.LearningHealth{State: "running", Degraded: true, Growing: true, Err: fmt.Errorf("disk /secret is full"), Taken: 3, Learned: 5}
		}
	})
	got := s.call(t, "", http.MethodGet, "/healthz", "")
	require.Contains(t, got.body, `"feedback":{"state":"running","degraded":true,"broken":true,"growing":true,"taken":3,"learned":5}`)
	require.NotContains(t, got.body, "secret")
}
