package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
)

func (a *app) modelQuantizeCmd(f *modelFlags) *cobra.Command {
	return &cobra.Command{
		Use: "quantize IN OUT TYPE", Short: "Write a model with weights of another type", Args: args(cobra.ExactArgs(3)),
		Long: `Quantize reads a model of type F32, F16 or BF16 and writes it as TYPE: Q8_0, Q4_K_M and so on, with the mix of types that
llama-quantize chooses. OUT appears once it is whole.`,
		RunE: func(cmd *cobra.Command, list []string) error {
			result, err := a.quantize(cmd.Context(), f, list[0], list[1], list[2])
			if err != nil {
				return err
			}
			return a.print(result, func(w io.Writer) {
				fmt.Fprintf(w, "digest\t%s\nsize\t%d bytes\n", result.Digest, result.Size)
			})
		},
	}
}

// quantizeResult is what `hallmark model quantize` prints as JSON.
type quantizeResult struct {
	Path   string          `json:"path"`
	Digest hallmark.Digest `json:"digest"`
	Size   int64           `json:"size"`
}

// quantize writes to a file beside out, which takes its name at the end.
func (a *app) quantize(ctx context.Context, f *modelFlags, in, path, target string) (quantizeResult, error) {
	info, err := os.Stat(in)
	if err != nil {
		return quantizeResult{}, notThere(in, err)
	}
	out, err := destination(path)
	if err != nil {
		return quantizeResult{}, err
	}
	partial := fmt.Sprintf("%s.partial-%d", out, os.Getpid())
	tmp, err := os.OpenFile(filepath.Clean(partial), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // an output file as any other: the umask decides
	if err != nil {
		return quantizeResult{}, fmt.Errorf("output file: %w: %w", err, errUsage)
	}
	defer os.Remove(tmp.Name()) // there is none after the rename
	var size int64
	sum := sha256.New()
	bar := a.progress("quantize")
	err = a.withModel(ctx, f, in, 2*info.Size()+64<<20, func(s *sandbox.Session) error {
		size, err = s.Quantise(ctx, target, io.MultiWriter(tmp, sum), func(written int64) { bar.set(min(written, info.Size()), info.Size()) })
		return err
	})
	bar.done()
	if err = errors.Join(err, tmp.Close()); err != nil {
		return quantizeResult{}, err
	}
	result := quantizeResult{Path: path, Digest: hallmark.Digest(sum.Sum(nil)), Size: size}
	if err := os.Rename(tmp.Name(), out); err != nil {
		return result, fmt.Errorf("output file: %w: %w", err, errUsage)
	}
	return result, nil
}

// destination returns the file that an output replaces: what path leads to, if it is a link. What is there and is no file,
// a device for instance, is refused, since the output takes its place.
func destination(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return path, nil
	case err != nil:
		return "", fmt.Errorf("output file: %w: %w", err, errUsage)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("output file: %s is there and not a regular file: %w", path, errUsage)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", fmt.Errorf("output file: %w: %w", err, errUsage)
	}
	return path, nil
}
