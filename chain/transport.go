package chain

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/hallmark-ml/hallmark"
)

// Bounds of one RPC call. An endpoint is not trusted to answer, or to answer briefly.
const (
	callTimeout = 10 * time.Second
	maxReply    = 16 << 20 // bytes
)

// dial prepares a connection; the first call makes it.
func dial(ctx context.Context, url string) (*ethclient.Client, error) {
	hc := &http.Client{Timeout: callTimeout, Transport: boundedTransport{}}
	conn, err := rpc.DialOptions(ctx, url, rpc.WithHTTPClient(hc))
	if err != nil {
		return nil, fmt.Errorf("chain endpoint %s: %w: %w", url, err, hallmark.ErrInvalid)
	}
	return ethclient.NewClient(conn), nil
}

// boundedTransport ends an answer that is longer than maxReply.
type boundedTransport struct{}

func (boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxReply}
	}
	return resp, err
}

type boundedBody struct {
	io.ReadCloser

	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("answer is longer than %d bytes: %w", maxReply, hallmark.ErrTooLarge)
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
