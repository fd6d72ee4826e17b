package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
)

func (a *app) fingerprintCmd() *cobra.Command {
	var kind, expect string
	cmd := &cobra.Command{
		Use:   "fingerprint PATH",
		Short: "Print every digest of a file or directory, and its CID",
		Long: `Fingerprint reads PATH and prints its digest (SHA-256, or dirHash of a directory), OMS root, CID with its profile, and the
digest of each file. Of a model (--kind model) it also prints a digest for each tensor, which a jailed process finds.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, paths []string) error {
			fp, err := a.fingerprint(cmd.Context(), paths[0], hallmark.ArtifactKind(kind))
			if err != nil {
				return err
			}
			if expect != "" {
				want, err := hallmark.ParseDigest(expect)
				if err != nil {
					return fmt.Errorf("%w: %w", err, errUsage)
				}
				if want != fp.Digest {
					return fmt.Errorf("%w: %w", &hallmark.DigestMismatchError{What: paths[0], Want: want, Got: fp.Digest}, hallmark.ErrRefused)
				}
			}
			return a.print(fp, func(w io.Writer) { writeFingerprint(w, fp) })
		},
	}
	cmd.Flags().StringVar(&kind, "kind", string(hallmark.KindModel), "model, dataset, script, adapter or report")
	cmd.Flags().StringVar(&expect, "expect", "", "refuse with exit code 10 if the digest is another one")
	return cmd
}

func (a *app) fingerprint(ctx context.Context, path string, kind hallmark.ArtifactKind) (hallmark.Fingerprint, error) {
	bar := a.progress("hash")
	defer bar.done()
	if kind != hallmark.KindModel && kind != hallmark.KindAdapter {
		fp, err := fingerprint.Compute(ctx, path, fingerprint.Options{Kind: kind, Progress: bar.set})
		return fp, notThere(path, err)
	}
	j, err := openJail(ctx, serverConfig{Threads: 1, RunMemory: 1 << 30}, a.guest)
	if err != nil {
		return hallmark.Fingerprint{}, err
	}
	fp, err := j.fingerprintOf(ctx, hallmark.Artifact{Path: path, Kind: kind}, hallmark.TierNoNamespaces, bar.set)
	return fp, notThere(path, err)
}

// notThere says of a path that the user named and that does not exist that it is a usage error.
func notThere(path string, err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, hallmark.ErrNotFound) {
		return hallmark.WithHint(fmt.Errorf("%s: no such file or directory: %w", path, errUsage), "check the path")
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok { // a directory, or one that may not be read
		return hallmark.WithHint(fmt.Errorf("%w: %w", err, errUsage), "check the path")
	}
	return err
}

func writeFingerprint(w io.Writer, fp hallmark.Fingerprint) {
	kind := "SHA-256 of the file"
	if fp.Dir {
		kind = "dirHash of the directory"
	}
	fmt.Fprintf(w, "digest\t%s\t%s\n", fp.Digest, kind)
	fmt.Fprintf(w, "CID\t%s\tprofile %s, hidden files included\n", fp.CID, fp.CIDProfile)
	fmt.Fprintf(w, "OMS root\t%s\tdoes not bind file names\n", fp.OMSRoot)
	fmt.Fprintf(w, "size\t%d bytes\t%d files, %d tensors\n", fp.Size, len(fp.Files), len(fp.Tensors))
	for _, f := range fp.Files {
		fmt.Fprintf(w, "file\t%s\t%d\t%s\n", f.SHA256, f.Size, hallmark.CleanText(f.Path, 200))
	}
	for _, t := range fp.Tensors {
		fmt.Fprintf(w, "tensor\t%s\t%d\t%s\n", t.SHA256, t.Size, hallmark.CleanText(t.Name, 200))
	}
}
