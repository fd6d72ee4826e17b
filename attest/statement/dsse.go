package statement

import (
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/hallmark-ml/hallmark"
)

// PayloadType is the DSSE payload type of every statement.
const PayloadType = "application/vnd.in-toto+json"

// An Envelope is a DSSE envelope with one signature over one statement.
type Envelope struct {
	Payload   []byte // the statement, as it was signed
	Signature []byte // ASN.1 DER for ECDSA
}

// wireEnvelope is the JSON form. Source: DSSE protocol 1.0.2, envelope.md.
type wireEnvelope struct {
	Payload     string          `json:"payload"`
	PayloadType string          `json:"payloadType"`
	Signatures  []wireSignature `json:"signatures"`
}

type wireSignature struct {
	KeyID *string `json:"keyid,omitempty"`
	Sig   string  `json:"sig"`
}

// PAE is DSSE's pre-authentication encoding: the bytes that are signed.
func PAE(payloadType string, payload []byte) []byte {
	b := make([]byte, 0, len(payload)+len(payloadType)+48)
	b = append(b, "DSSEv1 "...)
	b = strconv.AppendInt(b, int64(len(payloadType)), 10)
	b = append(append(append(b, ' '), payloadType...), ' ')
	b = strconv.AppendInt(b, int64(len(payload)), 10)
	return append(append(b, ' '), payload...)
}

// Encode returns the envelope in its one canonical form. Its SHA-256 is the leaf of the transparency log.
func (e Envelope) Encode() ([]byte, error) {
	if len(e.Payload) == 0 || len(e.Signature) == 0 {
		return nil, fmt.Errorf("encode envelope: empty payload or signature: %w", hallmark.ErrInvalid)
	}
	return hallmark.CanonicalJSON(wireEnvelope{
		Payload:     base64.StdEncoding.EncodeToString(e.Payload),
		PayloadType: PayloadType,
		Signatures:  []wireSignature{{Sig: base64.StdEncoding.EncodeToString(e.Signature)}},
	})
}

// ParseEnvelope reads an envelope strictly: in-toto payload type, exactly one signature, padded standard base64 without
// stray bits, no key id (nothing would sign it), no unknown or repeated key. The white space around values is free.
func ParseEnvelope(b []byte) (Envelope, error) {
	var w wireEnvelope
	if len(b) > 2*MaxSize {
		return Envelope{}, fmt.Errorf("envelope: %d bytes, at most %d: %w", len(b), 2*MaxSize, hallmark.ErrTooLarge)
	}
	if err := hallmark.DecodeJSON(b, &w); err != nil {
		return Envelope{}, fmt.Errorf("envelope: %w", err)
	}
	switch {
	case w.PayloadType != PayloadType:
		return Envelope{}, fmt.Errorf("envelope: payload type %.80q, want %q: %w", w.PayloadType, PayloadType, hallmark.ErrInvalid)
	case len(w.Signatures) != 1:
		return Envelope{}, fmt.Errorf("envelope: %d signatures, want one: %w", len(w.Signatures), hallmark.ErrInvalid)
	case w.Signatures[0].KeyID != nil && *w.Signatures[0].KeyID != "":
		return Envelope{}, fmt.Errorf("envelope: key id %.80q: want none: %w", *w.Signatures[0].KeyID, hallmark.ErrInvalid)
	}
	payload, err := decodeBase64(w.Payload)
	if err != nil {
		return Envelope{}, fmt.Errorf("envelope: payload: %w", err)
	}
	sig, err := decodeBase64(w.Signatures[0].Sig)
	if err != nil {
		return Envelope{}, fmt.Errorf("envelope: signature: %w", err)
	}
	return Envelope{Payload: payload, Signature: sig}, nil
}

// decodeBase64 accepts only the text that encoding gives back: the standard decoder skips line breaks.
func decodeBase64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) == 0 || base64.StdEncoding.EncodedLen(len(b)) != len(s) {
		return nil, fmt.Errorf("not standard base64, or empty: %w", hallmark.ErrInvalid)
	}
	return b, nil
}
