package scan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

func TestNames(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		verdict scan.Verdict
		rules   []string
	}{
		"notes.txt":                {scan.Safe, nil},
		"名前.txt":                   {scan.Safe, nil},
		".gitattributes":           {scan.Safe, nil},
		".env":                     {scan.Safe, []string{"hidden-file"}},
		"model\u202egpj.txt":       {scan.Unsafe, []string{"file-name"}},
		"a\x1b[2Jb":                {scan.Unsafe, []string{"file-name"}},
		"a\u200bb":                 {scan.Unsafe, []string{"file-name"}},
		"a\nb":                     {scan.Unsafe, []string{"file-name"}},
		"a\xffb":                   {scan.Unsafe, []string{"file-name"}},
		"model.safetensors":        {scan.CannotParse, []string{"cannot-parse"}},
		"model.onnx":               {scan.CannotParse, []string{"cannot-parse"}},
		"saved_model.pb":           {scan.CannotParse, []string{"cannot-parse"}},
		"weights.h5":               {scan.Unsafe, []string{"wrong-extension"}},
		"pytorch_model.bin.sh.txt": {scan.Safe, nil},
	}
	for name, tt := range tests {
		got, found := verdictOf(t, name, "two words\n")
		require.Equal(t, tt.verdict, got, "%q: %v", name, found)
		require.Equal(t, tt.rules, found, "%q", name)
	}
}

func TestPrograms(t *testing.T) {
	t.Parallel()

	for name, head := range map[string]string{
		"lib.so": "\x7fELF\x02\x01\x01\x00", "x.dll": "MZ\x90\x00\x03", "x.dylib": "\xcf\xfa\xed\xfe\x07", "old": "\xce\xfa\xed\xfe", "fat": "\xca\xfe\xba\xbe\x00\x00\x00\x02",
		"X.class": "\xca\xfe\xba\xbe\x00\x00\x00\x34", "x.wasm": "\x00asm\x01\x00\x00\x00", "x.a": "!<arch>\n", "x.dex": "dex\n035\x00", "x.pyc": "\xa7\x0d\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xe3",
		"x.lnk": "L\x00\x00\x00\x01\x14\x02\x00", "weights.bin": "\x7fELF\x01\x01\x01\x00",
	} {
		got, found := verdictOf(t, name, head+"\x00\x01\x02\x03")
		require.Equal(t, scan.Unsafe, got, name)
		require.Contains(t, found, "program", name)
	}
}
