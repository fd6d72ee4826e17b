// Package fingerprint computes everything that Hallmark knows of an artifact from one read of its bytes: SHA-256 of
// each file, name-bound dirHash of a directory, OMS root digest, IPFS CID and tensor digests. It parses no header of the
// file; where tensors lie, a caller says (who asks a jailed process), and the ranges are checked before they are hashed.
//
// The CID follows the profile unixfs-v1-2025 (IPIP-499) with hidden entries included and symbolic links refused, and
// equals that of "ipfs add -r -H" with that profile.
package fingerprint
