package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/policy"
)

// policyText returns a policy by the name of an embedded one, or from a file.
func policyText(nameOrFile string) ([]byte, error) {
	if !strings.ContainsAny(nameOrFile, "./\\") {
		p, err := policy.Embedded(nameOrFile)
		if err != nil {
			return nil, hallmark.WithHint(fmt.Errorf("%w: %w", err, errUsage), fmt.Sprintf("embedded are %v; name a file by a path with a dot or a slash", policy.Names()))
		}
		return p.Source(), nil
	}
	text, err := readAtMost(nameOrFile, policy.MaxSize)
	if err != nil {
		return nil, fmt.Errorf("policy file: %w", err)
	}
	return text, nil
}

func loadPolicy(nameOrFile string) (*policy.Policy, error) {
	text, err := policyText(nameOrFile)
	if err != nil {
		return nil, err
	}
	p, err := policy.Load(text)
	if err != nil {
		return nil, hallmark.WithHint(fmt.Errorf("policy %s: %w", nameOrFile, err), "see all problems: hallmark policy lint "+nameOrFile)
	}
	return p, nil
}

func (a *app) policyCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "policy", Short: "Show, check and test policies", Args: args(cobra.NoArgs)}
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "List the embedded policies", Args: args(cobra.NoArgs), RunE: func(*cobra.Command, []string) error {
			return a.print(policy.Names(), func(w io.Writer) {
				for _, n := range policy.Names() {
					fmt.Fprintln(w, n)
				}
			})
		}},
		&cobra.Command{Use: "show NAME|FILE", Short: "Print a policy", Args: args(cobra.ExactArgs(1)), RunE: func(_ *cobra.Command, names []string) error {
			text, err := policyText(names[0])
			if err != nil {
				return err
			}
			_, err = a.out.Write(text)
			return err
		}},
		&cobra.Command{Use: "lint NAME|FILE", Short: "List everything that is wrong with a policy", Args: args(cobra.ExactArgs(1)), RunE: func(_ *cobra.Command, names []string) error {
			return a.lintPolicy(names[0])
		}},
		&cobra.Command{Use: "test NAME|FILE", Short: "Decide a policy's own examples", Args: args(cobra.ExactArgs(1)), RunE: func(_ *cobra.Command, names []string) error {
			return a.testPolicy(names[0])
		}},
	)
	return cmd
}

func (a *app) lintPolicy(nameOrFile string) error {
	text, err := policyText(nameOrFile)
	if err != nil {
		return err
	}
	problems := policy.Lint(text)
	if err := a.print(problems, func(w io.Writer) {
		for _, p := range problems {
			fmt.Fprintf(w, "%s:%d\t%s\n", nameOrFile, p.Line, sanitize(p.Text))
		}
	}); err != nil {
		return err
	}
	if len(problems) > 0 {
		return hallmark.WithHint(fmt.Errorf("policy %s: %d problems: %w", nameOrFile, len(problems), hallmark.ErrInvalid), "mend the lines above")
	}
	return nil
}

func (a *app) testPolicy(nameOrFile string) error {
	p, err := loadPolicy(nameOrFile)
	if err != nil {
		return err
	}
	results := p.RunExamples()
	failed := 0
	for _, r := range results {
		if !r.OK {
			failed++
		}
	}
	if err := a.print(results, func(w io.Writer) {
		for _, r := range results {
			fmt.Fprintf(w, "%s\t%s\twant %s\tgot %s\n", map[bool]string{true: "ok", false: "FAILED"}[r.OK], r.Name, r.Want, r.Verdict.Decision)
		}
	}); err != nil {
		return err
	}
	switch {
	case len(results) == 0:
		return hallmark.WithHint(fmt.Errorf("policy %s has no examples: %w", nameOrFile, hallmark.ErrUndecided), "add examples to the file")
	case failed > 0:
		return hallmark.WithHint(fmt.Errorf("policy %s: %d of %d examples failed: %w", nameOrFile, failed, len(results), hallmark.ErrRefused), "mend the policy or the examples")
	}
	return nil
}
