package scan_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// Files that stand beside ordinary weights and hold nothing that is run: each is told by its content and its name.
func TestCompanionsOfWeights(t *testing.T) {
	t.Parallel()

	piece := func(text string) pb { return append(append(pb{}.text(1, text), 0x15, 0, 0, 0, 0), 0x18, 1) }
	vocabulary := string(pb{}.msg(1, piece("<unk>")).msg(1, piece("▁a")).msg(2, pb{}.text(7, "m").num(4, 8000)).msg(3, pb{}.text(1, "nmt_nfkc")))
	index := strings.Repeat("\x00\x01key", 20) + "\x57\xfb\x80\x8b\x24\x75\x47\xdb"
	tests := map[string]struct {
		name, data, format string
		verdict            scan.Verdict
	}{
		"vocabulary":                 {"tokenizer.model", vocabulary, scan.FormatSentencePiece, scan.Safe},
		"vocabulary, cut":            {"tokenizer.model", vocabulary[:len(vocabulary)-3], scan.FormatUnknown, scan.CannotParse},
		"vocabulary, more behind":    {"tokenizer.model", vocabulary + "\x32\x01x", scan.FormatUnknown, scan.CannotParse},
		"vocabulary, a zip behind":   {"tokenizer.model", vocabulary + string(emptyZip), scan.FormatUnknown, scan.Unsafe},
		"index of a checkpoint":      {"variables.index", index, scan.FormatTFIndex, scan.Safe},
		"index, another name":        {"variables.bin", index, scan.FormatUnknown, scan.CannotParse},
		"shard of a checkpoint":      {"variables.data-00000-of-00001", "\x00\x01\x02\x03\xff", scan.FormatRaw, scan.Safe},
		"pickle as a shard":          {"variables.data-00000-of-00001", evalP4, scan.FormatPickle, scan.Unsafe},
		"fingerprint":                {"fingerprint.pb", string(pb{}.num(1, 1<<60).num(2, 7).num(3, 8).num(4, 9).num(5, 10).msg(6, pb{}.num(1, 1)).text(7, "u")), scan.FormatSavedModel, scan.Safe},
		"fingerprint that is larger": {"fingerprint.pb", string(pb{}.num(1, 1).text(9, "x")), scan.FormatUnknown, scan.CannotParse},
	}
	for name, tt := range tests {
		res, err := scan.File(bytes.NewReader([]byte(tt.data)), int64(len(tt.data)), tt.name)
		require.NoError(t, err)
		require.Equal(t, tt.format, res.Format, "%s: %v", name, res.Findings)
		require.Equal(t, tt.verdict, scan.Judge(tt.name, res.Format, res.Findings).Verdict, "%s: %v", name, res.Findings)
	}
}
