package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
)

func (a *app) serverCmd() *cobra.Command {
	var passwordFile string
	cmd := &cobra.Command{
		Use:   "server --data-dir DIR",
		Short: "Run the server: API, pipeline, sandbox, evidence gateway, embedded chain, served models",
		Long: `Server runs everything in one process on loopback. The first start makes the keys, the database, the chain and an API key
(DIR/api-key). A second server on the same directory is refused. It stops gracefully on SIGINT and SIGTERM; after a crash it goes
on where it was.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd.Flags(), a.getenv)
			if err != nil {
				return err
			}
			level, err := cfg.level()
			if err != nil {
				return fmt.Errorf("log-level: %w: %w", err, errUsage)
			}
			log := a.logger(level)
			n, err := openNode(cmd.Context(), cfg, nodeOptions{password: passwordSource{passwordFile, a.getenv("HALLMARK_PASSWORD")}, guest: a.guest, log: log})
			if err != nil {
				return err
			}
			if !a.quiet {
				fmt.Fprintf(a.errw, "hallmark server\n  API and models  %s\n  evidence        %s\n  chain           %s\n  contract        %s\n  API key         %s\n",
					n.info.API, n.info.Evidence, n.info.RPC, n.info.Contract, n.path(apiKeyFile))
			}
			err = n.run(cmd.Context())
			log.Info("stopping", slog.Bool("clean", err == nil))
			return errors.Join(err, n.Close())
		},
	}
	addConfigFlags(cmd.Flags())
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "file with the password of the server's keys (default: the value of HALLMARK_PASSWORD, or DIR/keys/password, made on the first start)")
	return cmd
}
