package pii

import (
	"crypto/sha256"
	"math/bits"
	"strings"
)

const base58Alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58Index holds one more than the place of a byte in the alphabet, zero outside it.
var base58Index = func() (t [256]uint8) {
	for i := range len(base58Alphabet) {
		t[base58Alphabet[i]] = uint8(i + 1)
	}
	return t
}()

// base58check decodes a Base58Check value of 25 bytes (version, 20 bytes of hash, 4 of double SHA-256) and reports its
// version. Source: the Bitcoin wiki's description of the encoding.
func base58check(s string) (version byte, ok bool) {
	var n [25]byte
	for i := range len(s) {
		carry := int(base58Index[s[i]]) - 1
		if carry < 0 {
			return 0, false
		}
		for j := len(n) - 1; j >= 0; j-- {
			carry += int(n[j]) * 58
			n[j] = byte(carry)
			carry >>= 8
		}
		if carry != 0 {
			return 0, false
		}
	}
	first := sha256.Sum256(n[:21])
	second := sha256.Sum256(first[:])
	return n[0], string(second[:4]) == string(n[21:])
}

const bech32Alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32 checks an address of BIP 173 or BIP 350: version 0 has the first checksum constant, later ones the second.
func bech32(s string) bool {
	mark := strings.LastIndexByte(s, '1')
	if mark < 1 || len(s)-mark < 8 || len(s) > 90 {
		return false
	}
	sum := uint32(1)
	for i := range mark {
		sum = bech32Step(sum, (s[i]|0x20)>>5)
	}
	sum = bech32Step(sum, 0)
	for i := range mark {
		sum = bech32Step(sum, (s[i]|0x20)&31)
	}
	upper, lower := false, false
	for i := range len(s) {
		upper, lower = upper || isUpper(s[i]), lower || s[i] >= 'a' && s[i] <= 'z'
	}
	if upper && lower {
		return false
	}
	version := -1
	for i := mark + 1; i < len(s); i++ {
		c := s[i]
		if isUpper(c) {
			c |= 0x20
		}
		v := strings.IndexByte(bech32Alphabet, c)
		if v < 0 {
			return false
		}
		if version < 0 {
			version = v
		}
		sum = bech32Step(sum, byte(v))
	}
	return version == 0 && sum == 1 || version > 0 && version <= 16 && sum == 0x2bc830a3
}

func bech32Step(sum uint32, v byte) uint32 {
	top := sum >> 25
	sum = sum&0x1ffffff<<5 ^ uint32(v)
	for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 == 1 {
			sum ^= g
		}
	}
	return sum
}

// The constants of Keccak-f[1600], from its specification: round constants, rotations, and the order of lanes.
var (
	keccakRound = [24]uint64{
		0x1, 0x8082, 0x800000000000808a, 0x8000000080008000, 0x808b, 0x80000001, 0x8000000080008081, 0x8000000000008009,
		0x8a, 0x88, 0x80008009, 0x8000000a, 0x8000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
		0x8000000000008002, 0x8000000000000080, 0x800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080,
		0x80000001, 0x8000000080008008,
	}
	keccakTurn = [24]int{1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44}
	keccakLane = [24]int{10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1}
)

// keccak256 is the hash of Ethereum for up to 135 bytes: Keccak as submitted, whose padding is not that of SHA-3.
func keccak256(data []byte) (out [32]byte) {
	var a [25]uint64
	var block [136]byte
	n := copy(block[:135], data)
	block[n] ^= 1
	block[135] ^= 0x80
	for i, b := range block {
		a[i/8] ^= uint64(b) << (8 * (i % 8))
	}
	for _, rc := range keccakRound {
		var c [5]uint64
		for i := range a {
			c[i%5] ^= a[i]
		}
		for i := range a {
			a[i] ^= c[(i+4)%5] ^ bits.RotateLeft64(c[(i+1)%5], 1)
		}
		t := a[1]
		for i, to := range keccakLane {
			t, a[to] = a[to], bits.RotateLeft64(t, keccakTurn[i])
		}
		for row := 0; row < 25; row += 5 {
			var r [5]uint64
			copy(r[:], a[row:])
			for i := range r {
				a[row+i] = r[i] ^ ^r[(i+1)%5]&r[(i+2)%5]
			}
		}
		a[0] ^= rc
	}
	for i := range out {
		out[i] = byte(a[i/8] >> (8 * (i % 8)))
	}
	return out
}

// eip55 checks the capitals of an Ethereum address, 40 hex digits. Addresses in one case carry no check.
func eip55(hex string) verdict {
	var lower [40]byte
	upper, small := false, false
	for i := range lower {
		c := hex[i]
		upper, small = upper || isUpper(c), small || c >= 'a'
		if isUpper(c) {
			c |= 0x20
		}
		lower[i] = c
	}
	if !upper || !small {
		return unsure
	}
	hash := keccak256(lower[:])
	for i, c := range lower {
		nibble := hash[i/2] >> (4 * (1 - i%2)) & 15
		if !isDigit(c) && (nibble >= 8) != isUpper(hex[i]) {
			return bad
		}
	}
	return good
}

// findCrypto finds addresses of Bitcoin and its relatives (Base58Check, Bech32) and of Ethereum at a token.
func (s *Scanner) findCrypto(start, end int) {
	token := s.text[start:end]
	switch n := len(token); {
	case n == 42 && token[0] == '0' && token[1]|0x20 == 'x' && allHex(token[2:]):
		switch eip55(token[2:]) {
		case good:
			s.add(crypto, start, end, High, High)
		case unsure:
			s.add(crypto, start, end, Weak, High)
		case bad:
		}
	case n >= 26 && n <= 35 && strings.IndexByte("13LMDnm2A9t", token[0]) >= 0:
		if _, ok := base58check(token); ok {
			s.add(crypto, start, end, High, High)
		}
	case n >= 14 && n <= 90 && (hasFoldPrefix(token, "bc1") || hasFoldPrefix(token, "tb1") || hasFoldPrefix(token, "ltc1")):
		if bech32(token) {
			s.add(crypto, start, end, High, High)
		}
	}
}

func allHex(s string) bool {
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
	}
	return true
}

// hasFoldPrefix reports whether s begins with prefix, which is in lower case.
func hasFoldPrefix(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		c := s[i]
		if isUpper(c) {
			c |= 0x20
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}
