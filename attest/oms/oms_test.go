package oms_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
	"github.com/hallmark-ml/hallmark/attest/oms"
)

// document is a statement that tests change before they encode it.
type document struct {
	Type          string `json:"_type"`
	Subject       []any  `json:"subject"`
	PredicateType string `json:"predicateType"`
	Predicate     struct {
		Resources     []map[string]any `json:"resources"`
		Serialization map[string]any   `json:"serialization"`
	} `json:"predicate"`
}

// res is a resource "name=content".
func res(text string) map[string]any {
	name, content, _ := strings.Cut(text, "=")
	return map[string]any{"name": name, "algorithm": "sha256", "digest": hallmark.DigestOf([]byte(content)).Hex()}
}

// files is a statement with method files, shards one with shards of four bytes; both have a right root.
func files(resources ...string) *document {
	d := &document{Type: "https://in-toto.io/Statement/v1", PredicateType: oms.PredicateType}
	for _, r := range resources {
		d.Predicate.Resources = append(d.Predicate.Resources, res(r))
	}
	d.Predicate.Serialization = map[string]any{"method": "files", "hash_type": "sha256", "allow_symlinks": false}
	return d.root()
}

func shards(resources ...string) *document {
	d := files(resources...)
	d.Predicate.Serialization["method"] = "shards"
	d.Predicate.Serialization["shard_size"] = 4
	return d
}

// root computes the subject anew.
func (d *document) root() *document {
	var list []hallmark.FileDigest
	for _, r := range d.Predicate.Resources {
		text, _ := r["digest"].(string)
		digest, _ := hallmark.ParseDigest(text)
		list = append(list, hallmark.FileDigest{SHA256: digest})
	}
	d.Subject = []any{map[string]any{"name": "model", "digest": map[string]any{"sha256": fingerprint.OMSRoot(list).Hex()}}}
	return d
}

func (d *document) encode(tb testing.TB) []byte {
	tb.Helper()
	b, err := json.Marshal(d)
	require.NoError(tb, err)
	return b
}

func with(d *document, change func(d *document)) *document {
	change(d)
	return d
}

