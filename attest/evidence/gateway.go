package evidence

import (
	"fmt"
	"net/http"
	"time"

	"github.com/ipfs/boxo/gateway"
	"github.com/prometheus/client_golang/prometheus"
)

// Handler returns an IPFS HTTP gateway over what is here: /ipfs/CID as the file itself, as a block (?format=raw) or as
// a CAR (?format=car). It asks nobody else, resolves no names and never writes. A file that has changed on disk ends a
// response early instead of giving other bytes.
func (s *Store) Handler() (http.Handler, error) {
	backend, err := gateway.NewBlocksBackend(s.blocks)
	if err != nil {
		return nil, fmt.Errorf("IPFS gateway: %w", err)
	}
	handler := gateway.NewHandler(gateway.Config{
		DeserializedResponses: true,
		NoDNSLink:             true,
		DisableHTMLErrors:     true,
		RetrievalTimeout:      30 * time.Second, // between two writes
		MaxConcurrentRequests: 256,
		MaxRequestDuration:    time.Hour,
		MetricsRegistry:       prometheus.NewRegistry(), // the default one is process-wide and takes each metric once
	}, backend)
	mux := http.NewServeMux()
	mux.Handle("GET /ipfs/", handler) // and HEAD
	return mux, nil
}
