package scan_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

func kerasZip(tb testing.TB, config string) []byte {
	tb.Helper()
	return writeZip(tb, [2]string{"metadata.json", `{"keras_version": "3.5.0"}`}, [2]string{"config.json", config})
}

func TestKerasConfig(t *testing.T) {
	t.Parallel()

	layer := func(body string) string {
		return `{"module":"keras","class_name":"Sequential","config":{"layers":[{"module":"keras.layers","class_name":"Bidirectional","config":{"layer":` + body + `}}]},"registered_name":null}`
	}
	function := func(module, name string) string {
		return layer(fmt.Sprintf(`{"module":"keras.layers","class_name":"Dense","config":{"activation":{"module":%q,"class_name":"function","config":%q,"registered_name":%[2]q}},"registered_name":null}`, module, name))
	}
	tests := map[string]struct{ config, rule string }{
		"Lambda":                           {layer(`{"module":"keras.layers","class_name":"Lambda","config":{}}`), "keras-lambda"},
		"Lambda with escapes in its name":  {layer(`{"module":"keras.layers","class_name":"L\u0061mbda","config":{}}`), "keras-lambda"},
		"lambda function":                  {layer(`{"module":"builtins","class_name":"__lambda__","config":{"value":"x"}}`), "keras-lambda"},
		"compiled code":                    {layer(`{"module":"keras.layers","class_name":"Dense","config":{"activation":"4wEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAABAAAAQwAAAHMEAAAAfABTAA=="}}`), "keras-lambda"},
		"torch module":                     {layer(`{"module":"keras.layers","class_name":"TorchModuleWrapper","config":{"module":"gASV"}}`), "keras-code-layer"},
		"SavedModel layer":                 {layer(`{"module":"keras.layers","class_name":"TFSMLayer","config":{"filepath":"/tmp/x"}}`), "keras-code-layer"},
		"function of os":                   {function("os", "system"), "keras-function"},
		"function of builtins":             {function("builtins", "eval"), "keras-function"},
		"get_file":                         {function("keras.utils", "get_file"), "keras-function"},
		"get_file as a class":              {layer(`{"module":"keras.utils","class_name":"get_file","config":{"origin":"http://x"},"registered_name":null}`), "keras-function"},
		"get_file inside Keras":            {layer(`{"module":"keras.src.utils.file_utils","class_name":"get_file","config":{}}`), "keras-function"},
		"unsafe deserialization":           {layer(`{"module":"keras.config","class_name":"function","config":"enable_unsafe_deserialization"}`), "keras-function"},
		"unsafe deserialization as class":  {layer(`{"module":"keras.config","class_name":"enable_unsafe_deserialization","config":{}}`), "keras-function"},
		"class of another module":          {layer(`{"module":"subprocess","class_name":"Popen","config":{"args":"id"}}`), "keras-module"},
		"class of keras.utils":             {layer(`{"module":"keras.utils","class_name":"PyDataset","config":{}}`), "keras-module"},
		"module with a prefix":             {layer(`{"module":"keras_evil.layers","class_name":"Dense","config":{}}`), "keras-module"},
		"module below a hostile one":       {layer(`{"module":"kerasx","class_name":"Dense","config":{}}`), "keras-module"},
		"registered name":                  {layer(`{"module":"keras.layers","class_name":"Dense","config":{},"registered_name":"get_file"}`), "keras-custom-class"},
		"registered package":               {layer(`{"module":null,"class_name":"Dense","config":{},"registered_name":"Custom>Dense"}`), "keras-custom-class"},
		"type of another module":           {layer(`{"class_name":"__typespec__","spec_name":"system","module":"os","config":[],"registered_name":null}`), "keras-module"},
		"vocabulary file":                  {layer(`{"module":"keras.layers","class_name":"StringLookup","config":{"vocabulary":"/etc/passwd"}}`), "keras-file"},
		"operation that writes":            {layer(`{"class_name":"TFOpLambda","config":{"function":"io.write_file"}}`), "keras-function"},
		"raw operation":                    {layer(`{"class_name":"TFOpLambda","config":{"function":"raw_ops.WriteFile"}}`), "keras-function"},
		"Python operation":                 {layer(`{"class_name":"TFOpLambda","config":{"function":"py_function"}}`), "keras-function"},
		"operation by its node":            {layer(`{"class_name":"TensorFlowOpLayer","config":{"node_def":"op: \"WriteFile\""}}`), "keras-code-layer"},
		"class that is written twice":      {`{"module":"keras","class_name":"Lambda","class_name":"Sequential","config":{}}`, "cannot-parse"},
		"levels":                           {strings.Repeat("[", 600) + strings.Repeat("]", 600), "cannot-parse"},
		"cut off":                          {`{"module":"keras"`, "cannot-parse"},
		"bytes behind":                     {`{} {"class_name":"Lambda"}`, "cannot-parse"},
		"not JSON":                         {`{"a": import os}`, "cannot-parse"},
		"module of an object without name": {`{"a":{"module":"os"}}`, "keras-module"},
		"source of a function":             {layer(`{"module":"keras.layers","class_name":"Dense","config":{"activation":"__import__('os').system('id')"}}`), "metadata-code"},
		"Lambda of the legacy format":      {`{"a":{"function":"f","function_type":"function"}}`, "keras-lambda"},
	}
	for name, tt := range tests {
		res := scanBytes(t, kerasZip(t, tt.config))
		require.Equal(t, scan.FormatKeras, res.Format, name)
		require.Contains(t, rules(res), tt.rule, name)
	}
	for name, config := range map[string]string{
		"operation":          `{"class_name":"TFOpLambda","config":{"name":"tf.math.add","function":"math.add"}}`,
		"operator":           `{"class_name":"SlicingOpLambda","config":{"function":"__operators__.getitem"}}`,
		"activation":         function("builtins", "relu"),
		"loss":               function("keras.losses", "mean_squared_error"),
		"operation of Keras": layer(`{"module":"keras.src.ops.nn","class_name":"Relu","config":{},"registered_name":"Relu"}`),
		"vocabulary":         layer(`{"module":"keras.layers","class_name":"StringLookup","config":{"vocabulary":["a"]}}`),
		"type":               `{"class_name":"__typespec__","spec_name":"TensorSpec","module":"tensorflow.python.framework.tensor_spec","config":[]}`,
	} {
		require.Empty(t, scanBytes(t, kerasZip(t, config)).Findings, name)
	}
}

// The weights inside a .keras file are looked into, compressed or not.
func TestKerasWeights(t *testing.T) {
	t.Parallel()

	h5 := readTestdata(t, "hostile/external-link.h5")
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, m := range [][2]string{{"metadata.json", "{}"}, {"config.json", "{}"}, {"model.weights.h5", string(h5)}} {
			f, err := w.CreateHeader(&zip.FileHeader{Name: m[0], Method: method})
			require.NoError(t, err)
			_, err = f.Write([]byte(m[1]))
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		require.Equal(t, []string{"hdf5-external-link"}, rules(scanBytes(t, b.Bytes())))
	}
}