func TestBadStatements(t *testing.T) {
	t.Parallel()

	ab := func() *document { return files("a=1", "b=2") }
	serial := func(key string, v any) *document {
		return with(ab(), func(d *document) { d.Predicate.Serialization[key] = v })
	}
	resource := func(key string, v any) *document {
		return with(ab(), func(d *document) { d.Predicate.Resources[0][key] = v })
	}
	tests := map[string]struct {
		doc  *document
		want error
	}{
		"path escape":            {files("../a=1"), hallmark.ErrInvalid},
		"path escape inside":     {files("a/../../b=1"), hallmark.ErrInvalid},
		"absolute path":          {files("/etc/passwd=1"), hallmark.ErrInvalid},
		"path not clean":         {files("a//b=1"), hallmark.ErrInvalid},
		"dot in the path":        {files("./a=1"), hallmark.ErrInvalid},
		"slash at the end":       {files("a/=1"), hallmark.ErrInvalid},
		"backslash":              {files(`..\a=1`), hallmark.ErrInvalid},
		"line break in a name":   {files("a\nb=1"), hallmark.ErrInvalid},
		"empty name":             {files("=1"), hallmark.ErrInvalid},
		"name twice":             {files("a=1", "a=2"), hallmark.ErrInvalid},
		"Unicode twins":          {files("\u00e9=1", "e\u0301=2"), hallmark.ErrInvalid},
		"file under a file":      {files("a=1", "a/b=2"), hallmark.ErrInvalid},
		"single file and others": {files(".=1", "a=2"), hallmark.ErrInvalid},
		"empty model":            {files(), hallmark.ErrInvalid},
		"order changed": {with(ab(), func(d *document) {
			slices.Reverse(d.Predicate.Resources)
		}), hallmark.ErrDigest},
		"digest changed":   {resource("digest", hallmark.DigestOf(nil).Hex()), hallmark.ErrDigest},
		"digest upper":     {resource("digest", strings.ToUpper(hallmark.DigestOf([]byte("1")).Hex())), hallmark.ErrInvalid},
		"digest short":     {resource("digest", "00"), hallmark.ErrInvalid},
		"digest long":      {resource("digest", strings.Repeat("00", 33)), hallmark.ErrInvalid},
		"unknown hash":     {resource("algorithm", "md5"), hallmark.ErrInvalid},
		"shard name":       {resource("algorithm", "sha256-sharded-0"), hallmark.ErrInvalid},
		"unknown type":     {serial("hash_type", "blake3"), hallmark.ErrInvalid},
		"no hash type":     {serial("hash_type", ""), hallmark.ErrInvalid},
		"unknown method":   {serial("method", "tar"), hallmark.ErrInvalid},
		"links not said":   {with(ab(), func(d *document) { delete(d.Predicate.Serialization, "allow_symlinks") }), hallmark.ErrInvalid},
		"size with files":  {serial("shard_size", 4), hallmark.ErrInvalid},
		"ignores a parent": {serial("ignore_paths", []string{"../x"}), hallmark.ErrInvalid},
		"ignores all":      {serial("ignore_paths", []string{"."}), hallmark.ErrInvalid},
		"ignores nothing":  {serial("ignore_paths", []string{""}), hallmark.ErrInvalid},
		"ignores many":     {serial("ignore_paths", slices.Repeat([]string{"x"}, 257)), hallmark.ErrTooLarge},
		"two subjects":     {with(ab(), func(d *document) { d.Subject = append(d.Subject, d.Subject[0]) }), hallmark.ErrInvalid},
		"no subject":       {with(ab(), func(d *document) { d.Subject = nil }), hallmark.ErrInvalid},
		"later predicate":  {with(ab(), func(d *document) { d.PredicateType = "https://model_signing/signature/v1.1" }), hallmark.ErrPredicate},
		"v0.1 statement":   {with(ab(), func(d *document) { d.Type = "https://in-toto.io/Statement/v0.1" }), hallmark.ErrInvalid},

		"shard of no range":      {shards("a=1"), hallmark.ErrInvalid},
		"shard of one number":    {shards("a:4=1"), hallmark.ErrInvalid},
		"shard backwards":        {shards("a:4:0=1"), hallmark.ErrInvalid},
		"shard empty":            {shards("a:0:0=1"), hallmark.ErrInvalid},
		"shard negative":         {shards("a:-4:0=1"), hallmark.ErrInvalid},
		"shard with sign":        {shards("a:+0:4=1"), hallmark.ErrInvalid},
		"shard with zeros":       {shards("a:00:4=1"), hallmark.ErrInvalid},
		"shard too long":         {shards("a:0:5=1"), hallmark.ErrInvalid},
		"shard past 64 bits":     {shards("a:0:99999999999999999999=1"), hallmark.ErrInvalid},
		"shard missing":          {shards("a:4:8=1"), hallmark.ErrInvalid},
		"shard gap":              {shards("a:0:4=1", "a:8:12=1"), hallmark.ErrInvalid},
		"shard overlap":          {shards("a:0:4=1", "a:2:6=1"), hallmark.ErrInvalid},
		"shard twice":            {shards("a:0:4=1", "a:0:4=1"), hallmark.ErrInvalid},
		"shards after a short":   {shards("a:0:3=1", "a:3:7=1"), hallmark.ErrInvalid},
		"shard escape":           {shards("../a:0:4=1"), hallmark.ErrInvalid},
		"shard size zero":        {with(shards("a:0:4=1"), func(d *document) { d.Predicate.Serialization["shard_size"] = 0 }), hallmark.ErrInvalid},
		"shard size a fraction":  {with(shards("a:0:4=1"), func(d *document) { d.Predicate.Serialization["shard_size"] = 4.5 }), hallmark.ErrInvalid},
		"shard size huge":        {with(shards("a:0:4=1"), func(d *document) { d.Predicate.Serialization["shard_size"] = 1e300 }), hallmark.ErrInvalid},
		"shard size missing":     {with(shards("a:0:4=1"), func(d *document) { delete(d.Predicate.Serialization, "shard_size") }), hallmark.ErrInvalid},
		"shard of another size":  {with(shards("a:0:4=1"), func(d *document) { d.Predicate.Resources[0]["algorithm"] = "sha256-sharded-8" }), hallmark.ErrInvalid},
		"shard twins by Unicode": {shards("\u00e9:0:4=1", "e\u0301:0:4=1"), hallmark.ErrInvalid},
	}
	for name, tt := range tests {
		_, err := oms.Parse(tt.doc.encode(t))
		require.ErrorIs(t, err, tt.want, name)
	}

	text := string(ab().encode(t))
	for name, doc := range map[string]string{
		"empty":            "",
		"trailing data":    text + "{}",
		"key twice":        strings.Replace(text, `"predicateType"`, `"predicate":{},"predicateType"`, 1),
		"letter case":      strings.Replace(text, `"resources"`, `"Resources"`, 1),
		"case-folded twin": strings.Replace(text, `"resources"`, `"Resources":[],"resources"`, 1),
	} {
		_, err := oms.Parse([]byte(doc))
		require.ErrorIs(t, err, hallmark.ErrInvalid, name)
	}
	_, err := oms.Parse(make([]byte, 33<<20))
	require.ErrorIs(t, err, hallmark.ErrTooLarge)
	var many []string
	for i := range 1<<17 + 1 {
		many = append(many, strconv.Itoa(i)+"=")
	}
	_, err = oms.Parse(files(many...).encode(t))
	require.ErrorIs(t, err, hallmark.ErrTooLarge)
}

