package devnet

import (
	"context"
	"log/slog"
	"strings"

	"github.com/ethereum/go-ethereum/log"
)

// logger passes go-ethereum's warnings to slog. It is a type of its own because log.SetDefault would make a logger of
// go-ethereum's type the default of log/slog for the whole process.
type logger struct{ log.Logger } //nolint:forbidigo // go-ethereum's, not the standard library's

// routeLog sends what every node of the process logs to one logger: go-ethereum knows no other way.
func routeLog(to *slog.Logger) {
	log.SetDefault(logger{log.NewLogger(warnings{to.Handler()})}) //nolint:forbidigo // go-ethereum's
}

// warnings drops what go-ethereum says below level warn (its information is about syncing, peers and caches), and the
// warnings that say nothing here: a chain of one proposer has no peers, a new one no head, and an RPC call that fails
// tells its caller.
type warnings struct{ slog.Handler }

func (h warnings) Handle(ctx context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn {
		for _, expected := range []string{"P2P server will be useless", "Head block is not reachable", "Served eth_"} {
			if strings.HasPrefix(r.Message, expected) {
				return nil
			}
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (h warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func (h warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{h.Handler.WithAttrs(attrs)}
}

func (h warnings) WithGroup(name string) slog.Handler {
	return warnings{h.Handler.WithGroup(name)}
}
