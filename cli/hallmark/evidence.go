package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/evidence"
	"github.com/hallmark-ml/hallmark/server/api"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

func (a *app) evidenceCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "evidence", Short: "Move evidence between stores as one file (CAR)",
		Args: args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.evidenceExportCmd(), a.evidenceImportCmd())
	return cmd
}

// An evidenceMove is what an export or an import did.
type evidenceMove struct {
	File   string   `json:"file"`
	Roots  []string `json:"roots"`
	Blocks int      `json:"blocks"`
	Bytes  int64    `json:"bytes"`
}

func (m evidenceMove) writeTable(w io.Writer) {
	fmt.Fprintf(w, "file\t%s\t%d blocks, %d bytes\n", hallmark.CleanText(m.File, 200), m.Blocks, m.Bytes)
	for _, root := range m.Roots {
		fmt.Fprintf(w, "root\t%s\n", root)
	}
}

// blockDir is the evidence store in a data directory.
const blockDir = "blocks"

type exportFlags struct {
	server       serverFlags
	out, gateway string
	model        bool
}

func (a *app) evidenceExportCmd() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use: "export WHAT...", Short: "Write evidence and everything that it names into a CAR file",
		Long: `Export writes one file (CAR, version 1) that IPFS implementations and 'hallmark evidence import' read. WHAT is a CID, or a version
by name or digest, of which everything is taken that was signed about it. A CID of such a manifest brings what it names. The
blocks come from --gateway, any IPFS HTTP gateway, or from the data directory of a server on this host, whether it runs or not.
Every block is hashed on its way.`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, what []string) error {
			if f.out == "" {
				return hallmark.WithHint(fmt.Errorf("no file named: %w", errUsage), "pass --out FILE.car")
			}
			move, err := a.exportEvidence(cmd.Context(), f, what)
			if err != nil {
				return err
			}
			return a.print(move, move.writeTable)
		},
	}
	f.server.add(cmd)
	cmd.Flags().StringVar(&f.out, "out", "", "the file to write")
	cmd.Flags().StringVar(&f.gateway, "gateway", "", "an IPFS HTTP gateway (default: the store of --data-dir)")
	cmd.Flags().BoolVar(&f.model, "model", false, "the model's file too")
	return cmd
}

// An evidenceSource gives documents and CARs, of a gateway or of a store that is open here.
type evidenceSource struct {
	get    func(ctx context.Context, id string, limit int64) ([]byte, error)
	export func(ctx context.Context, w io.Writer, told func(evidence.Tally), roots ...string) error
	close  func() error
}

// evidenceSource opens where the flags say that evidence is. A store that a server holds is asked through its gateway.
func (a *app) evidenceSource(ctx context.Context, f exportFlags) (evidenceSource, error) {
	dir := first(f.server.dataDir, a.getenv("HALLMARK_DATA_DIR"))
	if f.gateway != "" {
		return gatewaySource(f.gateway), nil
	}
	if dir == "" {
		return evidenceSource{}, hallmark.WithHint(fmt.Errorf("no place of evidence named: %w", errUsage), "pass --gateway or --data-dir, or set HALLMARK_DATA_DIR")
	}
	if _, err := os.Stat(filepath.Join(dir, blockDir)); err != nil {
		return evidenceSource{}, notThere(filepath.Join(dir, blockDir), err)
	}
	s, err := evidence.Open(ctx, filepath.Join(dir, blockDir))
	if errors.Is(err, hallmark.ErrConflict) {
		info, err := readServerInfo(dir)
		return gatewaySource(info.Evidence), err
	}
	if err != nil {
		return evidenceSource{}, err
	}
	return evidenceSource{s.Get, s.ExportCAR, s.Close}, nil
}

func gatewaySource(url string) evidenceSource {
	return evidenceSource{
		get: func(ctx context.Context, id string, limit int64) ([]byte, error) {
			return evidence.FetchVerified(ctx, http.DefaultClient, url, id, limit)
		},
		export: func(ctx context.Context, w io.Writer, told func(evidence.Tally), roots ...string) error {
			return evidence.FetchCAR(ctx, http.DefaultClient, url, w, told, roots...)
		},
		close: func() error { return nil },
	}
}