func TestGoodStatements(t *testing.T) {
	t.Parallel()

	for name, d := range map[string]*document{
		"unknown keys":        with(files("a=1"), func(d *document) { d.Predicate.Resources[0]["size"] = 1; d.Predicate.Serialization["x"] = 1 }),
		"listed out of order": files("b=1", "a=2"),
		"colon in a name":     files("a:0:4=1"),
		"colons in a shard":   shards("a:0:4:0:4=1", "a:0:4:4:6=2"),
		"reference's name":    with(shards("a:0:4=1"), func(d *document) { d.Predicate.Resources[0]["algorithm"] = "sha256-sharded-4" }),
		"whole float size":    with(shards("a:0:4=1"), func(d *document) { d.Predicate.Serialization["shard_size"] = json.Number("4.0") }),
		"shards interleaved":  shards("a:0:4=1", "b:0:4=2", "a:4:5=3"),
	} {
		_, err := oms.Parse(d.encode(t))
		require.NoError(t, err, name)
	}
}

func TestVerifyModels(t *testing.T) {
	t.Parallel()

	ignoring := func(d *document, paths ...string) *document {
		d.Predicate.Serialization["ignore_paths"] = paths
		return d
	}
	model := map[string]string{"w.gguf": "12345", "sub/c.json": "{}"}
	whole := func() *document { return files("sub/c.json={}", "w.gguf=12345") }
	tiled := func() *document { return shards("sub/c.json:0:2={}", "w.gguf:0:4=1234", "w.gguf:4:5=5") }
	plus := func(more map[string]string) map[string]string {
		out := maps.Clone(model)
		maps.Copy(out, more)
		return out
	}
	tests := map[string]struct {
		doc   *document
		files map[string]string
		opt   oms.VerifyOptions
		want  error
	}{
		"as signed":               {whole(), model, oms.VerifyOptions{}, nil},
		"as signed, shards":       {tiled(), model, oms.VerifyOptions{}, nil},
		"git's files are no part": {whole(), plus(map[string]string{".git/config": "x", ".gitignore": "x", ".gitattributes": "x", ".github/w.yml": "x"}), oms.VerifyOptions{}, nil},
		"git's files deeper are":  {whole(), plus(map[string]string{"sub/.gitignore": "x"}), oms.VerifyOptions{}, hallmark.ErrDigest},
		"git's file was signed":   {files(".gitattributes=y", "sub/c.json={}", "w.gguf=12345"), plus(map[string]string{".gitattributes": "x"}), oms.VerifyOptions{}, hallmark.ErrDigest},
		"git's file as signed":    {files(".gitattributes=x", "sub/c.json={}", "w.gguf=12345"), plus(map[string]string{".gitattributes": "x"}), oms.VerifyOptions{}, nil},
		"the signature itself":    {whole(), plus(map[string]string{"model.sig": "x"}), oms.VerifyOptions{Signature: "model.sig"}, nil},
		"a signature unasked":     {whole(), plus(map[string]string{"model.sig": "x"}), oms.VerifyOptions{}, hallmark.ErrDigest},
		"ignored":                 {ignoring(whole(), "notes"), plus(map[string]string{"notes/a.md": "x", "notes/b/c.md": "x"}), oms.VerifyOptions{}, nil},
		"ignored by name only":    {ignoring(whole(), "notes"), plus(map[string]string{"notes2.md": "x"}), oms.VerifyOptions{}, hallmark.ErrDigest},
		"no patterns":             {ignoring(whole(), "*"), plus(map[string]string{"x": "x"}), oms.VerifyOptions{}, hallmark.ErrDigest},
		"weights ignored":         {ignoring(whole(), "extra"), plus(map[string]string{"extra/W.SafeTensors": "x"}), oms.VerifyOptions{}, hallmark.ErrRefused},
		"code ignored":            {ignoring(whole(), "modeling.py"), plus(map[string]string{"modeling.py": "x"}), oms.VerifyOptions{}, hallmark.ErrRefused},
		"content changed":         {whole(), plus(map[string]string{"w.gguf": "12346"}), oms.VerifyOptions{}, hallmark.ErrDigest},
		"last shard changed":      {tiled(), plus(map[string]string{"w.gguf": "12346"}), oms.VerifyOptions{}, hallmark.ErrDigest},
		"longer, shards":          {tiled(), plus(map[string]string{"w.gguf": "123456789"}), oms.VerifyOptions{}, hallmark.ErrDigest},
		"shorter, shards":         {tiled(), plus(map[string]string{"w.gguf": "1234"}), oms.VerifyOptions{}, hallmark.ErrDigest},
		"renamed":                 {whole(), map[string]string{"v.gguf": "12345", "sub/c.json": "{}"}, oms.VerifyOptions{}, hallmark.ErrDigest},
		"swapped":                 {files("a=1", "b=2"), map[string]string{"a": "2", "b": "1"}, oms.VerifyOptions{}, hallmark.ErrDigest},
		"missing":                 {whole(), map[string]string{"w.gguf": "12345"}, oms.VerifyOptions{}, hallmark.ErrDigest},
		"hidden empty file":       {whole(), plus(map[string]string{"__init__.py": ""}), oms.VerifyOptions{}, hallmark.ErrDigest},
		"hidden empty, shards":    {tiled(), plus(map[string]string{"__init__.py": ""}), oms.VerifyOptions{}, hallmark.ErrDigest},
		"single file's manifest":  {files(".=12345"), map[string]string{"w.gguf": "12345"}, oms.VerifyOptions{}, hallmark.ErrDigest},
		"over the bound":          {whole(), model, oms.VerifyOptions{Walk: fingerprint.WalkOptions{MaxEntries: 2}}, hallmark.ErrTooLarge},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			m, err := oms.Parse(tt.doc.encode(t))
			require.NoError(t, err)
			require.ErrorIs(t, m.Verify(t.Context(), writeTree(t, "model", tt.files), tt.opt), tt.want)
		})
	}
}

