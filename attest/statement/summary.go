package statement

import (
	"fmt"
	"strings"
	"time"

	"github.com/hallmark-ml/hallmark"
)

// maxAttestations bounds the input attestations of a summary and the references of a reference.
const maxAttestations = 1024

// A SummaryClaim is what a verification summary says: the decision, the policy, and the evidence it rests on.
type SummaryClaim struct {
	Subject hallmark.LineageNode
	Verdict hallmark.Verdict
	// Verifier is a URI that names who decided, for example that of the service. Required.
	Verifier string
	Time     time.Time // kept to the second, in UTC
	// Inputs are the attestations that the policy saw.
	Inputs []Attestation
}

// An Attestation points at a signed statement. Digest is the SHA-256 of its DSSE envelope.
type Attestation struct {
	CID    string // of the bundle; optional
	Digest hallmark.Digest
}

// summary is SLSA's verification summary v1. hallmarkVerdict is an extension: the reasons.
type summary struct {
	Verifier           uriHolder        `json:"verifier"`
	TimeVerified       time.Time        `json:"timeVerified"`
	ResourceURI        string           `json:"resourceUri"`
	Policy             uriDigest        `json:"policy"`
	InputAttestations  []uriDigest      `json:"inputAttestations"`
	VerificationResult string           `json:"verificationResult"`
	VerifiedLevels     []string         `json:"verifiedLevels"`
	Verdict            hallmark.Verdict `json:"hallmarkVerdict"`
}

type uriHolder struct {
	ID string `json:"id"`
}

type uriDigest struct {
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest"`
}

const policyPrefix = "https://github.com/hallmark-ml/hallmark/policy/"

// levelOf is the one verified level: SLSA leaves all names but SLSA_* to others.
func levelOf(d hallmark.Decision) string {
	if d == hallmark.Allow {
		return "HALLMARK_ALLOW"
	}
	return Failed
}

// VSA returns the statement of a decision. Only allow is PASSED.
func VSA(c SummaryClaim) ([]byte, error) {
	if c.Verifier == "" || c.Verdict.Decision == "" || c.Verdict.PolicyHash.IsZero() || c.Time.IsZero() {
		return nil, fmt.Errorf("verification summary: verifier, decision, policy digest or time is missing: %w", hallmark.ErrInvalid)
	}
	p := summary{
		Verifier:     uriHolder{ID: c.Verifier},
		TimeVerified: c.Time.UTC().Truncate(time.Second),
		ResourceURI:  resourceURI(c.Subject),
		Policy: uriDigest{
			URI: policyPrefix + c.Verdict.Policy, Digest: map[string]string{algSHA256: c.Verdict.PolicyHash.Hex()},
		},
		InputAttestations:  make([]uriDigest, 0, len(c.Inputs)),
		VerificationResult: Failed,
		VerifiedLevels:     []string{levelOf(c.Verdict.Decision)},
		Verdict:            c.Verdict,
	}
	if c.Verdict.Decision == hallmark.Allow {
		p.VerificationResult = Passed
	}
	for _, in := range c.Inputs {
		d := uriDigest{Digest: map[string]string{algSHA256: in.Digest.Hex()}}
		if in.CID != "" {
			d.URI = "ipfs://" + in.CID
		}
		p.InputAttestations = append(p.InputAttestations, d)
	}
	return build(describe(c.Subject), PredicateSummary, p)
}

// resourceURI names the artifact that the summary is about: its CID, or its digest where there is none.
func resourceURI(n hallmark.LineageNode) string {
	if n.CID != "" {
		return "ipfs://" + n.CID
	}
	return "urn:" + n.Digest.String()
}

// ParseVSA reads what [VSA] wrote. A result that the decision does not give, or a policy other than the verdict's, is
// [hallmark.ErrPredicate].
func ParseVSA(b []byte) (SummaryClaim, error) {
	var p summary
	subject, err := parseAs(b, PredicateSummary, &p)
	if err != nil {
		return SummaryClaim{}, err
	}
	c := SummaryClaim{Subject: subject, Verdict: p.Verdict, Verifier: p.Verifier.ID, Time: p.TimeVerified.UTC()}
	switch p.Verdict.Decision {
	case hallmark.Allow, hallmark.Block, hallmark.Challenge, hallmark.Undecided:
	default:
		return SummaryClaim{}, fmt.Errorf("verification summary: unknown decision %.40q: %w", p.Verdict.Decision, hallmark.ErrPredicate)
	}
	allowed := p.Verdict.Decision == hallmark.Allow
	if allowed != (p.VerificationResult == Passed) || !allowed && p.VerificationResult != Failed ||
		len(p.VerifiedLevels) != 1 || p.VerifiedLevels[0] != levelOf(p.Verdict.Decision) {
		return SummaryClaim{}, fmt.Errorf("verification summary: result %.40q %.80q for decision %q: %w", p.VerificationResult, p.VerifiedLevels, p.Verdict.Decision, hallmark.ErrPredicate)
	}
	if p.Policy.URI != policyPrefix+p.Verdict.Policy || p.Policy.Digest[algSHA256] != p.Verdict.PolicyHash.Hex() || p.Verdict.PolicyHash.IsZero() {
		return SummaryClaim{}, fmt.Errorf("verification summary: policy differs from the verdict's: %w", hallmark.ErrPredicate)
	}
	if p.Verifier.ID == "" || p.TimeVerified.IsZero() || p.ResourceURI != resourceURI(subject) {
		return SummaryClaim{}, fmt.Errorf("verification summary: verifier, time or resource is missing or not the subject's: %w", hallmark.ErrPredicate)
	}
	if len(p.InputAttestations) > maxAttestations {
		return SummaryClaim{}, fmt.Errorf("verification summary: %d input attestations, at most %d: %w", len(p.InputAttestations), maxAttestations, hallmark.ErrTooLarge)
	}
	for i, in := range p.InputAttestations {
		d, err := hallmark.ParseDigest(in.Digest[algSHA256])
		if err != nil {
			return SummaryClaim{}, fmt.Errorf("verification summary: input attestation %d: %w", i, err)
		}
		c.Inputs = append(c.Inputs, Attestation{CID: strings.TrimPrefix(in.URI, "ipfs://"), Digest: d})
	}
	return c, nil
}