func (a *app) exportEvidence(ctx context.Context, f exportFlags, what []string) (move evidenceMove, err error) {
	source, err := a.evidenceSource(ctx, f)
	if err != nil {
		return move, err
	}
	defer func() { err = errors.Join(err, source.close()) }()
	move.File = f.out
	for _, name := range what {
		roots, err := a.evidenceRoots(ctx, f, source, name)
		if err != nil {
			return move, err
		}
		move.Roots = append(move.Roots, roots...)
	}
	bar := a.progress("export")
	defer bar.done()
	err = writeWhole(f.out, func(w io.Writer) error {
		return source.export(ctx, w, func(n evidence.Tally) {
			move.Blocks, move.Bytes = n.Blocks, n.Bytes
			bar.set(n.Bytes, n.Total)
		}, move.Roots...)
	})
	return move, err
}

// evidenceRoots are the CIDs of one thing that the user named, and of what its manifest names.
func (a *app) evidenceRoots(ctx context.Context, f exportFlags, source evidenceSource, name string) ([]string, error) {
	raw, err := source.get(ctx, name, maxManifest)
	root := name
	if errors.Is(err, hallmark.ErrInvalid) && !errors.Is(err, hallmark.ErrDigest) { // no CID, or a directory's
		if root, err = a.evidenceOf(ctx, f, name); err != nil {
			return nil, err
		}
		if root == name {
			return []string{name}, nil
		}
		raw, err = source.get(ctx, root, maxManifest)
	}
	if err != nil && !errors.Is(err, hallmark.ErrTooLarge) { // which no manifest is
		return nil, err
	}
	var m pipeline.Manifest
	if json.Unmarshal(raw, &m) != nil || m.Schema != pipeline.ManifestSchema {
		return []string{root}, nil //nolint:nilerr // what is too large for a manifest is evidence all the same
	}
	roots := []string{root, m.Report.CID, m.Cases, m.Policy.CID, m.KeyList.CID}
	for _, b := range m.Bundles {
		roots = append(roots, b.CID)
	}
	if f.model {
		roots = append(roots, m.ModelCID)
	}
	return roots, nil
}

// evidenceOf is the CID of a version's manifest. What a server does not know by name, and is a CID, is left as it is.
func (a *app) evidenceOf(ctx context.Context, f exportFlags, name string) (string, error) {
	if evidence.CheckCID(name) == nil {
		return name, nil
	}
	c, err := f.server.client(a)
	if err != nil {
		return "", fmt.Errorf("%.80q is no CID: %w", name, err)
	}
	v, err := c.version(ctx, name)
	if err != nil {
		return "", err
	}
	if v.EvidenceCID == "" {
		return "", hallmark.WithHint(fmt.Errorf("%s has no evidence yet: it is %s: %w", name, v.State, hallmark.ErrUnavailable), "wait until it is anchored: hallmark status "+name)
	}
	return v.EvidenceCID, nil
}

// writeWhole makes a file whole or not at all.
func writeWhole(path string, write func(io.Writer) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("output file: %w: %w", err, errUsage)
	}
	err = write(tmp)
	if err == nil {
		err = errors.Join(tmp.Chmod(0o644), tmp.Sync())
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

type importFlags struct {
	server serverFlags
	store  string
}

func (a *app) evidenceImportCmd() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Check a CAR file block by block, and put it into an evidence store",
		Long: `Import reads a CAR (version 1), hashes every block, and requires everything below the roots to be in the file or in the store
already. Then all of it is stored; otherwise nothing is. The store is that of a server, which takes the file while it runs if the
API key is an admin's, that of a data directory whose server does not run, or any directory (--store).`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, files []string) error {
			move, err := a.importEvidence(cmd.Context(), files[0], f)
			if err != nil {
				return err
			}
			return a.print(move, move.writeTable)
		},
	}
	f.server.add(cmd)
	cmd.Flags().StringVar(&f.store, "store", "", "directory of the store, which is made if there is none")
	return cmd
}

