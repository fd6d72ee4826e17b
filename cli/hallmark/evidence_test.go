package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/evidence"
	"github.com/hallmark-ml/hallmark/server/api"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

// versionEvidence puts what a manifest names, and a model, into a store.
func versionEvidence(t *testing.T, s *evidence.Store) (manifest string, m pipeline.Manifest) {
	t.Helper()
	put := func(text string) string {
		id, err := s.Put(t.Context(), []byte(text))
		require.NoError(t, err)
		return id
	}
	model := filepath.Join(t.TempDir(), "model.gguf")
	require.NoError(t, os.WriteFile(model, []byte(strings.Repeat("weights ", 300_000)), 0o600))
	id, err := s.AddFile(t.Context(), model)
	require.NoError(t, err)
	m = pipeline.Manifest{
		Schema: pipeline.ManifestSchema, Name: "guarded", ModelCID: id, Report: pipeline.Document{CID: put("a report")}, Cases: put("cases"),
		Policy: pipeline.Document{CID: put("a policy")}, KeyList: pipeline.Document{CID: put("keys")},
		Bundles: []pipeline.ManifestBundle{{Bundle: hallmark.Bundle{CID: put("a bundle")}}, {Bundle: hallmark.Bundle{CID: put("another bundle")}}},
	}
	text, err := json.Marshal(m)
	require.NoError(t, err)
	return put(string(text)), m
}

func TestEvidenceMovesAsOneFile(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	from, to, car := filepath.Join(dir, "from"), filepath.Join(dir, "to"), filepath.Join(dir, "guarded.car")
	require.NoError(t, os.Mkdir(from, 0o700))
	s, err := evidence.Open(t.Context(), filepath.Join(from, blockDir))
	require.NoError(t, err)
	manifest, m := versionEvidence(t, s)

	// Where a server has the store open, it is asked through its gateway; it knows versions by name.
	h, err := s.Handler()
	require.NoError(t, err)
	gateway := httptest.NewServer(h)
	defer gateway.Close()
	version, err := json.Marshal(hallmark.Version{Name: "guarded", EvidenceCID: manifest})
	require.NoError(t, err)
	routes := http.NewServeMux()
	routes.HandleFunc("GET /api/v1/versions/guarded", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(version) })
	api := httptest.NewServer(routes)
	defer api.Close()
	info, err := json.Marshal(serverInfo{API: api.URL, Evidence: gateway.URL})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(from, serverInfoFile), info, 0o600))
	got := command(t, nil, "evidence", "export", "guarded", "--data-dir", from, "--api-key", "x", "--model", "--out", car, "-o", "json")
	require.Zero(t, got.code, got.errout)
	var move evidenceMove
	require.NoError(t, json.Unmarshal([]byte(got.out), &move))
	require.Equal(t, []string{manifest, m.Report.CID, m.Cases, m.Policy.CID, m.KeyList.CID, m.Bundles[0].CID, m.Bundles[1].CID, m.ModelCID}, move.Roots)
	whole, err := os.ReadFile(car)
	require.NoError(t, err)
	require.NoError(t, s.Close())

	// The same from the store itself, without a server, and from any gateway.
	for _, args := range [][]string{{"--data-dir", from}, {"--gateway", gateway.URL}} {
		got := command(t, nil, append([]string{"evidence", "export", manifest, "--model", "--out", car}, args...)...)
		require.Zero(t, got.code, got.errout)
		again, err := os.ReadFile(car)
		require.NoError(t, err)
		require.Equal(t, whole, again, args)
	}

	got = command(t, nil, "evidence", "import", car, "--data-dir", to, "-o", "json")
	require.Zero(t, got.code, got.errout)
	var back evidenceMove
	require.NoError(t, json.Unmarshal([]byte(got.out), &back))
	require.Equal(t, evidenceMove{car, move.Roots, move.Blocks, move.Bytes}, back)
	arrived, err := evidence.Open(t.Context(), filepath.Join(to, blockDir))
	require.NoError(t, err)
	defer arrived.Close()
	text, err := arrived.Get(t.Context(), m.Bundles[1].CID, 100)
	require.NoError(t, err)
	require.Equal(t, "another bundle", string(text))
	text, err = arrived.Get(t.Context(), m.ModelCID, 10<<20)
	require.NoError(t, err)
	require.Len(t, text, 8*300_000)

	got = command(t, nil, "evidence", "import", car, "--data-dir", to)
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.errout, "stop what has it open")
	got = command(t, nil, "evidence", "import", car, "--store", filepath.Join(to, blockDir))
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.errout, "import with --server")
}

