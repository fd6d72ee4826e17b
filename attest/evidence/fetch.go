package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/ipfs/go-cid"

	"github.com/hallmark-ml/hallmark"
)

// FetchVerified gets the document that a CID names from any IPFS HTTP gateway, block by block, and trusts none of it:
// every block is hashed. Errors: [hallmark.ErrDigest] for bytes that are not what was asked for, [hallmark.ErrNotFound]
// and [hallmark.ErrEvidenceMissing] when the gateway does not have them, [hallmark.ErrUnavailable] when it does not
// answer as it should, [hallmark.ErrTooLarge] over limit bytes.
func FetchVerified(ctx context.Context, client *http.Client, gatewayURL, id string, limit int64) ([]byte, error) {
	c, err := parseCID(id)
	if err != nil {
		return nil, err
	}
	from, err := newRemote(client, gatewayURL)
	if err != nil {
		return nil, err
	}
	b, err := readFile(ctx, from.node, c, limit)
	if err != nil {
		return nil, fmt.Errorf("fetching %s from %s: %w", id, from.base.Redacted(), err)
	}
	return b, nil
}

func newRemote(client *http.Client, gatewayURL string) (*remote, error) {
	base, err := url.Parse(gatewayURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("gateway %q: not an http(s) URL: %w", hallmark.CleanText(gatewayURL, 200), hallmark.ErrInvalid)
	}
	return &remote{client: client, base: base}, nil
}

// remote gives verified nodes of a gateway.
type remote struct {
	client *http.Client
	base   *url.URL
}

func (r *remote) node(ctx context.Context, c cid.Cid) (node, error) {
	data, err := r.block(ctx, c)
	if err != nil {
		return node{}, err
	}
	return decode(c, data)
}

func (r *remote) block(ctx context.Context, c cid.Cid) ([]byte, error) {
	if _, err := digestOf(c); err != nil {
		return nil, err
	}
	u := r.base.JoinPath("ipfs", c.String())
	u.RawQuery = "format=raw"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/vnd.ipld.raw")
	resp, err := r.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", err, hallmark.ErrUnavailable)
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, fmt.Errorf("block %s: %w: %w", c, hallmark.ErrNotFound, hallmark.ErrEvidenceMissing)
	default:
		return nil, fmt.Errorf("block %s: the gateway answers %d: %w", c, resp.StatusCode, hallmark.ErrUnavailable)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxBlock+1))
	switch {
	case err != nil && errors.Is(err, ctx.Err()):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("block %s: %w: %w", c, err, hallmark.ErrUnavailable)
	case len(data) > maxBlock:
		return nil, fmt.Errorf("block %s: more than %d bytes: %w", c, maxBlock, hallmark.ErrTooLarge)
	}
	return data, nil
}
