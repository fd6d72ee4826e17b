// Package gateway serves attested versions through an OpenAI-compatible API.
//
// What is served is one immutable snapshot behind an atomic pointer: it is built, verified and then swapped, so that a
// request sees one state of the world. A version enters it only through [Gateway.Admit], which loads the bytes through a
// [Loader] that hashes what it seals into memory; the running copy never reads the file again. Every answer names the
// digest, verdict, report and anchor of the version that gave it.
package gateway
