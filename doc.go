// Package hallmark holds the words that all of Hallmark's packages share: digests, artifacts, fingerprints, lineage,
// findings, reports, verdicts and the kinds of error. It imports only the standard library and does no I/O.
//
// The flow of one model version, and the package that does each step:
//
//	submit      server/api
//	fingerprint attest/fingerprint
//	scan, test  sandbox (in the jail: sandbox/guest)
//	decide      attest/policy
//	attest      attest/statement, attest/sign, attest/tlog, attest/evidence
//	anchor      chain
//	serve       server/gateway
//	verify      cli/hallmark
package hallmark
