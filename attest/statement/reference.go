package statement

import (
	"fmt"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// A ReferenceClaim points from an artifact at documents in IPFS: a small signed pointer to large evidence.
type ReferenceClaim struct {
	Subject   hallmark.LineageNode
	Attester  string // URI that names who provides the documents. Required
	Documents []Document
}

// A Document is one referenced document. All fields are required.
type Document struct {
	Name      string
	MediaType string
	CID       string
	Digest    hallmark.Digest // SHA-256 of its bytes
}

// reference is in-toto's reference v0.1.
type reference struct {
	Attester   uriHolder            `json:"attester"`
	References []ResourceDescriptor `json:"references"`
}

// Reference returns the statement of where documents about an artifact are.
func Reference(c ReferenceClaim) ([]byte, error) {
	p := reference{Attester: uriHolder{ID: c.Attester}, References: make([]ResourceDescriptor, 0, len(c.Documents))}
	for _, d := range c.Documents {
		p.References = append(p.References, ResourceDescriptor{
			Name: d.Name, MediaType: d.MediaType, DownloadLocation: "ipfs://" + d.CID,
			Digest: map[string]string{algSHA256: d.Digest.Hex()},
		})
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("reference: %w", err)
	}
	return build(describe(c.Subject), PredicateReference, p)
}

// ParseReference reads what [Reference] wrote.
func ParseReference(b []byte) (ReferenceClaim, error) {
	var p reference
	subject, err := parseAs(b, PredicateReference, &p)
	if err != nil {
		return ReferenceClaim{}, err
	}
	if err := p.check(); err != nil {
		return ReferenceClaim{}, fmt.Errorf("reference: %w", err)
	}
	c := ReferenceClaim{Subject: subject, Attester: p.Attester.ID}
	for i := range p.References {
		r := &p.References[i]
		node, err := r.node()
		if err != nil {
			return ReferenceClaim{}, fmt.Errorf("reference %d: %w", i, err)
		}
		c.Documents = append(c.Documents, Document{
			Name: r.Name, MediaType: r.MediaType, CID: strings.TrimPrefix(r.DownloadLocation, "ipfs://"), Digest: node.Digest,
		})
	}
	return c, nil
}

func (p *reference) check() error {
	if p.Attester.ID == "" || len(p.References) == 0 || len(p.References) > maxAttestations {
		return fmt.Errorf("attester missing, or %d references, not 1 to %d: %w", len(p.References), maxAttestations, hallmark.ErrPredicate)
	}
	for i := range p.References {
		r := &p.References[i]
		if err := r.check(); err != nil {
			return err
		}
		if cid, ok := strings.CutPrefix(r.DownloadLocation, "ipfs://"); !ok || cid == "" || r.MediaType == "" || r.Name == "" {
			return fmt.Errorf("document %d has no name, media type or IPFS location: %w", i, hallmark.ErrPredicate)
		}
	}
	return nil
}
