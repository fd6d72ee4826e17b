// Package statement builds and reads the in-toto statements that Hallmark signs: who claims what about which artifact.
// Builders return canonical JSON, so that one claim has one digest; parsers are strict, so that two readers cannot
// read two claims in the same bytes. DSSE, the envelope around a statement, is here too; keys and signatures are not.
package statement

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hallmark-ml/hallmark"
)

// TypeV1 is the _type of every statement that Hallmark writes.
const TypeV1 = "https://in-toto.io/Statement/v1"

// typeV01 is read as well: "cosign attest-blob --predicate" still writes it.
const typeV01 = "https://in-toto.io/Statement/v0.1"

// The predicate types that Hallmark writes.
const (
	PredicateFingerprint  = "https://github.com/hallmark-ml/hallmark/fingerprint/v1"
	PredicateProvenance   = "https://slsa.dev/provenance/v1"
	PredicateRunPlan      = hallmark.RunPlanSchema
	PredicateTestResult   = "https://in-toto.io/attestation/test-result/v0.1"
	PredicateRuntimeTrace = "https://in-toto.io/attestation/runtime-trace/v0.1"
	PredicateSummary      = "https://slsa.dev/verification_summary/v1"
	PredicateReview       = "https://github.com/hallmark-ml/hallmark/review/v1"
	PredicateReference    = "https://in-toto.io/attestation/reference/v0.1"
)

// Bounds on what is built and read. Verifiers of the Sigstore family refuse more subjects or digests.
const (
	MaxSize     = 32 << 20 // bytes of a statement
	maxSubjects = 1024
	maxDigests  = 32
	maxText     = 4096 // bytes of a name, URI or annotation
)

// A Statement is an in-toto Statement. Its predicate is still raw; the parsers of this package read it by type.
type Statement struct {
	Type          string               `json:"_type"`
	Subject       []ResourceDescriptor `json:"subject"`
	PredicateType string               `json:"predicateType"`
	Predicate     json.RawMessage      `json:"predicate"`
}

// A ResourceDescriptor names an artifact. Source: in-toto attestation framework v1, ResourceDescriptor.
// A CID is a URI ("ipfs://..."), never a digest: a DigestSet has no key for it.
type ResourceDescriptor struct {
	Name             string            `json:"name,omitempty"`
	URI              string            `json:"uri,omitempty"`
	Digest           map[string]string `json:"digest,omitempty"`
	DownloadLocation string            `json:"downloadLocation,omitempty"`
	MediaType        string            `json:"mediaType,omitempty"`
	Annotations      map[string]any    `json:"annotations,omitempty"`
}

// Keys of DigestSet that Hallmark uses.
const (
	algSHA256  = "sha256"
	algDirHash = "dirHash"
)

// Parse reads a statement, v1 or v0.1. Keys that it does not know are ignored as the specification asks; a key given
// twice or in another letter case, trailing data and everything over a bound are [hallmark.ErrInvalid].
func Parse(b []byte) (Statement, error) {
	s, err := parse(b)
	if err != nil {
		return Statement{}, fmt.Errorf("statement: %w", err)
	}
	return s, nil
}

func parse(b []byte) (Statement, error) {
	var s Statement
	if len(b) > MaxSize {
		return s, fmt.Errorf("%d bytes, at most %d: %w", len(b), MaxSize, hallmark.ErrTooLarge)
	}
	if err := hallmark.DecodeOpenJSON(b, &s); err != nil {
		return s, err
	}
	switch {
	case s.Type != TypeV1 && s.Type != typeV01:
		return s, fmt.Errorf("type %.100q is not an in-toto statement: %w", s.Type, hallmark.ErrInvalid)
	case len(s.Subject) == 0:
		return s, fmt.Errorf("no subject: %w", hallmark.ErrInvalid)
	case len(s.Subject) > maxSubjects:
		return s, fmt.Errorf("%d subjects, at most %d: %w", len(s.Subject), maxSubjects, hallmark.ErrTooLarge)
	case s.PredicateType == "":
		return s, fmt.Errorf("no predicate type: %w", hallmark.ErrInvalid)
	case len(s.Predicate) == 0 || s.Predicate[0] != '{':
		return s, fmt.Errorf("predicate is not an object: %w", hallmark.ErrInvalid)
	}
	for i := range s.Subject {
		if len(s.Subject[i].Digest) == 0 {
			return s, fmt.Errorf("subject %d has no digest: %w", i, hallmark.ErrInvalid)
		}
		if err := s.Subject[i].check(); err != nil {
			return s, fmt.Errorf("subject %d: %w", i, err)
		}
	}
	return s, nil
}

// Is reports whether d, the digest of a file or the dirHash of a directory, is a subject of the statement.
func (s *Statement) Is(d hallmark.Digest) bool {
	for i := range s.Subject {
		if node, err := s.Subject[i].node(); err == nil && node.Digest == d {
			return true
		}
	}
	return false
}

