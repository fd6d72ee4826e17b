package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/model"
)

func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.serverCmd(), a.keyCmd(), a.apiKeyCmd(), a.submitCmd(), a.statusCmd(), a.reviewCmd(), a.loadCmd(), a.retryCmd(), a.reportCmd(), a.lineageCmd(), a.verifyCmd(), a.gateCmd(), a.reproduceCmd(), a.scanCmd(), a.fingerprintCmd(), a.evidenceCmd(), a.modelCmd(),
		a.policyCmd(), a.suiteCmd(), a.doctorCmd(), a.demoCmd(), a.versionCmd(),
	}
}

func (a *app) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print versions: of this binary, the engine and the formats", Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Hallmark   string `json:"hallmark"`
				Engine     string `json:"engine"`
				CIDProfile string `json:"cidProfile"`
				Go         string `json:"go"`
				Platform   string `json:"platform"`
			}{buildVersion, model.Version, hallmark.CIDProfile, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			return a.print(v, func(w io.Writer) {
				fmt.Fprintf(w, "hallmark\t%s\nengine\t%s\nCID profile\t%s\ngo\t%s\nplatform\t%s\n", v.Hallmark, v.Engine, v.CIDProfile, v.Go, v.Platform)
			})
		},
	}
}
