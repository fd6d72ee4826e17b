// Package al is the active-learning core: it decides what to look at next when looking costs something. It chooses test
// cases under a budget of tokens, findings for a person's review, and learns from feedback; a user's own type works as well
// (see the example).
//
// A [FeatureExtractor] turns an item into a vector of fixed length, a [Committee] of online logistic models predicts
// the chance that it is positive (a test case: that it fails), a [QueryStrategy] turns predictions into probabilities, and a
// [Controller] draws. Draws for an estimate of the rate ([Estimate]) and draws that hunt for positives are kept apart.
//
// Everything is deterministic: the same items, seed and answers give the same draws, bit for bit, on every machine. So
// floating-point products stand inside conversions, which keeps compilers from fusing them with sums; exponentials and
// logarithms are this package's own; no map is iterated over. There is no I/O and no clock.
package al
