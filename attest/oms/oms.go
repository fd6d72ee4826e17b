// Package oms builds and checks statements of OpenSSF Model Signing v1.0 (predicate
// https://model_signing/signature/v1.0), so that models can be verified with that project's tools and models signed with
// them can be verified here. The envelope and the signature around a statement are attest/sign's.
//
// Where the specification and its reference implementation differ, both are read, and what is written is what the
// reference reads: a single file is named ".", and resources are in component order.
package oms

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
)

// PredicateType is the predicate type of OMS v1.0. Its host has no dot, which is right.
const PredicateType = "https://model_signing/signature/v1.0"

const statementType = "https://in-toto.io/Statement/v1"

// Bounds on what is read.
const (
	maxSize      = 32 << 20 // bytes of a statement
	maxResources = 1 << 17
	maxIgnored   = 256
)

// The serialization methods.
const (
	MethodFiles  = "files"
	MethodShards = "shards"
)

const (
	algorithm  = "sha256" // the one hash that a verifier must know, and the only one here
	singleFile = "."
)

// wireStatement is the JSON form. Source: OMS specification v1.0, sections 5 and 6, and its schemas.
type wireStatement struct {
	Type          string        `json:"_type"`
	Subject       []wireSubject `json:"subject"`
	PredicateType string        `json:"predicateType"`
	Predicate     wirePredicate `json:"predicate"`
}

type wireSubject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type wirePredicate struct {
	Resources     []wireResource `json:"resources"`
	Serialization wireMethod     `json:"serialization"`
}

type wireResource struct {
	Algorithm string `json:"algorithm"`
	Digest    string `json:"digest"`
	Name      string `json:"name"`
}

type wireMethod struct {
	Method        string      `json:"method"`
	HashType      string      `json:"hash_type"`
	AllowSymlinks *bool       `json:"allow_symlinks"`
	ShardSize     json.Number `json:"shard_size,omitempty"` // the reference's goldens write 8.0
	IgnorePaths   []string    `json:"ignore_paths,omitempty"`
}

// Statement returns the OMS statement of a fingerprint, method "files", as canonical JSON.
func Statement(fp hallmark.Fingerprint) ([]byte, error) {
	files, noLinks := fp.Files, false
	w := wireStatement{
		Type:          statementType,
		Subject:       []wireSubject{{Name: fp.Name, Digest: map[string]string{algorithm: fp.OMSRoot.Hex()}}},
		PredicateType: PredicateType,
	}
	w.Predicate.Serialization = wireMethod{Method: MethodFiles, HashType: algorithm, AllowSymlinks: &noLinks}
	if fp.Dir {
		files = fingerprint.OMSFiles(files)
		w.Predicate.Serialization.IgnorePaths = fingerprint.OMSIgnored()
	}
	for _, f := range files {
		name := f.Path
		if !fp.Dir {
			name = singleFile
		}
		w.Predicate.Resources = append(w.Predicate.Resources, wireResource{Algorithm: algorithm, Digest: f.SHA256.Hex(), Name: name})
	}
	out, err := hallmark.CanonicalJSON(w)
	if err != nil {
		return nil, fmt.Errorf("OMS statement: %w", err)
	}
	if _, err := Parse(out); err != nil { // nothing is written that would not be read
		return nil, fmt.Errorf("OMS statement: %w", err)
	}
	return out, nil
}

// A Manifest is what an OMS statement says of a model.
type Manifest struct {
	Name          string          // of the model, informational
	Root          hallmark.Digest // recomputed from Resources; does not bind their names, the signature does
	Method        string
	ShardSize     int64 // bytes; with MethodShards only
	AllowSymlinks bool  // the signer followed symbolic links; Verify never does
	Ignored       []string
	Resources     []Resource // in the signed order
}

// A Resource is a file, or with [MethodShards] the bytes Start to End of one.
type Resource struct {
	Path       string // relative, "." for a model that is a single file
	Start, End int64  // with MethodShards only
	SHA256     hallmark.Digest
}

// Parse reads an OMS statement and recomputes its root. A statement of another type is [hallmark.ErrPredicate], a root
// that does not follow from the resources [hallmark.ErrDigest], anything ill-formed [hallmark.ErrInvalid]: a hash other
// than SHA-256, a path that leaves the model, two resources of one name or of names that differ in Unicode form only,
// shards that do not tile their file, an empty manifest.
func Parse(statement []byte) (Manifest, error) {
	m, err := parse(statement)
	if err != nil {
		return Manifest{}, fmt.Errorf("OMS statement: %w", err)
	}
	return m, nil
}