func TestEvidenceThatIsRefused(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	store, car := filepath.Join(dir, "store"), filepath.Join(dir, "x.car")
	s, err := evidence.Open(t.Context(), filepath.Join(dir, blockDir))
	require.NoError(t, err)
	manifest, _ := versionEvidence(t, s)
	require.NoError(t, s.Close())
	require.Zero(t, command(t, nil, "evidence", "export", manifest, "--data-dir", dir, "--out", car).code)
	whole, err := os.ReadFile(car)
	require.NoError(t, err)
	changed := append([]byte(nil), whole...)
	changed[len(changed)-1] ^= 1
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"one bit changed":  {[]string{"import", file("changed", changed), "--store", store}, 10, "nothing of it was stored"},
		"cut":              {[]string{"import", file("cut", whole[:len(whole)-3]), "--store", store}, exitUsage, "nothing of it was stored"},
		"no CAR":           {[]string{"import", file("text", []byte("no CAR at all")), "--store", store}, exitUsage, "version 1"},
		"empty":            {[]string{"import", file("empty", nil), "--store", store}, exitUsage, "version 1"},
		"no file":          {[]string{"import", filepath.Join(dir, "nothing"), "--store", store}, exitUsage, "no such file"},
		"no store":         {[]string{"import", car}, exitUsage, "no server named"},
		"two places":       {[]string{"import", car, "--store", store, "--server", "http://127.0.0.1:1"}, exitUsage, "not both"},
		"no server there":  {[]string{"import", car, "--server", "http://127.0.0.1:1"}, exitUndecided, "check that the server runs"},
		"no output":        {[]string{"export", manifest, "--data-dir", dir}, exitUsage, "--out"},
		"nowhere to write": {[]string{"export", manifest, "--data-dir", dir, "--out", filepath.Join(dir, "no", "x.car")}, exitUsage, "output file"},
		"no source":        {[]string{"export", manifest, "--out", car}, exitUsage, "--gateway"},
		"no such store":    {[]string{"export", manifest, "--out", car, "--data-dir", filepath.Join(dir, "no")}, exitUsage, "no such file"},
		"not there":        {[]string{"export", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", "--out", filepath.Join(dir, "y.car"), "--data-dir", dir}, exitUsage, "not found"},
		"no name":          {[]string{"export", "guarded", "--out", car, "--data-dir", dir}, exitUndecided, "no server has run"},
	} {
		got := command(t, nil, append([]string{"evidence"}, tt.args...)...)
		require.Equal(t, tt.code, got.code, "%s: %s", name, got.errout)
		require.Contains(t, got.errout, tt.says, name)
		require.Contains(t, got.errout, "next: ", name)
		require.Empty(t, got.out, name)
	}
	require.NoFileExists(t, filepath.Join(dir, "y.car"))
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	require.NoError(t, err)
	require.Empty(t, left, "half a file")
	kept, err := filepath.Glob(filepath.Join(store, blockDir, "*", "*"))
	require.NoError(t, err)
	require.Empty(t, kept)
}

// sections are a CAR's header and its blocks.
func sections(t *testing.T, car []byte) [][]byte {
	t.Helper()
	var all [][]byte
	for len(car) > 0 {
		size, n := binary.Uvarint(car)
		require.Positive(t, n)
		end := n + int(size)
		all, car = append(all, car[:end]), car[end:]
	}
	return all
}

// A server that runs takes a CAR in, and gives its blocks from then on. What is not whole, not an admin's or too large is
// refused, and nothing of it stays.
func TestRunningServerImportsEvidence(t *testing.T) {
	t.Parallel()

	w := newWorkspace(t)
	w.env = append(w.env, "HALLMARK_MAX_UPLOAD=3000000")
	w.serve(t)
	data := filepath.Join(w.dir, ".hallmark")
	s, err := evidence.Open(t.Context(), filepath.Join(w.dir, "from", blockDir))
	require.NoError(t, err)
	manifest, m := versionEvidence(t, s)
	tooMuch, err := s.Put(t.Context(), []byte(strings.Repeat("evidence ", 400_000)))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	export := func(what ...string) (string, []byte) {
		car := filepath.Join(w.dir, what[0]+".car")
		got := command(t, nil, append([]string{"evidence", "export", "--data-dir", filepath.Join(w.dir, "from"), "--out", car}, what...)...)
		require.Zero(t, got.code, got.errout)
		whole, err := os.ReadFile(car)
		require.NoError(t, err)
		return car, whole
	}
	file := func(name string, content []byte) string {
		path := filepath.Join(w.dir, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	stored := func() []string {
		all, err := filepath.Glob(filepath.Join(data, blockDir, "*", "*", "*"))
		require.NoError(t, err)
		return all
	}
	car, whole := export(manifest, "--model")
	large, _ := export(tooMuch)
	_, model := export(m.ModelCID)
	blocks := sections(t, model)
	changed := append([]byte(nil), whole...)
	changed[len(changed)-1] ^= 1
	reading := command(t, nil, "apikey", "new", "reading", "--data-dir", data, "-o", "json")
	require.Zero(t, reading.code, reading.errout)
	var noAdmin api.NewCaller
	require.NoError(t, json.Unmarshal([]byte(reading.out), &noAdmin))

	before := stored()
	here := []string{"--data-dir", data}
	for name, tt := range map[string]struct {
		file string
		args []string
		code int
		says string
	}{
		"one bit changed": {file("changed", changed), here, 10, "nothing of it was stored"},
		"cut":             {file("cut", whole[:len(whole)-3]), here, exitUsage, "nothing of it was stored"},
		"a block less":    {file("less", bytes.Join(blocks[:len(blocks)-1], nil)), here, 19, "nothing of it was stored"},
		"too large":       {large, here, exitUsage, "--max-upload"},
		"no admin":        {car, append([]string{"--api-key", noAdmin.Token}, here...), exitUsage, "admin"},
		"no key":          {car, []string{"--server", w.info.API, "--api-key", "hmk_nobody"}, exitUsage, "API key"},
		"directory":       {car, []string{"--store", filepath.Join(data, blockDir)}, exitUsage, "import with --server"},
	} {
		got := command(t, nil, append([]string{"evidence", "import", tt.file}, tt.args...)...)
		require.Equal(t, tt.code, got.code, "%s: %s", name, got.errout)
		require.Contains(t, got.errout, tt.says, name)
		require.Equal(t, before, stored(), name)
	}

	key, err := os.ReadFile(filepath.Join(data, apiKeyFile))
	require.NoError(t, err)
	var first evidenceMove
	for i, args := range [][]string{here, here, {"--server", w.info.API, "--api-key", strings.TrimSpace(string(key))}} {
		got := command(t, nil, append([]string{"evidence", "import", car, "-o", "json"}, args...)...)
		require.Zero(t, got.code, got.errout)
		var move evidenceMove
		require.NoError(t, json.Unmarshal([]byte(got.out), &move))
		if i == 0 {
			first = move
			require.Len(t, stored(), len(before)+move.Blocks)
		}
		require.Equal(t, first, move, "again, it changes nothing")
		require.Len(t, stored(), len(before)+first.Blocks)
	}
	require.Equal(t, []string{manifest, m.Report.CID, m.Cases, m.Policy.CID, m.KeyList.CID, m.Bundles[0].CID, m.Bundles[1].CID, m.ModelCID}, first.Roots)
	text, err := evidence.FetchVerified(t.Context(), http.DefaultClient, w.info.Evidence, m.Bundles[1].CID, 100)
	require.NoError(t, err)
	require.Equal(t, "another bundle", string(text))
	text, err = evidence.FetchVerified(t.Context(), http.DefaultClient, w.info.Evidence, m.ModelCID, 10<<20)
	require.NoError(t, err)
	require.Len(t, text, 8*300_000)
}

// The commands of docs/evidence.md do what it says.
func TestDocumentedEvidence(t *testing.T) {
	t.Parallel()

	text, err := os.ReadFile("../../docs/evidence.md")
	require.NoError(t, err)
	dir := t.TempDir()
	s, err := evidence.Open(t.Context(), filepath.Join(dir, ".hallmark", blockDir))
	require.NoError(t, err)
	manifest, m := versionEvidence(t, s)
	require.NoError(t, s.Close())
	ran := 0
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "hallmark" || words[1] != "evidence" {
			continue
		}
		for i, w := range words {
			switch {
			case w == "CID":
				words[i] = manifest
			case strings.HasPrefix(w, ".") || strings.HasSuffix(w, ".car") || w == "elsewhere":
				words[i] = filepath.Join(dir, w)
			}
		}
		got := command(t, nil, words[1:]...)
		require.Zero(t, got.code, "%s%s", line, got.errout)
		ran++
	}
	require.Equal(t, 2, ran)
	arrived, err := evidence.Open(t.Context(), filepath.Join(dir, "elsewhere"))
	require.NoError(t, err)
	defer arrived.Close()
	_, err = arrived.Get(t.Context(), m.Report.CID, 100)
	require.NoError(t, err)
}
