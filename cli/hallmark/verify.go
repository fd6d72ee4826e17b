package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/evidence"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
	"github.com/hallmark-ml/hallmark/attest/sign"
	"github.com/hallmark-ml/hallmark/attest/tlog"
	"github.com/hallmark-ml/hallmark/chain"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

type verifyFlags struct {
	rpc, contract, gateway, author, head, review string
	timeout                                      time.Duration
}

func (a *app) verifyCmd() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify FILE|DIGEST --rpc URL --contract ADDRESS --gateway URL",
		Short: "Check a model's anchor, signatures, log proofs, lineage and report without trusting any server",
		Long: `Verify needs an RPC endpoint of the chain, the contract's address and any IPFS gateway. It trusts the contract's address,
which names whose records count; everything else follows from it by hash and signature. It says what it checked, whatever the
verdict: a blocked version with sound evidence verifies too.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, targets []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), f.timeout)
			defer cancel()
			result, err := f.run(ctx, targets[0])
			if result != nil {
				if err := a.print(result, result.writeTable); err != nil {
					return err
				}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&f.rpc, "rpc", "", "JSON-RPC endpoint of the chain")
	cmd.Flags().StringVar(&f.contract, "contract", "", "address of the ModelRegistry contract")
	cmd.Flags().StringVar(&f.gateway, "gateway", "", "IPFS HTTP gateway")
	cmd.Flags().StringVar(&f.author, "author", "", "whose record counts (default: the contract's operator)")
	cmd.Flags().StringVar(&f.head, "head", string(hallmark.AnchorFinal), "least head that the anchor must have reached: included, safe or final")
	cmd.Flags().StringVar(&f.review, "review", "", "CID of a person's decision on a version whose verdict is challenge (hallmark status shows it): checks that too")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 2*time.Minute, "longest time")
	for _, required := range []string{"rpc", "contract", "gateway"} {
		if err := cmd.MarkFlagRequired(required); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return cmd
}

func (f verifyFlags) run(ctx context.Context, target string) (*verification, error) {
	v := &verification{gateway: f.gateway, http: http.DefaultClient, head: hallmark.AnchorState(f.head), reviewCID: f.review}
	if depth(v.head) < 1 {
		return nil, fmt.Errorf("head %q: want included, safe or final: %w", f.head, errUsage)
	}
	address, err := chain.ParseAddress(f.contract)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errUsage)
	}
	if f.author != "" {
		if v.author, err = chain.ParseAddress(f.author); err != nil {
			return nil, fmt.Errorf("%w: %w", err, errUsage)
		}
	}
	d, err := hallmark.ParseDigest(target)
	if err != nil {
		fp, err := fingerprint.Compute(ctx, target, fingerprint.Options{Kind: hallmark.KindModel})
		if errors.Is(err, os.ErrNotExist) {
			return nil, hallmark.WithHint(fmt.Errorf("%s is neither a digest nor a file: %w", target, errUsage), "name the model's file, or sha256:<64 hex>")
		}
		if err != nil {
			return nil, err
		}
		v.local, d = &fp, fp.Digest
	}
	client, err := chain.Dial(ctx, f.rpc, address)
	if errors.Is(err, hallmark.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", err, hallmark.ErrAnchorMissing)
	}
	if err != nil {
		return nil, err
	}
	defer client.Close()
	v.chain = client
	return v, v.check(ctx, d)
}

// A verification follows a model's evidence from its record on the chain. What it established is in Checks, in order; the
// first check that fails ends it with its kind of error.
type verification struct {
	Model     hallmark.Digest   `json:"model"`
	Name      string            `json:"name"`
	Verdict   hallmark.Decision `json:"verdict"`
	Policy    string            `json:"policy"`
	Report    hallmark.Digest   `json:"report"`
	ReportCID string            `json:"reportCid"`
	Evidence  string            `json:"evidenceCid"`
	Anchor    chain.Anchor      `json:"anchor"`
	Lineage   hallmark.Lineage  `json:"lineage"`
	Review    *verifiedReview   `json:"review,omitempty"` // the one that was asked for
	Checks    []verifyCheck     `json:"checks"`

	chain    *chain.Client
	author   chain.Address
	gateway  string
	http     *http.Client
	head     hallmark.AnchorState
	local    *hallmark.Fingerprint // of the file that the user named, if any
	record   chain.Version
	keys     sign.KeyList
	manifest pipeline.Manifest

	manifestDigest hallmark.Digest
	reviewCID      string
}

type verifyCheck struct {
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

func (v *verification) writeTable(w io.Writer) {
	fmt.Fprintf(w, "model\t%s\t%s\n", v.Model, hallmark.CleanText(v.Name, 80))
	for _, c := range v.Checks {
		fmt.Fprintf(w, "ok\t%s\t%s\n", c.Name, c.Detail)
	}
	if v.Policy != "" {
		fmt.Fprintf(w, "verdict\t%s\tpolicy %s\n", v.Verdict, v.Policy)
	}
	if v.Review != nil {
		fmt.Fprintf(w, "review\t%s\t%s\n", v.Review.Decision, v.Review.Comment)
	}
}

func (v *verification) passed(name, format string, a ...any) {
	v.Checks = append(v.Checks, verifyCheck{name, hallmark.CleanText(fmt.Sprintf(format, a...), 300)})
}

func (v *verification) check(ctx context.Context, d hallmark.Digest) error {
	v.Model = d
	if v.local != nil {
		v.passed("digest", "the file hashes to it, %d bytes", v.local.Size)
	}
	for _, step := range []func(context.Context) error{v.checkAnchor, v.checkKeys, v.checkManifest, v.checkLog, v.checkBundles, v.checkReview} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// checkAnchor reads the record and how deep it lies.
func (v *verification) checkAnchor(ctx context.Context) error {
	if v.author.IsZero() {
		v.author = v.chain.Operator()
	}
	var err error
	v.record, err = v.chain.VersionBy(ctx, v.author, v.Model)
	if errors.Is(err, hallmark.ErrNotFound) {
		return fmt.Errorf("%v is not registered by %v: %w", v.Model, v.author, hallmark.ErrAnchorMissing)
	}
	if err != nil {
		return err
	}
	v.Name, v.Verdict, v.ReportCID, v.Evidence, v.Anchor = v.record.Name, v.record.Verdict, v.record.ReportCID, v.record.EvidenceCID, v.record.Anchor
	if v.record.Revoked() {
		return fmt.Errorf("%v was revoked at %v: %w", v.Model, v.record.RevokedAt.UTC().Format(time.RFC3339), hallmark.ErrRevoked)
	}
	if err := v.deepEnough("record", v.record.Anchor); err != nil {
		return err
	}
	v.passed("anchor", "%s in block %d of chain %d, transaction %v, author %v", v.Anchor.State, v.Anchor.Block, v.chain.ChainID(), v.Anchor.Tx, v.author)
	return nil
}

func (v *verification) deepEnough(what string, a chain.Anchor) error {
	if depth(a.State) < depth(v.head) {
		return fmt.Errorf("%s in block %d is %s, want %s: %w", what, a.Block, a.State, v.head, hallmark.ErrAnchorDepth)
	}
	return nil
}

// checkKeys fetches the author's current key list, whose digest the contract holds.
func (v *verification) checkKeys(ctx context.Context) error {
	lists, err := v.chain.KeyLists(ctx, v.author)
	if err != nil {
		return err
	}
	if len(lists) == 0 {
		return fmt.Errorf("%v has published no key list: %w", v.author, hallmark.ErrKey)
	}
	current := lists[len(lists)-1]
	raw, err := v.fetch(ctx, "key list", current.CID, 1<<20)
	if err != nil {
		return err
	}
	if got := hallmark.DigestOf(raw); got != current.Digest {
		return fmt.Errorf("%w: %w", &hallmark.DigestMismatchError{What: "the key list", Want: current.Digest, Got: got}, hallmark.ErrKey)
	}
	if v.keys, err = sign.ParseKeyList(raw); err != nil {
		return fmt.Errorf("key list: %w: %w", err, hallmark.ErrKey)
	}
	v.passed("keys", "list %d of the author, %d keys, digest as on the chain", current.Sequence, len(v.keys.Keys))
	return nil
}

// fetch gets a document from the gateway and checks it against its CID.
func (v *verification) fetch(ctx context.Context, what, cid string, limit int64) ([]byte, error) {
	raw, err := evidence.FetchVerified(ctx, v.http, v.gateway, cid, limit)
	if errors.Is(err, hallmark.ErrNotFound) {
		err = fmt.Errorf("%w: %w", err, hallmark.ErrEvidenceMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return raw, nil
}

// Limits of what verify fetches.
const (
	maxManifest = 16 << 20
	maxFetched  = 64 << 20
)

func (v *verification) checkManifest(ctx context.Context) error {
	raw, err := v.fetch(ctx, "evidence manifest", v.record.EvidenceCID, maxManifest)
	if err != nil {
		return err
	}
	v.manifestDigest = hallmark.DigestOf(raw)
	if err := hallmark.DecodeJSON(raw, &v.manifest); err != nil {
		return fmt.Errorf("evidence manifest: %w: %w", err, hallmark.ErrPredicate)
	}
	switch {
	case v.manifest.Schema != pipeline.ManifestSchema:
		return fmt.Errorf("evidence manifest of schema %.80q: %w", v.manifest.Schema, hallmark.ErrPredicate)
	case v.manifest.Model != v.Model:
		return fmt.Errorf("evidence manifest is about %v: %w", v.manifest.Model, hallmark.ErrPredicate)
	case v.manifest.Report.CID != v.record.ReportCID:
		return fmt.Errorf("evidence manifest names report %.80q, the chain %q: %w", v.manifest.Report.CID, v.record.ReportCID, hallmark.ErrPredicate)
	}
	v.passed("manifest", "%d bundles, CID as on the chain", len(v.manifest.Bundles))
	return nil
}

// checkLog checks the log's signed head and that the chain holds it.
func (v *verification) checkLog(ctx context.Context) error {
	head, err := v.noteHead(v.manifest.Checkpoint.Note, v.record.Anchor.Time)
	if err != nil {
		return err
	}
	if head.Root != v.manifest.Checkpoint.Root || head.Size != v.manifest.Checkpoint.Size {
		return fmt.Errorf("the checkpoint's note says another root or size than the manifest: %w", hallmark.ErrLogProof)
	}
	batch, err := v.chain.Batch(ctx, v.author, head.Root)
	if errors.Is(err, hallmark.ErrNotFound) {
		return fmt.Errorf("checkpoint %v is not on the chain: %w", head.Root.Short(), hallmark.ErrAnchorMissing)
	}
	if err != nil {
		return err
	}
	if batch.Size != head.Size {
		return fmt.Errorf("checkpoint %v has %d leaves on the chain, %d in the log: %w", head.Root.Short(), batch.Size, head.Size, hallmark.ErrLogProof)
	}
	if err := v.deepEnough("checkpoint", batch.Anchor); err != nil {
		return err
	}
	v.passed("log", "checkpoint of %d leaves, signed by the log's key, %s in block %d", head.Size, batch.Anchor.State, batch.Anchor.Block)
	return nil
}

// noteHead reads a checkpoint that a log's key signed, one that was valid at the time.
func (v *verification) noteHead(text string, at time.Time) (tlog.Head, error) {
	err := fmt.Errorf("no log key in the key list: %w", hallmark.ErrKey)
	for _, k := range v.keys.Keys {
		if k.Purpose != sign.PurposeLog {
			continue
		}
		if _, trusted := v.keys.Trusted(k.ID, sign.PurposeLog, at); trusted != nil {
			err = trusted
			continue
		}
		head, parseErr := tlog.ParseCheckpoint([]byte(text), k.Text)
		if parseErr == nil {
			return head, nil
		}
		err = parseErr
	}
	return tlog.Head{}, err
}
