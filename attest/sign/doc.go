// Package sign makes and checks signatures on statements: P-256 keys in cosign's encrypted file format, DSSE, Sigstore
// bundles v0.3 with the key hint of OpenSSF Model Signing, and lists of trusted keys.
//
// Keys are made and opened with cosign's library, so that cosign reads them. Checking uses the standard library alone
// and is stricter than the outside verifiers: what passes here passes there, not the other way round.
package sign
