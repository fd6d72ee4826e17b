package statement

import (
	"fmt"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
)

// fingerprintPredicate is [PredicateFingerprint]: the fingerprint and the rules under which its CID holds.
type fingerprintPredicate struct {
	Fingerprint hallmark.Fingerprint `json:"fingerprint"`
	CIDRules    cidRules             `json:"cidRules"`
}

type cidRules struct {
	Profile  string `json:"profile"`
	Hidden   bool   `json:"hidden"`   // hidden entries are part of the CID
	Symlinks string `json:"symlinks"` // "reject"
}

// Fingerprint returns the statement of an artifact's own fingerprint. The OMS root is an annotation of the subject,
// never its digest, because it does not bind names.
func Fingerprint(fp hallmark.Fingerprint) ([]byte, error) {
	if err := checkFingerprint(fp); err != nil {
		return nil, fmt.Errorf("fingerprint statement: %w", err)
	}
	subject := describe(hallmark.LineageNode{Name: fp.Name, Kind: fp.Kind, Dir: fp.Dir, Digest: fp.Digest, CID: fp.CID})
	subject.Annotations["omsRoot"] = fp.OMSRoot.Hex()
	return build(subject, PredicateFingerprint, fingerprintPredicate{
		Fingerprint: fp,
		CIDRules:    cidRules{Profile: hallmark.CIDProfile, Hidden: true, Symlinks: "reject"},
	})
}

// ParseFingerprint reads what [Fingerprint] wrote and checks that its digests follow from its files.
func ParseFingerprint(b []byte) (hallmark.Fingerprint, error) {
	var p fingerprintPredicate
	subject, err := parseAs(b, PredicateFingerprint, &p)
	if err != nil {
		return hallmark.Fingerprint{}, err
	}
	fp := p.Fingerprint
	if subject.Digest != fp.Digest || subject.Dir != fp.Dir {
		return hallmark.Fingerprint{}, fmt.Errorf("fingerprint statement: subject %v, predicate %v: %w", subject.Digest, fp.Digest, hallmark.ErrPredicate)
	}
	if p.CIDRules != (cidRules{Profile: hallmark.CIDProfile, Hidden: true, Symlinks: "reject"}) {
		return hallmark.Fingerprint{}, fmt.Errorf("fingerprint statement: unknown CID rules %.200q: %w", fmt.Sprint(p.CIDRules), hallmark.ErrPredicate)
	}
	if err := checkFingerprint(fp); err != nil {
		return hallmark.Fingerprint{}, fmt.Errorf("fingerprint statement: %w", err)
	}
	return fp, nil
}

// checkFingerprint recomputes everything that does not need the bytes.
func checkFingerprint(fp hallmark.Fingerprint) error {
	if len(fp.Files) == 0 || !fp.Dir && len(fp.Files) != 1 {
		return fmt.Errorf("%d files: %w", len(fp.Files), hallmark.ErrPredicate)
	}
	if fp.CIDProfile != hallmark.CIDProfile || fp.Kind == "" || fp.CID == "" {
		return fmt.Errorf("kind, CID or its profile is missing: %w", hallmark.ErrPredicate)
	}
	size := int64(0)
	for _, f := range fp.Files {
		if f.Size < 0 {
			return fmt.Errorf("%q has size %d: %w", f.Path, f.Size, hallmark.ErrPredicate)
		}
		size += f.Size
	}
	digest, root := fp.Files[0].SHA256, fingerprint.OMSRoot(fp.Files)
	if fp.Dir {
		digest, root = fingerprint.DirHash(fp.Files), fingerprint.OMSRoot(fingerprint.OMSFiles(fp.Files))
	}
	if size != fp.Size || digest != fp.Digest || root != fp.OMSRoot {
		return fmt.Errorf("size or digests do not follow from the files: %w", hallmark.ErrPredicate)
	}
	return nil
}
