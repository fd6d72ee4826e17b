package chain

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/ethereum/go-ethereum/rpc"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/chain/registry"
)

// A ContractError is a refusal by the ModelRegistry contract: the name of its custom error and the arguments.
type ContractError struct {
	Name string // e.g. "AlreadyRegistered"
	Args string // e.g. "Id: 0x…, BlockNumber: 7"
	kind error
}

func (e *ContractError) Error() string {
	return fmt.Sprintf("the registry contract says %s(%s)", e.Name, e.Args)
}

// Unwrap returns the kind.
func (e *ContractError) Unwrap() error { return e.kind }

// rpcError gives an error of an RPC call its kind: what the contract said, a call that was given up, or an endpoint that
// is down, busy or talks nonsense, which are all worth a retry.
func rpcError(doing string, err error) error {
	if err == nil {
		return nil
	}
	if refusal := contractError(err); refusal != nil {
		return fmt.Errorf("%s: %w", doing, refusal)
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w: %w", doing, err, hallmark.ErrUnavailable)
}

// contractError returns the custom error that err carries, or nil.
func contractError(err error) *ContractError {
	var data rpc.DataError
	if !errors.As(err, &data) {
		return nil
	}
	text, ok := data.ErrorData().(string)
	if !ok {
		return nil
	}
	raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil || len(raw) < 4 {
		return nil
	}
	refusal, err := registry.NewRegistry().UnpackError(raw)
	if err != nil {
		return nil
	}
	v := reflect.Indirect(reflect.ValueOf(refusal))
	name := strings.TrimPrefix(v.Type().Name(), "Registry")
	return &ContractError{Name: name, Args: arguments(v), kind: kindOf(name)}
}

// arguments prints the fields of a generated error type.
func arguments(v reflect.Value) string {
	var parts []string
	for i := range v.NumField() {
		value := v.Field(i).Interface()
		if word, ok := value.([32]byte); ok {
			value = Hash(word)
		}
		parts = append(parts, fmt.Sprintf("%s: %v", v.Type().Field(i).Name, value))
	}
	return strings.Join(parts, ", ")
}

func kindOf(name string) error {
	switch name {
	case "UnknownModel", "UnknownBatch", "UnknownKeyList":
		return hallmark.ErrNotFound
	case "AlreadyRegistered", "AlreadyAnchored", "AlreadyRevoked", "AlreadySuperseded", "WrongSequence":
		return hallmark.ErrConflict
	case "BadSignature":
		return hallmark.ErrSignature
	case "NotAuthorized":
		return hallmark.ErrKey
	default:
		return hallmark.ErrInvalid
	}
}