// parseAs reads a statement of one predicate type with exactly one subject, which is returned with the predicate in v.
func parseAs(b []byte, predicateType string, v any) (hallmark.LineageNode, error) {
	s, err := parse(b)
	if err != nil {
		return hallmark.LineageNode{}, fmt.Errorf("statement: %w", err)
	}
	if s.PredicateType != predicateType {
		return hallmark.LineageNode{}, fmt.Errorf("statement: predicate type %.200q, want %q: %w", s.PredicateType, predicateType, hallmark.ErrPredicate)
	}
	if len(s.Subject) != 1 {
		return hallmark.LineageNode{}, fmt.Errorf("statement: %d subjects, want one: %w", len(s.Subject), hallmark.ErrPredicate)
	}
	subject, err := s.Subject[0].node()
	if err != nil {
		return hallmark.LineageNode{}, fmt.Errorf("statement: subject: %w", err)
	}
	if err := hallmark.DecodeOpenJSON(s.Predicate, v); err != nil {
		return hallmark.LineageNode{}, fmt.Errorf("statement: predicate: %w", err)
	}
	return subject, nil
}

// build encodes a statement about one artifact.
func build(subject ResourceDescriptor, predicateType string, predicate any) ([]byte, error) {
	raw, err := hallmark.CanonicalJSON(predicate)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", predicateType, err)
	}
	out, err := hallmark.CanonicalJSON(Statement{
		Type: TypeV1, Subject: []ResourceDescriptor{subject}, PredicateType: predicateType, Predicate: raw,
	})
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", predicateType, err)
	}
	if _, err := parse(out); err != nil { // nothing is written that would not be read
		return nil, fmt.Errorf("build %s: %w", predicateType, err)
	}
	return out, nil
}

// describe is the descriptor of an artifact: the name-bound digest under its own key, the CID as a URI.
func describe(n hallmark.LineageNode) ResourceDescriptor {
	d := ResourceDescriptor{Name: n.Name, Digest: map[string]string{algSHA256: n.Digest.Hex()}}
	if n.Dir {
		d.Digest = map[string]string{algDirHash: n.Digest.Hex()}
	}
	if n.CID != "" {
		d.URI = "ipfs://" + n.CID
	}
	if n.Kind != "" {
		d.Annotations = map[string]any{"kind": string(n.Kind)}
	}
	return d
}

// node reads what describe wrote. A descriptor with both digests would name two artifacts and is refused.
func (d *ResourceDescriptor) node() (hallmark.LineageNode, error) {
	if err := d.check(); err != nil {
		return hallmark.LineageNode{}, err
	}
	file, isFile := d.Digest[algSHA256]
	dir, isDir := d.Digest[algDirHash]
	if isFile == isDir {
		return hallmark.LineageNode{}, fmt.Errorf("%.100q: want one of the digests sha256 and dirHash: %w", d.Name, hallmark.ErrPredicate)
	}
	digest, err := hallmark.ParseDigest(file + dir)
	if err != nil {
		return hallmark.LineageNode{}, err
	}
	n := hallmark.LineageNode{Name: d.Name, Dir: isDir, Digest: digest}
	if cid, ok := strings.CutPrefix(d.URI, "ipfs://"); ok {
		n.CID = cid
	}
	kind, err := d.annotation("kind")
	n.Kind = hallmark.ArtifactKind(kind)
	switch n.Kind {
	case "", hallmark.KindModel, hallmark.KindDataset, hallmark.KindScript, hallmark.KindAdapter, hallmark.KindReport:
		return n, err
	default:
		return n, fmt.Errorf("%.100q: unknown kind %.40q: %w", d.Name, kind, hallmark.ErrInvalid)
	}
}

// annotation returns a text annotation, "" if there is none.
func (d *ResourceDescriptor) annotation(key string) (string, error) {
	v, ok := d.Annotations[key]
	if !ok {
		return "", nil
	}
	text, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("annotation %q of %.100q is not text: %w", key, d.Name, hallmark.ErrInvalid)
	}
	return text, checkText(key, text)
}

func (d *ResourceDescriptor) check() error {
	for key, text := range map[string]string{
		"name": d.Name, "uri": d.URI, "downloadLocation": d.DownloadLocation, "mediaType": d.MediaType,
	} {
		if err := checkText(key, text); err != nil {
			return err
		}
	}
	if len(d.Digest) > maxDigests {
		return fmt.Errorf("%d digests, at most %d: %w", len(d.Digest), maxDigests, hallmark.ErrTooLarge)
	}
	for alg, value := range d.Digest {
		if err := checkText("digest", alg+value); err != nil {
			return err
		}
		if alg == algSHA256 || alg == algDirHash {
			if d, err := hallmark.ParseDigest(value); err != nil || d.Hex() != value || d.IsZero() {
				return fmt.Errorf("digest %s is %.80q, not 64 hex digits: %w", alg, value, hallmark.ErrInvalid)
			}
		}
	}
	return nil
}

// checkText accepts text of one line that shows what it is: no control or format characters, bounded.
func checkText(what, s string) error {
	switch {
	case len(s) > maxText:
		return fmt.Errorf("%s is longer than %d bytes: %w", what, maxText, hallmark.ErrTooLarge)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%s %.80q is not plain text of one line: %w", what, s, hallmark.ErrInvalid)
	default:
		return nil
	}
}