func parse(b []byte) (Manifest, error) {
	var w wireStatement
	if len(b) > maxSize {
		return Manifest{}, fmt.Errorf("%d bytes, at most %d: %w", len(b), maxSize, hallmark.ErrTooLarge)
	}
	if err := hallmark.DecodeOpenJSON(b, &w); err != nil {
		return Manifest{}, err
	}
	switch {
	case w.Type != statementType:
		return Manifest{}, fmt.Errorf("type %.100q, want %q: %w", w.Type, statementType, hallmark.ErrInvalid)
	case w.PredicateType != PredicateType:
		return Manifest{}, fmt.Errorf("predicate type %.100q, want %q: %w", w.PredicateType, PredicateType, hallmark.ErrPredicate)
	case len(w.Subject) != 1:
		return Manifest{}, fmt.Errorf("%d subjects, want one: %w", len(w.Subject), hallmark.ErrInvalid)
	case len(w.Predicate.Resources) == 0:
		return Manifest{}, fmt.Errorf("no resources: an empty model: %w", hallmark.ErrInvalid)
	case len(w.Predicate.Resources) > maxResources:
		return Manifest{}, fmt.Errorf("%d resources, at most %d: %w", len(w.Predicate.Resources), maxResources, hallmark.ErrTooLarge)
	}
	m, err := parseMethod(w.Predicate.Serialization)
	if err != nil {
		return Manifest{}, err
	}
	m.Name = w.Subject[0].Name
	digests := make([]hallmark.FileDigest, 0, len(w.Predicate.Resources))
	for i, r := range w.Predicate.Resources {
		res, err := m.resource(r)
		if err != nil {
			return Manifest{}, fmt.Errorf("resource %d, %.100q: %w", i, r.Name, err)
		}
		m.Resources = append(m.Resources, res)
		digests = append(digests, hallmark.FileDigest{SHA256: res.SHA256})
	}
	if err := m.checkNames(); err != nil {
		return Manifest{}, err
	}
	m.Root = fingerprint.OMSRoot(digests)
	if signed := w.Subject[0].Digest[algorithm]; signed != m.Root.Hex() {
		return Manifest{}, fmt.Errorf("root digest is %.80q, the resources give %s: %w", signed, m.Root.Hex(), hallmark.ErrDigest)
	}
	return m, nil
}

func parseMethod(w wireMethod) (Manifest, error) {
	m := Manifest{Method: w.Method, Ignored: w.IgnorePaths}
	switch {
	case w.HashType != algorithm:
		return m, fmt.Errorf("hash type %.40q, only %q is known here: %w", w.HashType, algorithm, hallmark.ErrInvalid)
	case w.AllowSymlinks == nil:
		return m, fmt.Errorf("allow_symlinks is missing: %w", hallmark.ErrInvalid)
	case len(w.IgnorePaths) > maxIgnored:
		return m, fmt.Errorf("%d ignored paths, at most %d: %w", len(w.IgnorePaths), maxIgnored, hallmark.ErrTooLarge)
	}
	m.AllowSymlinks = *w.AllowSymlinks
	for _, p := range w.IgnorePaths {
		if err := checkPath(p); err != nil {
			return m, fmt.Errorf("ignored path: %w", err)
		}
	}
	switch w.Method {
	case MethodFiles:
		if w.ShardSize != "" {
			return m, fmt.Errorf("shard_size with method files: %w", hallmark.ErrInvalid)
		}
	case MethodShards:
		size, err := w.ShardSize.Float64()
		if err != nil || size < 1 || size != math.Trunc(size) || size >= 1<<53 {
			return m, fmt.Errorf("shard_size %.40q is not a positive whole number: %w", w.ShardSize, hallmark.ErrInvalid)
		}
		m.ShardSize = int64(size)
	default:
		return m, fmt.Errorf("unknown method %.40q: %w", w.Method, hallmark.ErrInvalid)
	}
	return m, nil
}

