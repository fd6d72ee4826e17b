package scan_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// ordinaryFiles are the formats of the files in testdata/ordinary, which testdata/make.py writes with the usual writers.
var ordinaryFiles = map[string]string{
	"attributes-latest.h5": scan.FormatHDF5, "compressed.h5": scan.FormatHDF5, "objects-latest.h5": scan.FormatHDF5, "weights-only.h5": scan.FormatHDF5,
	"keras2-40-layers-latest.h5": scan.FormatKeras, "keras2-40-layers.h5": scan.FormatKeras, "keras2-latest.h5": scan.FormatKeras,
	"keras2-sequential.h5": scan.FormatKeras, "keras2-v110.h5": scan.FormatKeras,
	"branches.onnx": scan.FormatONNX, "external.onnx": scan.FormatONNX, "functions.onnx": scan.FormatONNX, "mlp.onnx": scan.FormatONNX,
	"scaler.onnx": scan.FormatONNX, "typed-data.onnx": scan.FormatONNX, "external.onnx.data": scan.FormatRaw,
	"keras3-functional.keras": scan.FormatKeras, "keras3-sequential.keras": scan.FormatKeras,
}

func TestOrdinaryFilesAreClean(t *testing.T) {
	t.Parallel()

	files, err := filepath.Glob("testdata/ordinary/*")
	require.NoError(t, err)
	require.Len(t, files, len(ordinaryFiles))
	for name, format := range ordinaryFiles {
		data, err := os.ReadFile(filepath.Join("testdata/ordinary", name))
		require.NoError(t, err)
		res, err := scan.File(bytes.NewReader(data), int64(len(data)), name)
		require.NoError(t, err)
		require.Equal(t, format, res.Format, "%s: %v", name, res.Findings)
		for _, f := range res.Findings {
			require.Equal(t, hallmark.SeverityInfo, f.Severity, "%s: %v", name, f)
		}
	}
}