func TestVerifySingleFile(t *testing.T) {
	t.Parallel()

	path := filepath.Join(writeTree(t, "x", map[string]string{"m.gguf": "12345"}), "m.gguf")
	for doc, want := range map[*document]error{
		files(".=12345"):                      nil, // the reference
		files("m.gguf=12345"):                 nil, // the specification
		shards(".:0:4=1234", ".:4:5=5"):       nil,
		files("n.gguf=12345"):                 hallmark.ErrDigest,
		files(".=12346"):                      hallmark.ErrDigest,
		files("m.gguf=12345", "n.gguf=12345"): hallmark.ErrDigest,
	} {
		m, err := oms.Parse(doc.encode(t))
		require.NoError(t, err)
		require.ErrorIs(t, m.Verify(t.Context(), path, oms.VerifyOptions{}), want)
	}
}

func TestLinksAreNeverFollowed(t *testing.T) {
	t.Parallel()

	d := files("a=1", "b=1")
	d.Predicate.Serialization["allow_symlinks"] = true // the signer did
	m, err := oms.Parse(d.encode(t))
	require.NoError(t, err)
	root := writeTree(t, "model", map[string]string{"a": "1"})
	require.NoError(t, os.Symlink("a", filepath.Join(root, "b")))
	require.ErrorIs(t, m.Verify(t.Context(), root, oms.VerifyOptions{}), hallmark.ErrInvalid)
}