// mostImported bounds the blocks of an import: a model of 1 TiB has as many.
const mostImported = 1 << 20

// importEvidence brings a CAR to where the flags say: a directory, the store of a data directory, or a server.
func (a *app) importEvidence(ctx context.Context, file string, f importFlags) (move evidenceMove, err error) {
	if f.store != "" && f.server.server != "" {
		return move, hallmark.WithHint(fmt.Errorf("two places to import into: %w", errUsage), "pass --store or --server, not both")
	}
	in, err := os.Open(filepath.Clean(file))
	if err != nil {
		return move, notThere(file, err)
	}
	defer in.Close() // only read
	info, err := in.Stat()
	if err != nil {
		return move, fmt.Errorf("%s: %w", file, err)
	}
	bar := a.progress("import")
	defer bar.done()
	move.File = file
	car := &countingReader{r: in, total: info.Size(), each: bar.set}
	data := first(f.server.dataDir, a.getenv("HALLMARK_DATA_DIR"))
	switch {
	case f.store != "":
		err = importInto(ctx, car, f.store, &move)
		if errors.Is(err, hallmark.ErrConflict) {
			err = hallmark.WithHint(err, "stop what has it open; into the store of a server that runs, import with --server or --data-dir")
		}
	case f.server.server != "" || data == "":
		err = a.sendEvidence(ctx, f.server, car, &move)
	default:
		err = importInto(ctx, car, filepath.Join(data, blockDir), &move)
		if errors.Is(err, hallmark.ErrConflict) { // its server runs, and takes the file itself
			running, unknown := readServerInfo(data)
			if unknown != nil {
				return move, hallmark.WithHint(err, "stop what has it open")
			}
			f.server.server = running.API
			err = a.sendEvidence(ctx, f.server, car, &move)
		}
	}
	if err != nil {
		return move, importError(file, err)
	}
	return move, nil
}

// importInto imports into the store in a directory, which nobody else has open.
func importInto(ctx context.Context, car *countingReader, dir string, move *evidenceMove) (err error) {
	s, err := evidence.Open(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	move.Roots, err = s.ImportCAR(ctx, car, evidence.Limits{Bytes: max(car.total, 1), Blocks: mostImported, Told: func(n evidence.Tally) {
		move.Blocks, move.Bytes = n.Blocks, n.Bytes
	}})
	return err
}

// sendEvidence has a server import. Who may not, or sends too much, is told before the file is sent.
func (a *app) sendEvidence(ctx context.Context, f serverFlags, car *countingReader, move *evidenceMove) error {
	c, err := f.client(a)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/vnd.ipld.car"}, "Expect": {"100-continue"}}
	resp, err := c.request(ctx, http.MethodPost, "/api/v1/evidence", car, header)
	if errors.Is(err, hallmark.ErrTooLarge) {
		return hallmark.WithHint(err, "start the server with a higher --max-upload, or export less into one file; nothing of it was stored")
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close() // read below
	var got api.Imported
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return fmt.Errorf("answer of %s: %w: %w", c.base, err, hallmark.ErrUnavailable)
	}
	move.Roots, move.Blocks, move.Bytes = got.Roots, got.Blocks, got.Bytes
	return nil
}

func importError(file string, err error) error {
	switch {
	case errors.Is(err, hallmark.ErrDigest):
		err = hallmark.WithHint(err, "the file is not what was exported: get it again; nothing of it was stored")
	case errors.Is(err, hallmark.ErrEvidenceMissing):
		err = hallmark.WithHint(err, "export it again, from a store that has everything below the roots; nothing of it was stored")
	case errors.Is(err, hallmark.ErrInvalid):
		err = hallmark.WithHint(err, "name a CAR file of version 1, such as 'hallmark evidence export' writes; nothing of it was stored")
	}
	return fmt.Errorf("%s: %w", file, err)
}
