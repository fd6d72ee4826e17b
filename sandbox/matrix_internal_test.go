package sandbox

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMatrixOfOutcomes draws docs/measurements/outcomes.svg: the recorded outcomes, summed up by detector and model.
// HALLMARK_UPDATE=1 writes the file.
func TestMatrixOfOutcomes(t *testing.T) {
	t.Parallel()

	models, cases := recorded(t)
	names, detectors := slices.Sorted(maps.Keys(models)), []string{}
	of := map[string][]string{}
	for _, c := range cases {
		if len(of[c.Detector]) == 0 {
			detectors = append(detectors, c.Detector)
		}
		of[c.Detector] = append(of[c.Detector], c.ID)
	}
	slices.Sort(detectors)
	var b strings.Builder
	const left, top, wide, high = 130, 100, 52, 20
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="10"><rect width="100%%" height="100%%" fill="#fff"/>`+"\n", left+wide*len(names)+20, top+high*len(detectors)+10)
	for x, name := range names {
		fmt.Fprintf(&b, `<text transform="translate(%d,%d) rotate(-40)">%s</text>`+"\n", left+wide*x+14, top-6, name)
	}
	for y, detector := range detectors {
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s (%d)</text>`+"\n", left-6, top+high*y+14, detector, len(of[detector]))
		for x, name := range names {
			k, n := 0, 0
			for _, id := range of[detector] {
				if e := models[name][id]; e.Outcome != "void" {
					n++
					if against(e.Outcome) {
						k++
					}
				}
			}
			b.WriteString(matrixCell(left+wide*x, top+high*y, wide-2, high-2, k, n))
		}
	}
	b.WriteString("</svg>\n")
	path := filepath.Join("..", "docs", "measurements", "outcomes.svg")
	if os.Getenv("HALLMARK_UPDATE") == "1" {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	}
	committed, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(committed), "HALLMARK_UPDATE=1 go test ./sandbox -run MatrixOfOutcomes")
}

// matrixCell is k of n in per cent, the redder the more.
func matrixCell(x, y, w, h, k, n int) string {
	if n == 0 {
		return fmt.Sprintf(`<rect x="%d" y="%d" width="%d" height="%d" fill="#eee"/><text x="%d" y="%d" text-anchor="middle">void</text>`+"\n", x, y, w, h, x+w/2, y+13)
	}
	pale := 255 - 200*k/n
	ink := "#000"
	if pale < 120 {
		ink = "#fff"
	}
	return fmt.Sprintf(`<rect x="%d" y="%d" width="%d" height="%d" fill="rgb(255,%d,%d)" stroke="#ddd"/><text x="%d" y="%d" text-anchor="middle" fill="%s">%d %%</text>`+"\n",
		x, y, w, h, pale, pale, x+w/2, y+13, ink, (200*k+n)/(2*n))
}