func TestMismatchNamesBothDigests(t *testing.T) {
	t.Parallel()

	m, err := oms.Parse(files("a=1").encode(t))
	require.NoError(t, err)
	err = m.Verify(t.Context(), writeTree(t, "model", map[string]string{"a": "2"}), oms.VerifyOptions{})
	var mismatch *hallmark.DigestMismatchError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, hallmark.DigestMismatchError{What: "a", Want: hallmark.DigestOf([]byte("1")), Got: hallmark.DigestOf([]byte("2"))}, *mismatch)
}

func TestOwnStatementVerifies(t *testing.T) {
	t.Parallel()

	root := writeTree(t, "model", map[string]string{"a/b": "1", "a b.bin": "2", "a-b/c": "3", "a.txt": "4", ".gitattributes": "x", ".hidden": "5"})
	fp, err := fingerprint.Compute(t.Context(), root, fingerprint.Options{Kind: hallmark.KindModel})
	require.NoError(t, err)
	b, err := oms.Statement(fp)
	require.NoError(t, err)
	m, err := oms.Parse(b)
	require.NoError(t, err)
	require.Equal(t, fp.OMSRoot, m.Root)
	require.Len(t, m.Resources, 5)
	require.NoError(t, m.Verify(t.Context(), root, oms.VerifyOptions{}))

	fp.Files[1].SHA256[0]++
	_, err = oms.Statement(fp)
	require.ErrorIs(t, err, hallmark.ErrDigest, "a fingerprint that contradicts itself is not written")
}

func FuzzParse(f *testing.F) {
	f.Add(files("a=1", "b/c=2").encode(f))
	f.Add(shards("a:0:4=1", "a:4:5=2").encode(f))
	f.Add(shards("a:0:0=1").encode(f))
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := oms.Parse(b)
		if err != nil {
			kinds := []error{hallmark.ErrInvalid, hallmark.ErrPredicate, hallmark.ErrDigest, hallmark.ErrTooLarge}
			require.True(t, slices.ContainsFunc(kinds, func(k error) bool { return errors.Is(err, k) }), err)
			return
		}
		require.NotEmpty(t, m.Resources)
		for _, r := range m.Resources {
			require.True(t, filepath.IsLocal(r.Path), r.Path)
		}
	})
}
