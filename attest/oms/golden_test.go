package oms_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
	"github.com/hallmark-ml/hallmark/attest/oms"
)

// testdata returns a folder of the OMS vectors, or skips.
func testdata(t *testing.T, elem ...string) string {
	t.Helper()
	root := os.Getenv("HALLMARK_TESTDATA")
	if root == "" {
		t.Skip("HALLMARK_TESTDATA is not set: the OMS vectors are not in this repository")
	}
	return filepath.Join(append([]string{root, "oms"}, elem...)...)
}

func writeTree(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.Mkdir(root, 0o755))
	for rel, content := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, rel)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, rel), []byte(content), 0o600))
	}
	return root
}

// sample makes the models of the reference's own tests; the names are those of its goldens.
func sample(t *testing.T, golden string) string {
	t.Helper()
	switch {
	case strings.HasPrefix(golden, "sample_model_folder"):
		files := make(map[string]string)
		for i := range 4 {
			files[fmt.Sprintf("f%d", i)] = fmt.Sprintf("This is file f%d in root.", i)
		}
		for d := range 2 {
			for i := range 3 {
				files[fmt.Sprintf("d%d/f%d%d", d, d, i)] = fmt.Sprintf("This is file f%d%d in d%d.", d, i, d)
			}
		}
		return writeTree(t, "sample_model", files)
	case strings.HasPrefix(golden, "deep_model_folder"):
		files := make(map[string]string)
		for i := range 4 {
			files[fmt.Sprintf("d0/d1/d2/d3/d4/f%d", i)] = fmt.Sprintf("This is file f%d.", i)
		}
		return writeTree(t, "deep_model", files)
	case strings.HasPrefix(golden, "model_folder_with_empty_file"):
		return writeTree(t, "empty_file_inside_model", map[string]string{"empty_file": ""})
	case strings.HasPrefix(golden, "empty_model_file"):
		return filepath.Join(writeTree(t, "x", map[string]string{"empty_file_model": ""}), "empty_file_model")
	case strings.HasPrefix(golden, "sample_model_file"):
		return filepath.Join(writeTree(t, "x", map[string]string{"file_model": "This is a simple model"}), "file_model")
	case strings.HasPrefix(golden, "symlink_model_folder"): // what the link points at, as a file
		return writeTree(t, "symlink_model", map[string]string{"symlink_file": "This is a simple model"})
	default:
		return "" // an empty model
	}
}

// TestReferenceGoldens reads the statements of the reference implementation, checks the models against them, and
// compares with what is written here for the same models.
func TestReferenceGoldens(t *testing.T) {
	t.Parallel()

	dir := testdata(t, "reference-goldens", "_signing", "testdata", "signing", "TestPayload")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 21)
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			t.Parallel()

			golden, err := os.ReadFile(filepath.Join(dir, e.Name()))
			require.NoError(t, err)
			m, err := oms.Parse(golden)
			if strings.Contains(string(golden), `"resources": []`) {
				require.ErrorIs(t, err, hallmark.ErrInvalid, "the specification has no empty model")
				return
			}
			require.NoError(t, err)
			require.True(t, m.AllowSymlinks)
			root := sample(t, e.Name())
			require.NoError(t, m.Verify(t.Context(), root, oms.VerifyOptions{}))
			if m.Method == oms.MethodShards {
				return
			}
			fp, err := fingerprint.Compute(t.Context(), root, fingerprint.Options{Kind: hallmark.KindModel})
			require.NoError(t, err)
			require.Equal(t, m.Root, fp.OMSRoot)
			ours, err := oms.Statement(fp)
			require.NoError(t, err)
			require.JSONEq(t, subtree(t, golden, "subject"), subtree(t, ours, "subject"))
			require.JSONEq(t, subtree(t, golden, "predicate", "resources"), subtree(t, ours, "predicate", "resources"))
		})
	}
}

func subtree(t *testing.T, doc []byte, path ...string) string {
	t.Helper()
	for _, key := range path {
		var object map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(doc, &object))
		doc = object[key]
	}
	return string(doc)
}

// TestReferenceSerializer compares the order and digests of files with the reference's plain lists.
func TestReferenceSerializer(t *testing.T) {
	t.Parallel()

	dir := testdata(t, "reference-goldens", "_serialization", "testdata", "file", "TestSerializer")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 7)
	for _, e := range entries {
		root := sample(t, e.Name())
		if root == "" {
			continue
		}
		golden, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		fp, err := fingerprint.Compute(t.Context(), root, fingerprint.Options{Kind: hallmark.KindModel})
		require.NoError(t, err)
		var lines []string
		for _, f := range fp.Files {
			if !fp.Dir {
				f.Path = "."
			}
			lines = append(lines, f.Path+":"+f.SHA256.Hex())
		}
		require.Equal(t, strings.TrimSpace(string(golden)), strings.Join(lines, "\n"), e.Name())
	}
}

// TestOurStatementsFitTheSchema validates with the JSON schemas of the specification.
func TestOurStatementsFitTheSchema(t *testing.T) {
	t.Parallel()

	dir := testdata(t, "spec", "schemas", "v1.0")
	compiler := jsonschema.NewCompiler()
	for _, name := range []string{"predicate", "statement"} {
		f, err := os.Open(filepath.Join(dir, name+".schema.json"))
		require.NoError(t, err)
		defer f.Close()
		schema, err := jsonschema.UnmarshalJSON(f)
		require.NoError(t, err)
		require.NoError(t, compiler.AddResource(fmt.Sprintf("https://model_signing/%s/v1.0/schema", name), schema))
	}
	schema, err := compiler.Compile("https://model_signing/statement/v1.0/schema")
	require.NoError(t, err)
	for _, golden := range []string{"sample_model_file", "sample_model_folder"} {
		fp, err := fingerprint.Compute(t.Context(), sample(t, golden), fingerprint.Options{Kind: hallmark.KindModel})
		require.NoError(t, err)
		ours, err := oms.Statement(fp)
		require.NoError(t, err)
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(ours)))
		require.NoError(t, err)
		require.NoError(t, schema.Validate(doc))
	}
}

// TestSpecificationPayloads reads the statements inside the specification's bundles.
func TestSpecificationPayloads(t *testing.T) {
	t.Parallel()

	dir := testdata(t, "spec", "test-vectors", "v1.0")
	for path, want := range map[string]error{
		"valid/key.bundle.json": nil, "valid/certificate.bundle.json": nil, "valid/sigstore.bundle.json": nil,
		"invalid-payload/wrong-predicate.bundle.json": hallmark.ErrPredicate,
	} {
		raw, err := os.ReadFile(filepath.Join(dir, path))
		require.NoError(t, err)
		var bundle struct {
			DSSEEnvelope struct {
				Payload []byte `json:"payload"`
			} `json:"dsseEnvelope"`
		}
		require.NoError(t, json.Unmarshal(raw, &bundle))
		m, err := oms.Parse(bundle.DSSEEnvelope.Payload)
		require.ErrorIs(t, err, want, path)
		if want == nil {
			require.Equal(t, oms.MethodFiles, m.Method)
			require.NotEmpty(t, m.Resources)
		}
	}
}
