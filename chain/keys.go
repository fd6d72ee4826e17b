package chain

import (
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/hallmark-ml/hallmark"
)

// Names of the key files in their directory: keystore v3 (Web3 Secret Storage).
const (
	authorFile = "author.json"
	gasFile    = "gas.json"
)

// Scrypt is how much work it takes to open a key file.
type Scrypt int

// The two settings of keystore v3: about a second and 256 MiB, or about 50 ms and 4 MiB for demonstrations and tests.
const (
	ScryptStandard Scrypt = iota
	ScryptLight
)

func (s Scrypt) cost() (n, p int) {
	if s == ScryptLight {
		return keystore.LightScryptN, keystore.LightScryptP
	}
	return keystore.StandardScryptN, keystore.StandardScryptP
}

// Keys are the two secp256k1 keys of a registrar. The author key signs records and is the identity of whoever made them;
// the gas key only pays. They are separate, so that a stolen gas key costs coins and no trust.
type Keys struct {
	author, gas *ecdsa.PrivateKey
}

// Author returns the address under which records are registered.
func (k *Keys) Author() Address { return Address(crypto.PubkeyToAddress(k.author.PublicKey)) }

// Gas returns the address that pays.
func (k *Keys) Gas() Address { return Address(crypto.PubkeyToAddress(k.gas.PublicKey)) }

// NewKeys makes both keys, stores them in dir (0600) under the password and returns them. If there is an author key
// already it is ErrConflict. The author key is stored last, so NewKeys after a crash in between completes the pair.
func NewKeys(dir, password string, strength Scrypt) (*Keys, error) {
	author := filepath.Join(dir, authorFile)
	if _, err := os.Stat(author); err == nil {
		return nil, fmt.Errorf("making chain keys: %s is there already: %w", author, hallmark.ErrConflict)
	}
	gas, err := loadKey(filepath.Join(dir, gasFile), password)
	if errors.Is(err, hallmark.ErrNotFound) {
		gas, err = newKey(filepath.Join(dir, gasFile), password, strength)
	}
	if err != nil {
		return nil, err
	}
	key, err := newKey(author, password, strength)
	if err != nil {
		return nil, err
	}
	return &Keys{author: key, gas: gas}, nil
}

// LoadKeys opens both keys of dir. A missing file is ErrNotFound, a wrong password ErrKey, other content ErrInvalid.
func LoadKeys(dir, password string) (*Keys, error) {
	author, err := loadKey(filepath.Join(dir, authorFile), password)
	if err != nil {
		return nil, err
	}
	gas, err := loadKey(filepath.Join(dir, gasFile), password)
	if err != nil {
		return nil, err
	}
	return &Keys{author: author, gas: gas}, nil
}

func loadKey(path, password string) (*ecdsa.PrivateKey, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // a name of ours in the operator's directory
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("opening chain key: %w: %w", err, hallmark.ErrNotFound)
	case err != nil:
		return nil, fmt.Errorf("opening chain key: %w", err)
	}
	key, err := keystore.DecryptKey(raw, password)
	switch {
	case errors.Is(err, keystore.ErrDecrypt):
		return nil, hallmark.WithHint(fmt.Errorf("opening chain key %s: %w: %w", path, err, hallmark.ErrKey), "check the password")
	case err != nil:
		return nil, fmt.Errorf("opening chain key %s: %w: %w", path, err, hallmark.ErrInvalid)
	}
	return key.PrivateKey, nil
}

// newKey stores a fresh key so that the file is either absent or complete.
func newKey(path, password string, strength Scrypt) (*ecdsa.PrivateKey, error) {
	private, err := crypto.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("making chain key: %w", err)
	}
	key := &keystore.Key{Address: crypto.PubkeyToAddress(private.PublicKey), PrivateKey: private}
	rand.Read(key.Id[:])
	key.Id[6], key.Id[8] = key.Id[6]&0x0f|0x40, key.Id[8]&0x3f|0x80 // UUID version 4
	n, p := strength.cost()
	raw, err := keystore.EncryptKey(key, password, n, p)
	if err != nil {
		return nil, fmt.Errorf("making chain key: %w", err)
	}
	if err := writeNew(path, raw); err != nil {
		return nil, fmt.Errorf("storing chain key: %w", err)
	}
	return private, nil
}

// writeNew writes a file that must not exist yet, on disk before it has its name.
func writeNew(path string, content []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Link(tmp.Name(), path)
}