func (m *Manifest) resource(w wireResource) (Resource, error) {
	sharded := algorithm + "-sharded-" + strconv.FormatInt(m.ShardSize, 10) // the reference's name of the same hash
	if w.Algorithm != algorithm && (m.Method != MethodShards || w.Algorithm != sharded) {
		return Resource{}, fmt.Errorf("algorithm %.60q: %w", w.Algorithm, hallmark.ErrInvalid)
	}
	var r Resource
	if n, err := hex.Decode(r.SHA256[:], []byte(w.Digest[:min(len(w.Digest), 2*len(r.SHA256))])); err != nil || n != len(r.SHA256) || r.SHA256.Hex() != w.Digest {
		return Resource{}, fmt.Errorf("digest %.80q is not 64 lower-case hex digits: %w", w.Digest, hallmark.ErrInvalid)
	}
	r.Path = w.Name
	if m.Method == MethodShards {
		if err := r.setRange(w.Name); err != nil {
			return Resource{}, err
		}
		if r.End-r.Start > m.ShardSize {
			return Resource{}, fmt.Errorf("longer than the shard size %d: %w", m.ShardSize, hallmark.ErrInvalid)
		}
	}
	if r.Path == singleFile {
		return r, nil
	}
	return r, checkPath(r.Path)
}

// setRange splits "path:start:end" at the last two colons, since a path may hold more.
func (r *Resource) setRange(name string) error {
	last := strings.LastIndexByte(name, ':')
	first := strings.LastIndexByte(name[:max(last, 0)], ':')
	if first >= 0 {
		var err1, err2 error
		r.Path = name[:first]
		r.Start, err1 = strconv.ParseInt(name[first+1:last], 10, 64)
		r.End, err2 = strconv.ParseInt(name[last+1:], 10, 64)
		canonical := fmt.Sprintf("%s:%d:%d", r.Path, r.Start, r.End) == name // no sign, no leading zero
		if err1 == nil && err2 == nil && canonical && 0 <= r.Start && r.Start < r.End {
			return nil
		}
	}
	return fmt.Errorf("not path:start:end with start < end: %w", hallmark.ErrInvalid)
}

// checkPath accepts a clean relative path of plain names.
func checkPath(p string) error {
	if p == "" || path.IsAbs(p) || path.Clean(p) != p {
		return fmt.Errorf("path %.100q is not clean and relative: %w", p, hallmark.ErrInvalid)
	}
	for name := range strings.SplitSeq(p, "/") {
		if err := fingerprint.CheckName(name); err != nil {
			return err
		}
	}
	return nil
}

// checkNames refuses names that two readers could take for one another, and shards that leave a gap.
func (m *Manifest) checkNames() error {
	forms := make(map[string]string) // NFC form to path
	ends := make(map[string]int64)   // path to where its shards have come
	for _, r := range m.Resources {
		form := norm.NFC.String(r.Path)
		first, seen := forms[form]
		if seen && (first != r.Path || m.Method == MethodFiles) {
			return fmt.Errorf("resource %.100q is named twice: %w", r.Path, hallmark.ErrInvalid)
		}
		forms[form] = r.Path
		if m.Method == MethodFiles {
			continue
		}
		// Every shard but the last of a file is full, so the next one starts at a multiple of the size.
		if r.Start != ends[r.Path] || r.Start%m.ShardSize != 0 {
			return fmt.Errorf("resource %.100q: shard %d:%d leaves a gap, overlaps or is out of order: %w", r.Path, r.Start, r.End, hallmark.ErrInvalid)
		}
		ends[r.Path] = r.End
	}
	if _, single := forms[singleFile]; single && len(forms) > 1 {
		return fmt.Errorf("resource %q beside others: %w", singleFile, hallmark.ErrInvalid)
	}
	for p := range forms { // a file cannot also be a directory
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			if _, isFile := forms[dir]; isFile {
				return fmt.Errorf("resource %.100q lies under a file: %w", p, hallmark.ErrInvalid)
			}
		}
	}
	return nil
}

// lists reports whether a resource is rel or lies under it.
func (m *Manifest) lists(rel string) bool {
	return slices.ContainsFunc(m.Resources, func(r Resource) bool { return within(r.Path, rel) })
}

// ignored reports whether the signer left rel out, itself or with a directory above it. There are no patterns.
func (m *Manifest) ignored(rel string) bool {
	return slices.ContainsFunc(m.Ignored, func(p string) bool { return within(rel, p) })
}

// within reports whether rel is p or lies under it, by component.
func within(rel, p string) bool {
	rest, ok := strings.CutPrefix(rel, p)
	return ok && (rest == "" || rest[0] == '/')
}
