package chain_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"
)

// A fault is what a proxy does instead of answering a call.
type fault int

const (
	none    fault = iota
	down          // end the connection, the call is not made
	lost          // make the call, then end the connection: failed, but applied
	dropped       // answer a sent transaction as usual, but do not pass it on
)

// A proxy is a JSON-RPC endpoint in front of a chain that fails on demand.
type proxy struct {
	chain  *rpc.Client
	faults atomic.Pointer[func(method string) fault]
	calls  atomic.Int64
	url    string
}

func newProxy(t *testing.T, chain *rpc.Client) *proxy {
	t.Helper()
	p := &proxy{chain: chain}
	p.set(func(string) fault { return none })
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// set changes what the proxy does with calls of a method.
func (p *proxy) set(faults func(method string) fault) { p.faults.Store(&faults) }

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var call struct {
		ID     json.RawMessage   `json:"id"`
		Method string            `json:"method"`
		Params []json.RawMessage `json:"params"`
	}
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.calls.Add(1)
	todo := (*p.faults.Load())(call.Method)
	if todo == down {
		panic(http.ErrAbortHandler)
	}
	answer := map[string]any{"jsonrpc": "2.0", "id": call.ID}
	if todo == dropped {
		answer["result"] = "0x0000000000000000000000000000000000000000000000000000000000000000"
	} else {
		result, refusal := p.pass(r.Context(), call.Method, call.Params)
		if refusal != nil {
			answer["error"] = refusal
		} else {
			answer["result"] = result
		}
	}
	if todo == lost {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func (p *proxy) pass(ctx context.Context, method string, params []json.RawMessage) (json.RawMessage, map[string]any) {
	args := make([]any, len(params))
	for i, param := range params {
		args[i] = param
	}
	var result json.RawMessage
	err := p.chain.CallContext(ctx, &result, method, args...)
	if err == nil {
		return result, nil
	}
	refusal := map[string]any{"code": -32000, "message": err.Error()}
	if coded, ok := errors.AsType[rpc.Error](err); ok {
		refusal["code"] = coded.ErrorCode()
	}
	if data, ok := errors.AsType[rpc.DataError](err); ok {
		refusal["data"] = data.ErrorData()
	}
	return nil, refusal
}

func (f fixture) behindProxy(t *testing.T) *proxy {
	t.Helper()
	conn, err := rpc.DialContext(t.Context(), f.node.URL())
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	return newProxy(t, conn)
}
