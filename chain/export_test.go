package chain

import "crypto/ecdsa"

// GasKey lets a test misuse the gas key.
func GasKey(k *Keys) *ecdsa.PrivateKey { return k.gas }
