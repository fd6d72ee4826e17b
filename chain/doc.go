// Package chain anchors what Hallmark decided in the ModelRegistry contract and reads it back.
//
// A [Client] reads: it needs an RPC endpoint and the contract's address, and trusts nothing else. An [Anchorer] writes:
// it takes records, keeps each as an intent in an [Outbox], sends exactly one transaction for it across crashes, and
// follows that transaction until its block is final. [Keys] holds the author key, which signs records (EIP-712), and the
// gas key, which pays for transactions; nobody else's records can be changed with either. [Deploy] puts the contract on
// a chain at an address that depends on its code and operator alone.
package chain
