package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
	"github.com/hallmark-ml/hallmark/attest/sign"
	"github.com/hallmark-ml/hallmark/attest/statement"
	"github.com/hallmark-ml/hallmark/server/api"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

type submitFlags struct {
	server       serverFlags
	keys         keyFlags
	key          string
	name         string
	lineage      string
	policy       string
	profile      string
	wait         bool
	waitForLimit time.Duration
}

func (a *app) submitCmd() *cobra.Command {
	var f submitFlags
	cmd := &cobra.Command{
		Use:   "submit MODEL --lineage FILE --key NAME",
		Short: "Submit a model with its signed lineage and follow it until it is served or refused",
		Long: `Submit uploads the model and everything that its lineage file names, signs one statement for each step of the lineage
with your key, and follows the version through the pipeline. The exit code is that of the verdict.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, paths []string) error { return a.submit(cmd.Context(), f, paths[0]) },
	}
	f.server.add(cmd)
	f.keys.add(cmd)
	cmd.Flags().StringVar(&f.key, "key", "", "your key, by name or path; it must be registered (hallmark key register)")
	cmd.Flags().StringVar(&f.name, "name", "", "name to serve the model under (default: the file's name)")
	cmd.Flags().StringVar(&f.lineage, "lineage", "", "lineage file (YAML), see docs/lineage.md")
	cmd.Flags().StringVar(&f.policy, "policy", "default", "policy: default, demo, or a file")
	cmd.Flags().StringVar(&f.profile, "profile", "chat", "what the model is for: chat or completion")
	cmd.Flags().BoolVar(&f.wait, "wait", true, "follow the version until it comes to rest")
	cmd.Flags().DurationVar(&f.waitForLimit, "timeout", 30*time.Minute, "longest time to follow it")
	for _, required := range []string{"key", "lineage"} {
		if err := cmd.MarkFlagRequired(required); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return cmd
}

func (a *app) submit(ctx context.Context, f submitFlags, path string) error {
	c, err := f.server.client(a)
	if err != nil {
		return err
	}
	key, err := f.keys.load(a, f.key)
	if err != nil {
		return err
	}
	req, err := a.prepareSubmission(ctx, c, key, f, path)
	if err != nil {
		return err
	}
	var sub hallmark.Submission
	if err := c.call(ctx, http.MethodPost, "/api/v1/submissions", req, &sub); err != nil {
		return err
	}
	if !f.wait {
		return a.print(sub, func(w io.Writer) { fmt.Fprintf(w, "submission\t%s\nmodel\t%s\n", sub.ID, sub.Model) })
	}
	ctx, cancel := context.WithTimeout(ctx, f.waitForLimit)
	defer cancel()
	v, err := a.follow(ctx, c, sub)
	if err != nil {
		return err
	}
	if err := a.print(v, func(w io.Writer) { writeVersion(w, v, c.base) }); err != nil {
		return err
	}
	return versionError(v)
}

// prepareSubmission uploads what the server does not have yet and signs the lineage.
func (a *app) prepareSubmission(ctx context.Context, c *client, key *sign.Key, f submitFlags, path string) (api.SubmitRequest, error) {
	req := api.SubmitRequest{Name: f.name, Policy: f.policy, Profile: f.profile}
	if req.Name == "" {
		req.Name = servedName(path)
	}
	if strings.ContainsAny(f.policy, "./\\") {
		text, err := policyText(f.policy)
		if err != nil {
			return req, err
		}
		req.Policy, req.PolicyText = strings.TrimSuffix(filepath.Base(f.policy), filepath.Ext(f.policy)), string(text)
	}
	file, err := readLineageFile(f.lineage)
	if err != nil {
		return req, err
	}
	set, err := file.resolve(ctx, filepath.Dir(f.lineage))
	if err != nil {
		return req, err
	}
	fp, err := fingerprint.Compute(ctx, path, fingerprint.Options{Kind: hallmark.KindModel})
	if err != nil {
		return req, err
	}
	req.Model = fp.Digest
	model := localArtifact{path, hallmark.LineageNode{Name: fp.Name, Kind: hallmark.KindModel, Dir: fp.Dir, Digest: fp.Digest}}
	for _, art := range append([]localArtifact{model}, set.artifacts...) {
		if err := a.upload(ctx, c, art); err != nil {
			return req, err
		}
	}
	for _, step := range set.steps {
		st, err := statement.Provenance(step)
		if err != nil {
			return req, err
		}
		bundle, err := key.Sign(ctx, st)
		if err != nil {
			return req, err
		}
		req.Lineage = append(req.Lineage, string(bundle))
	}
	return req, nil
}

var notServedName = regexp.MustCompile(`[^a-z0-9._-]+`)

// servedName makes a name to serve under from a file's name.
func servedName(path string) string {
	base := strings.ToLower(filepath.Base(path))
	base = strings.TrimSuffix(base, filepath.Ext(base))
	return strings.TrimLeft(notServedName.ReplaceAllString(base, "-"), "._-")
}

// upload sends an artifact unless the server has it.
func (a *app) upload(ctx context.Context, c *client, art localArtifact) error {
	var known hallmark.Artifact
	err := c.call(ctx, http.MethodGet, "/api/v1/artifacts/"+art.node.Digest.String(), nil, &known)
	if err == nil || !errors.Is(err, hallmark.ErrNotFound) {
		return err
	}
	body, size, err := openArtifact(ctx, art)
	if err != nil {
		return err
	}
	defer body.Close() // only read
	bar := a.progress("upload " + hallmark.CleanText(art.node.Name, 60))
	defer bar.done()
	query := url.Values{"kind": {string(art.node.Kind)}, "name": {art.node.Name}}
	header := http.Header{"Content-Type": {"application/x-tar"}}
	if !art.node.Dir {
		header.Set("Content-Type", "application/octet-stream")
		header.Set("X-Content-Digest", art.node.Digest.String())
	}
	resp, err := c.request(ctx, http.MethodPost, "/api/v1/artifacts?"+query.Encode(), &countingReader{r: body, total: size, each: bar.set}, header)
	if err != nil {
		return fmt.Errorf("upload of %s: %w", art.path, err)
	}
	return resp.Body.Close()
}

// openArtifact returns the bytes to send and their length (0: not known).
func openArtifact(ctx context.Context, art localArtifact) (io.ReadCloser, int64, error) {
	if art.node.Dir {
		pr, pw := io.Pipe()
		go func() { pw.CloseWithError(writeTar(ctx, pw, art.path)) }()
		return pr, 0, nil
	}
	f, err := os.Open(art.path)
	if err != nil {
		return nil, 0, fmt.Errorf("upload: %w: %w", err, errUsage)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// writeTar writes the regular files and directories below dir; anything else was refused when dir was hashed.
func writeTar(ctx context.Context, w io.Writer, dir string) error {
	out := tar.NewWriter(w)
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return out.WriteHeader(&tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: 0o755})
		}
		if err := out.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: info.Size()}); err != nil {
			return err
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, f)
		return errors.Join(err, f.Close())
	})
	return errors.Join(err, out.Close())
}

type countingReader struct {
	r           io.Reader
	done, total int64
	each        func(done, total int64)
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.done += int64(n)
	c.each(c.done, c.total)
	return n, err
}

// follow shows a submission's progress until its version rests. A broken connection is taken up again where it broke.
func (a *app) follow(ctx context.Context, c *client, sub hallmark.Submission) (hallmark.Version, error) {
	view := eventView{progressParts{app: a}}
	defer view.close()
	var after int64
	for {
		var err error
		after, err = c.events(ctx, sub.ID, after, view.show)
		if err != nil && !errors.Is(err, hallmark.ErrUnavailable) {
			return hallmark.Version{}, err
		}
		if err == nil {
			v, err := c.version(ctx, sub.Model.String())
			if err != nil || pipeline.Resting(v) {
				return v, err
			}
		}
		select {
		case <-ctx.Done():
			return hallmark.Version{}, hallmark.WithHint(fmt.Errorf("following %s: %w", sub.ID, ctx.Err()), "it goes on at the server: hallmark status "+sub.Model.String())
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// eventView turns events into lines and bars.
type eventView struct{ progressParts }

func (v *eventView) show(e hallmark.Event) error {
	switch e.Kind {
	case hallmark.EventProgress:
		label := "read for " + e.Step
		if e.Step == pipeline.JobTest {
			label = askLabel
		}
		v.at(label).set(e.Done, e.Total)
	case hallmark.EventCase:
		v.at(testLabel).set(e.Done, e.Total)
	case hallmark.EventState, hallmark.EventAnchor, hallmark.EventReview, hallmark.EventRetry:
		v.close()
		if !v.app.quiet {
			fmt.Fprintf(v.app.errw, "%s  %s%s %s\n", e.Time.Local().Format(time.TimeOnly), e.State, e.Anchor, sanitize(e.Text))
		}
	}
	return nil
}
