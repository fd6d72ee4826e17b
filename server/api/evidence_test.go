package api_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/api"
)

func TestEvidenceIsImportedByAdminsAlone(t *testing.T) {
	t.Parallel()

	s := start(t, func(c *api.Config) { c.MaxUpload = 10 })
	type calls []struct {
		token, contentType, body string
		status                   int
	}
	const car = "application/vnd.ipld.car"
	for _, c := range (calls{
		{"", car, "a CAR", http.StatusUnauthorized},
		{reader, car, "a CAR", http.StatusForbidden},
		{writer, car, "a CAR", http.StatusForbidden},
		{admin, "application/octet-stream", "a CAR", http.StatusUnprocessableEntity},
		{admin, car, strings.Repeat("x", 11), http.StatusRequestEntityTooLarge},
	}) {
		got := s.call(t, c.token, http.MethodPost, "/api/v1/evidence", c.body, "Content-Type", c.contentType)
		require.Equal(t, c.status, got.status, "%+v: %s", c, got.body)
		require.NotContains(t, s.blobs, c.body)
	}
	for range 2 {
		got := s.call(t, admin, http.MethodPost, "/api/v1/evidence", "0123456789", "Content-Type", car)
		require.Equal(t, http.StatusCreated, got.status, got.body)
		require.JSONEq(t, `{"roots": ["0123456789"], "blocks": 1, "bytes": 10}`, got.body)
	}
	require.Contains(t, s.blobs, "0123456789")

	missing := fmt.Errorf("%w: %w", hallmark.ErrNotFound, hallmark.ErrEvidenceMissing)
	for kind, want := range map[error]struct {
		status int
		typ    string
	}{
		hallmark.ErrDigest:  {http.StatusUnprocessableEntity, "digest"},
		missing:             {http.StatusNotFound, "evidence-missing"},
		hallmark.ErrInvalid: {http.StatusUnprocessableEntity, "invalid"},
	} {
		s.errs["Import"] = fmt.Errorf("block 3: %w", kind)
		got := s.call(t, admin, http.MethodPost, "/api/v1/evidence", "a CAR", "Content-Type", car)
		require.Equal(t, want.status, got.status, got.body)
		require.Contains(t, got.body, `"type":"`+want.typ+`"`)
	}
}

// A body whose length nobody tells is bounded too.
func TestEvidenceOfUnknownLengthIsBounded(t *testing.T) {
	t.Parallel()

	s := start(t, func(c *api.Config) { c.MaxUpload = 10 })
	for length, status := range map[int]int{10: http.StatusCreated, 11: http.StatusRequestEntityTooLarge} {
		body := io.MultiReader(strings.NewReader(strings.Repeat("x", length))) // which is sent in chunks
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/api/v1/evidence", body)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+admin)
		req.Header.Set("Content-Type", "application/vnd.ipld.car")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, status, resp.StatusCode)
	}
}
