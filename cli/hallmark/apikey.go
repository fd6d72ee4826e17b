package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/api"
)

func (a *app) apiKeyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "apikey", Short: "Make, list and revoke the API keys of a server, with an admin's key", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.apiKeyNewCmd(), a.apiKeyListCmd(), a.apiKeyRevokeCmd())
	return cmd
}

func (a *app) apiKeyNewCmd() *cobra.Command {
	var server serverFlags
	var req api.CallerRequest
	var scope string
	cmd := &cobra.Command{
		Use: "new NAME", Short: "Make an API key and print its token, this once", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			c, err := server.client(a)
			if err != nil {
				return err
			}
			req.Name, req.Scope = names[0], hallmark.Scope(scope)
			var made api.NewCaller
			if err := c.call(cmd.Context(), http.MethodPost, "/api/v1/api-keys", req, &made); err != nil {
				return err
			}
			return a.print(made, func(w io.Writer) { fmt.Fprintf(w, "id\t%d\ntoken\t%s\n", made.Key.ID, made.Token) })
		},
	}
	server.add(cmd)
	cmd.Flags().StringVar(&scope, "scope", string(hallmark.ScopeRead), "read, or write for submitters")
	cmd.Flags().BoolVar(&req.Reviewer, "reviewer", false, "may decide on versions whose verdict is challenge, those of others")
	cmd.Flags().BoolVar(&req.Admin, "admin", false, "may make, list and revoke API keys, and bring evidence")
	return cmd
}

func (a *app) apiKeyListCmd() *cobra.Command {
	var server serverFlags
	cmd := &cobra.Command{
		Use: "list", Short: "List all API keys, revoked ones included", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := server.client(a)
			if err != nil {
				return err
			}
			var list []hallmark.APIKey
			if err := c.call(cmd.Context(), http.MethodGet, "/api/v1/api-keys", nil, &list); err != nil {
				return err
			}
			return a.print(list, func(w io.Writer) {
				fmt.Fprintln(w, "id\tname\tscope\treviewer\tadmin\trevoked")
				for _, k := range list {
					revoked := ""
					if !k.Revoked.IsZero() {
						revoked = k.Revoked.Format(time.RFC3339)
					}
					fmt.Fprintf(w, "%d\t%s\t%s\t%t\t%t\t%s\n", k.ID, sanitize(k.Name), k.Scope, k.Reviewer, k.Admin, revoked)
				}
			})
		},
	}
	server.add(cmd)
	return cmd
}

func (a *app) apiKeyRevokeCmd() *cobra.Command {
	var server serverFlags
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "End an API key for good; what it signs is not believed from now on", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error {
			c, err := server.client(a)
			if err != nil {
				return err
			}
			var k hallmark.APIKey
			if err := c.call(cmd.Context(), http.MethodDelete, "/api/v1/api-keys/"+url.PathEscape(ids[0]), nil, &k); err != nil {
				return err
			}
			return a.print(k, func(w io.Writer) { fmt.Fprintf(w, "revoked\t%d\t%s\n", k.ID, sanitize(k.Name)) })
		},
	}
	server.add(cmd)
	return cmd
}
