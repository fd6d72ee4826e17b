// Package probe asks a model questions that show whether it is safe to serve, and judges the answers without another
// model: by nonces, parsers and checksums.
//
// A detector turns a suite (data: carriers, wordings, tasks) and a seed into cases, and judges one completion a case.
// Cases depend on the seed and their own id alone, so that an interrupted run can be resumed and a published one repeated.
package probe
