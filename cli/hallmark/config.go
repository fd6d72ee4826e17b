package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
)

// A serverConfig tunes the server. A flag, the environment (HALLMARK_ and the key in capitals, words joined by _), the
// configuration file and the default give a value, in this order.
type serverConfig struct {
	// DataDir holds everything that the server keeps. Required.
	DataDir string `koanf:"data-dir"`
	// Listen is where the API and the served models answer.
	Listen string `koanf:"listen"`
	// EvidenceListen is where evidence is served by CID, as an IPFS HTTP gateway.
	EvidenceListen string `koanf:"evidence-listen"`
	// ChainListen is the JSON-RPC address of the embedded chain. It must stay the same for a data directory's readers.
	ChainListen string `koanf:"chain-listen"`
	// Root lists directories of this host from which artifacts may be submitted by path.
	Root []string `koanf:"root"`
	// Threads is how many threads one jailed model computes with; results do not depend on it.
	Threads int `koanf:"threads"`
	// Parallel is how many jobs of one kind run at a time.
	Parallel int `koanf:"parallel"`
	// RunWall bounds one test run in time, RunMemory in bytes beside the model's own size.
	RunWall   time.Duration `koanf:"run-wall"`
	RunMemory int64         `koanf:"run-memory"`
	// Backend puts every jailed model into a container too: runc or runsc. Optional.
	Backend string `koanf:"backend"`
	// MaxUpload bounds one uploaded artifact in bytes.
	MaxUpload int64 `koanf:"max-upload"`
	// LogLevel is debug, info, warn or error.
	LogLevel string `koanf:"log-level"`
}

// defaults of all keys; a key that is not here is not a key.
func configDefaults() map[string]any {
	return map[string]any{
		"data-dir": "", "listen": "127.0.0.1:7420", "evidence-listen": "127.0.0.1:7421", "chain-listen": "127.0.0.1:7422",
		"root": []string{}, "threads": 1, "parallel": 2, "run-wall": "30m", "run-memory": int64(1 << 30), "backend": "", "max-upload": int64(64 << 30), "log-level": "info",
	}
}

func addConfigFlags(flags *pflag.FlagSet) {
	flags.String("config", "", "configuration file (YAML) with the keys below")
	flags.String("data-dir", "", "directory for everything that the server keeps")
	flags.String("listen", "", "address of the API and the served models")
	flags.String("evidence-listen", "", "address of the evidence gateway")
	flags.String("chain-listen", "", "JSON-RPC address of the embedded chain")
	flags.StringSlice("root", nil, "directory from which artifacts may be submitted by path; may be repeated")
	flags.Int("threads", 0, "threads of one jailed model")
	flags.Int("parallel", 0, "jobs of one kind at a time")
	flags.Duration("run-wall", 0, "longest time of one test run")
	flags.Int64("run-memory", 0, "memory of one jailed process in bytes, beside the model's size")
	flags.String("backend", "", backendUsage)
	flags.Int64("max-upload", 0, "largest artifact in bytes")
	flags.String("log-level", "", "debug, info, warn or error")
}

// loadConfig reads the configuration; getenv is the environment.
func loadConfig(flags *pflag.FlagSet, getenv func(string) string) (serverConfig, error) {
	var c serverConfig
	k := koanf.New("/")
	if err := k.Load(confmap.Provider(configDefaults(), "/"), nil); err != nil {
		return c, fmt.Errorf("configuration: %w", err)
	}
	path, err := flags.GetString("config")
	if err != nil {
		return c, fmt.Errorf("configuration: %w", err)
	}
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return c, hallmark.WithHint(fmt.Errorf("configuration file %s: %w: %w", path, err, errUsage), "see docs/configuration.md")
		}
	}
	over := map[string]any{}
	for key := range configDefaults() {
		if v := getenv("HALLMARK_" + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))); v != "" {
			over[key] = v
		}
		if f := flags.Lookup(key); f != nil && f.Changed {
			over[key] = f.Value.String()
			if list, ok := f.Value.(pflag.SliceValue); ok {
				over[key] = list.GetSlice()
			}
		}
	}
	if err := k.Load(confmap.Provider(over, "/"), nil); err != nil {
		return c, fmt.Errorf("configuration: %w", err)
	}
	err = k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result: &c, TagName: "koanf", ErrorUnused: true, WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(",")),
	}})
	if err != nil {
		return c, hallmark.WithHint(fmt.Errorf("configuration: %w: %w", err, errUsage), "see docs/configuration.md")
	}
	return c, c.Check()
}

// Check returns every problem of the configuration, or nil.
func (c serverConfig) Check() error {
	var errs []error
	problem := func(format string, a ...any) {
		errs = append(errs, fmt.Errorf(format+": %w", append(a, errUsage)...))
	}
	if c.DataDir == "" {
		problem("data-dir is missing")
	}
	for _, l := range []struct{ key, addr string }{{"listen", c.Listen}, {"evidence-listen", c.EvidenceListen}, {"chain-listen", c.ChainListen}} {
		if _, _, err := net.SplitHostPort(l.addr); err != nil {
			problem("%s %q: want host:port", l.key, l.addr)
		}
	}
	if c.Threads < 1 || c.Threads > 256 {
		problem("threads %d is not in 1..256", c.Threads)
	}
	if c.Parallel < 1 || c.Parallel > 64 {
		problem("parallel %d is not in 1..64", c.Parallel)
	}
	if c.RunWall <= 0 {
		problem("run-wall %v is not positive", c.RunWall)
	}
	if c.RunMemory < 64<<20 {
		problem("run-memory %d is under 64 MiB", c.RunMemory)
	}
	if err := checkBackend(c.Backend); err != nil {
		problem("%s", err.Error())
	}
	if c.MaxUpload <= 0 {
		problem("max-upload %d is not positive", c.MaxUpload)
	}
	if _, err := c.level(); err != nil {
		problem("log-level %q: want debug, info, warn or error", c.LogLevel)
	}
	return errors.Join(errs...)
}

const backendUsage = "put the guest into a container too: runsc (gVisor) or runc; without it on this host nothing runs"

// checkBackend refuses what is not the name of a container runtime.
func checkBackend(name string) error {
	if name != "" && !slices.Contains(sandbox.ContainerTiers(), hallmark.Tier(name)) {
		return fmt.Errorf("backend %q is none of %v", name, sandbox.ContainerTiers())
	}
	return nil
}

func (c serverConfig) level() (slog.Level, error) {
	var l slog.Level
	err := l.UnmarshalText([]byte(c.LogLevel))
	return l, err
}
