package api_test

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/pb33f/libopenapi"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/api"
)

func spec(t *testing.T) map[string]any {
	t.Helper()
	raw, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	var doc map[string]any
	require.NoError(t, yaml.Unmarshal(raw, &doc))
	return doc
}

func TestOpenAPIFileIsValid(t *testing.T) {
	t.Parallel()

	raw, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	doc, err := libopenapi.NewDocument(raw)
	require.NoError(t, err)
	_, err = doc.BuildV3Model()
	require.NoError(t, err)
}

func TestOpenAPIFileHasEveryRouteAndNoOther(t *testing.T) {
	t.Parallel()

	var described []string
	for path, item := range spec(t)["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	var served []string
	a := startedAPI(t)
	require.NoError(t, chi.Walk(a.Handler(http.NotFoundHandler()).(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if !strings.HasPrefix(route, "/v1") {
			served = append(served, method+" "+route)
		}
		return nil
	}))
	slices.Sort(described)
	slices.Sort(served)
	require.Equal(t, described, served)
}

func startedAPI(t *testing.T) *api.API {
	t.Helper()
	var kept api.Config
	start(t, func(c *api.Config) { kept = *c })
	a, err := api.New(kept)
	require.NoError(t, err)
	return a
}

// TestAnswersMatchTheOpenAPIFile calls every route and holds status, content type and body to the file.
func TestAnswersMatchTheOpenAPIFile(t *testing.T) {
	t.Parallel()

	doc := spec(t)
	raw, err := json.Marshal(doc)
	require.NoError(t, err)
	tree, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	require.NoError(t, compiler.AddResource("openapi.json", tree))

	s := start(t, nil)
	digest := hallmark.DigestOf([]byte("model")).String()
	calls := []struct {
		token, method, path, route, body string
		status                           int
	}{
		{writer, "POST", "/api/v1/artifacts?kind=dataset&name=d.jsonl", "/api/v1/artifacts", "data", 201},
		{writer, "POST", "/api/v1/artifacts?kind=virus&name=d", "/api/v1/artifacts", "data", 422},
		{writer, "POST", "/api/v1/artifacts/path", "", `{"kind":"model","name":"m","path":"/etc/passwd"}`, 422},
		{reader, "GET", "/api/v1/artifacts/" + digest, "/api/v1/artifacts/{digest}", "", 200},
		{reader, "GET", "/api/v1/artifacts/" + hallmark.Digest{1}.String(), "/api/v1/artifacts/{digest}", "", 404},
		{admin, "POST", "/api/v1/evidence", "", "a CAR", 201},
		{writer, "POST", "/api/v1/evidence", "", "a CAR", 403},
		{writer, "POST", "/api/v1/keys", "", `{"publicPem":"-----BEGIN x"}`, 201},
		{writer, "POST", "/api/v1/keys", "", `{"publicPem":"x"}`, 422},
		{reader, "GET", "/api/v1/keys", "", "", 200},
		{writer, "POST", "/api/v1/submissions", "", `{"model":"` + digest + `","name":"n","policy":"x","policyText":"y","profile":"chat","lineage":["b"]}`, 202},
		{writer, "POST", "/api/v1/submissions", "", `{"model":"` + digest + `","name":"n","policy":"x","policyText":"y","profile":"chat","lineage":["b"]}`, 200},
		{reader, "POST", "/api/v1/submissions", "", `{}`, 403},
		{"", "POST", "/api/v1/submissions", "", `{}`, 401},
		{reader, "GET", "/api/v1/submissions/s1", "/api/v1/submissions/{id}", "", 200},
		{reader, "GET", "/api/v1/submissions/s9", "/api/v1/submissions/{id}", "", 404},
		{reader, "GET", "/api/v1/versions", "", "", 200},
		{reader, "GET", "/api/v1/versions/guarded", "/api/v1/versions/{version}", "", 200},
		{reader, "GET", "/api/v1/versions/" + digest + "/lineage", "/api/v1/versions/{version}/lineage", "", 200},
		{reader, "GET", "/api/v1/versions/guarded/bundles", "/api/v1/versions/{version}/bundles", "", 200},
		{reader, "GET", "/api/v1/versions/guarded/report", "/api/v1/versions/{version}/report", "", 200},
		{reader, "GET", "/api/v1/versions/guarded/cases", "/api/v1/versions/{version}/cases", "", 200},
		{reader, "GET", "/api/v1/versions/guarded/verify", "/api/v1/versions/{version}/verify", "", 200},
		{writer, "POST", "/api/v1/versions/guarded/load", "/api/v1/versions/{version}/load", "", 200},
		{writer, "POST", "/api/v1/versions/guarded/revoke", "/api/v1/versions/{version}/revoke", `{"reason":"r"}`, 200},
		{writer, "POST", "/api/v1/versions/guarded/retry", "/api/v1/versions/{version}/retry", "", 202},
		{admin, "POST", "/api/v1/api-keys", "", `{"name":"ci","scope":"write","reviewer":true}`, 201},
		{admin, "POST", "/api/v1/api-keys", "", `{"name":"ci","scope":"all"}`, 422},
		{writer, "POST", "/api/v1/api-keys", "", `{"name":"ci","scope":"read"}`, 403},
		{admin, "GET", "/api/v1/api-keys", "", "", 200},
		{reader, "GET", "/api/v1/api-keys", "", "", 403},
		{admin, "DELETE", "/api/v1/api-keys/1", "/api/v1/api-keys/{id}", "", 200},
		{admin, "DELETE", "/api/v1/api-keys/2", "/api/v1/api-keys/{id}", "", 404},
		{admin, "DELETE", "/api/v1/api-keys/x", "/api/v1/api-keys/{id}", "", 422},
		{reviewer, "POST", "/api/v1/keys", "", `{"publicPem":"-----BEGIN x","role":"reviewer"}`, 201},
		{writer, "POST", "/api/v1/keys", "", `{"publicPem":"-----BEGIN x","role":"reviewer"}`, 403},
		{reviewer, "POST", "/api/v1/keys", "", `{"publicPem":"-----BEGIN x"}`, 403},
		{writer, "POST", "/api/v1/keys", "", `{"publicPem":"-----BEGIN x","role":"owner"}`, 422},
		{reader, "GET", "/api/v1/reviews", "", "", 200},
		{reader, "GET", "/api/v1/reviews?limit=0", "/api/v1/reviews", "", 422},
		{reader, "GET", "/api/v1/reviews/waits", "/api/v1/reviews/{id}", "", 200},
		{reader, "GET", "/api/v1/reviews/guarded", "/api/v1/reviews/{id}", "", 404},
		{reviewer, "POST", "/api/v1/reviews/waits/decision", "/api/v1/reviews/{id}/decision", `{"bundle":"b"}`, 202},
		{writer, "POST", "/api/v1/reviews/waits/decision", "/api/v1/reviews/{id}/decision", `{"bundle":"b"}`, 403},
		{reviewer, "POST", "/api/v1/reviews/none/decision", "/api/v1/reviews/{id}/decision", `{"bundle":"b"}`, 404},
		{"", "GET", "/healthz", "", "", 200},
		{"", "GET", "/readyz", "", "", 200},
	}
	for _, c := range calls {
		if c.route == "" {
			c.route, _, _ = strings.Cut(c.path, "?")
		}
		var header []string
		if c.route == "/api/v1/evidence" {
			header = []string{"Content-Type", "application/vnd.ipld.car"}
		}
		got := s.call(t, c.token, c.method, c.path, c.body, header...)
		require.Equal(t, c.status, got.status, "%s %s: %s", c.method, c.path, got.body)
		if got.status >= 400 && c.route != "/readyz" {
			require.Equal(t, "application/problem+json", got.header.Get("Content-Type"), c.path)
		}
		where := schemaOf(t, doc, c.route, strings.ToLower(c.method), got)
		schema, err := compiler.Compile("openapi.json#" + where)
		require.NoError(t, err, where)
		body, err := jsonschema.UnmarshalJSON(strings.NewReader(got.body))
		require.NoError(t, err, got.body)
		require.NoError(t, schema.Validate(body), "%s %s %s", c.method, c.path, got.body)
	}
}

// schemaOf returns the JSON pointer of the schema that describes an answer.
func schemaOf(t *testing.T, doc map[string]any, route, method string, got reply) string {
	t.Helper()
	contentType, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	responses := doc["paths"].(map[string]any)[route].(map[string]any)[method].(map[string]any)["responses"].(map[string]any)
	status := http.StatusText(got.status)
	response, described := responses[itoa(got.status)].(map[string]any)
	require.True(t, described, "%s %s: status %d (%s) is not described", method, route, got.status, status)
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	pointer := "/paths/" + escape.Replace(route) + "/" + method + "/responses/" + itoa(got.status)
	if ref, ok := response["$ref"].(string); ok {
		pointer = strings.TrimPrefix(ref, "#")
	}
	return pointer + "/content/" + escape.Replace(contentType) + "/schema"
}

func itoa(n int) string {
	raw, _ := json.Marshal(n)
	return string(raw)
}
