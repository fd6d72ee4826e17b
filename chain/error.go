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
	raw := revertData(err)
	if len(raw) < 4 {
		return nil
	}
	if refusal, bad := registry.NewRegistry().UnpackError(raw); bad == nil {
		v := reflect.Indirect(reflect.ValueOf(refusal))
		name := strings.TrimPrefix(v.Type().Name(), "Registry")
		return &ContractError{Name: name, Args: arguments(v), kind: kindOf(name)}
	}
	return nil
}

// revertData returns what a reverted call returned, as endpoints attach it to their error, or nil.
func revertData(err error) []byte {
	data, ok := errors.AsType[rpc.DataError](err)
	if !ok {
		return nil
	}
	text, _ := data.ErrorData().(string)
	if raw, bad := hex.DecodeString(strings.TrimPrefix(text, "0x")); bad == nil {
		return raw
	}
	return nil
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
