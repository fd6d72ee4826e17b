// Package sandbox is the host's side of the sandbox: it opens a jailed guest on a sealed model, and runs a suite of test
// cases on it that ends in a report.
package sandbox
