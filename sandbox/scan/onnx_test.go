package scan_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// pb is a message of protocol buffers that is being written.
type pb []byte

func (p pb) num(field int, v uint64) pb {
	return binary.AppendUvarint(binary.AppendUvarint(p, uint64(field)<<3), v)
}

func (p pb) text(field int, s string) pb {
	p = binary.AppendUvarint(p, uint64(field)<<3|2)
	return append(binary.AppendUvarint(p, uint64(len(s))), s...)
}

func (p pb) msg(field int, m pb) pb { return p.text(field, string(m)) }

func onnxEntry(key, value string) pb { return pb{}.text(1, key).text(2, value) }

// onnxWith is a model whose graph has these fields.
func onnxWith(graph pb) pb {
	return pb{}.num(1, 8).text(2, "test").msg(7, graph).msg(8, pb{}.text(1, "").num(2, 17))
}

func onnxTensor(dims []uint64, kind uint64) pb {
	p := pb{}
	for _, d := range dims {
		p = p.num(1, d)
	}
	return p.num(2, kind).text(8, "w")
}

func onnxNode(domain, op string) pb { return pb{}.text(3, "n").text(4, op).text(7, domain) }

func TestONNX(t *testing.T) {
	t.Parallel()

	tensor := func(p pb) pb { return onnxWith(pb{}.msg(5, p)) }
	external := func(entries ...pb) pb {
		p := onnxTensor([]uint64{4}, 1).num(14, 1)
		for _, e := range entries {
			p = p.msg(13, e)
		}
		return tensor(p)
	}
	node := func(n pb) pb { return onnxWith(pb{}.msg(1, n)) }
	functions := func(p pb, fs ...pb) pb {
		for _, f := range fs {
			p = p.msg(25, f)
		}
		return p
	}
	function := func(name string, nodes ...pb) pb {
		p := pb{}.text(1, name).text(10, "d")
		for _, n := range nodes {
			p = p.msg(7, n)
		}
		return p
	}
	laughs := node(onnxNode("d", "f0"))
	for i := range 30 {
		laughs = functions(laughs, function(fmt.Sprintf("f%d", i), onnxNode("d", fmt.Sprintf("f%d", i+1)), onnxNode("d", fmt.Sprintf("f%d", i+1))))
	}
	laughs = functions(laughs, function("f30", onnxNode("", "Add")))
	deep := pb{}
	for range 70 {
		deep = pb{}.msg(1, onnxNode("", "If").msg(5, pb{}.text(1, "then_branch").msg(6, deep)))
	}
	clean := tensor(onnxTensor([]uint64{2, 2}, 1).text(9, string(make([]byte, 16))))
	custom, bad, path := []string{"onnx-custom-operator"}, []string{"cannot-parse"}, []string{"onnx-external-path"}
	location := func(s string) pb { return external(onnxEntry("location", s)) }
	tests := map[string]struct {
		data  []byte
		rules []string
	}{
		"clean":                       {clean, nil},
		"clean, of IR version 1":      {append(pb{}.num(1, 1), clean[2:]...), nil},
		"parent":                      {location("../weights.bin"), path},
		"parent inside":               {location("a/../../b"), path},
		"absolute":                    {location("/etc/passwd"), path},
		"drive":                       {location("C:/x"), path},
		"backslash":                   {location(`..\x`), path},
		"NUL":                         {location("a\x00b"), path},
		"empty":                       {location(""), path},
		"directory":                   {location("."), path},
		"beside":                      {location("./w.bin"), []string{"onnx-external-data"}},
		"negative offset":             {external(onnxEntry("location", "w"), onnxEntry("offset", "-1")), bad},
		"offset of 2^64":              {external(onnxEntry("location", "w"), onnxEntry("offset", "18446744073709551616")), bad},
		"wrong length":                {external(onnxEntry("location", "w"), onnxEntry("length", "17")), bad},
		"right length":                {external(onnxEntry("location", "w"), onnxEntry("length", "16"), onnxEntry("offset", "4096")), []string{"onnx-external-data"}},
		"two places":                  {external(onnxEntry("location", "w"), onnxEntry("location", "/etc/passwd")), bad},
		"external and here":           {tensor(onnxTensor([]uint64{1}, 1).num(14, 1).msg(13, onnxEntry("location", "w")).text(9, "abcd")), bad},
		"external, not marked":        {tensor(onnxTensor([]uint64{1}, 1).msg(13, onnxEntry("location", "/etc/passwd")).text(9, "abcd")), bad},
		"place 2":                     {tensor(onnxTensor([]uint64{1}, 1).num(14, 2)), bad},
		"negative dimension":          {tensor(onnxTensor([]uint64{1<<64 - 1}, 1)), bad},
		"shape that overflows":        {tensor(onnxTensor([]uint64{1 << 40, 1 << 40}, 1)), bad},
		"bits that overflow":          {tensor(onnxTensor([]uint64{1 << 62}, 1)), bad},
		"more shape than data":        {tensor(onnxTensor([]uint64{1 << 30}, 1).text(9, "abcd")), bad},
		"no data":                     {tensor(onnxTensor([]uint64{2}, 1)), bad},
		"data in the wrong field":     {tensor(onnxTensor([]uint64{1}, 1).num(7, 1)), bad},
		"data in two fields":          {tensor(onnxTensor([]uint64{1}, 1).text(9, "abcd").text(4, "abcd")), bad},
		"raw data twice":              {tensor(onnxTensor([]uint64{1}, 1).text(9, "abcd").text(9, "abcd")), bad},
		"type 99":                     {tensor(onnxTensor([]uint64{1}, 99).text(9, "abcd")), bad},
		"4-bit numbers":               {tensor(onnxTensor([]uint64{3}, 22).text(9, "ab")), nil},
		"65 dimensions":               {tensor(onnxTensor(make([]uint64, 65), 1)), bad},
		"tensor in an attribute":      {node(onnxNode("", "Constant").msg(5, pb{}.text(1, "value").msg(5, onnxTensor([]uint64{9}, 1)))), bad},
		"sparse tensor":               {onnxWith(pb{}.msg(15, pb{}.msg(1, onnxTensor([]uint64{9}, 1)))), bad},
		"tensor in a branch":          {node(onnxNode("", "If").msg(5, pb{}.msg(6, pb{}.msg(5, onnxTensor([]uint64{1}, 1).num(14, 1).msg(13, onnxEntry("location", "../x")))))), path},
		"custom operator":             {node(onnxNode("evil", "Run")), custom},
		"Python operator":             {node(onnxNode("ai.onnx.contrib", "PyOp")), custom},
		"Python operator, other":      {node(onnxNode("com.microsoft", "PythonOp")), custom},
		"context that loads a file":   {node(onnxNode("com.microsoft", "EPContext")), custom},
		"operator of the runtime":     {node(onnxNode("com.microsoft", "FusedMatMul")), nil},
		"domain without operators":    {clean.msg(8, pb{}.text(1, "evil").num(2, 1)), custom},
		"function that is there":      {functions(node(onnxNode("d", "f")), function("f", onnxNode("", "Add"))), nil},
		"function that is not there":  {functions(node(onnxNode("d", "g")), function("f", onnxNode("", "Add"))), custom},
		"operator in a function":      {functions(node(onnxNode("d", "f")), function("f", onnxNode("evil", "Add"))), custom},
		"function that calls itself":  {functions(node(onnxNode("d", "f")), function("f", onnxNode("d", "f"))), bad},
		"functions that call another": {functions(node(onnxNode("d", "f")), function("f", onnxNode("d", "g")), function("g", onnxNode("d", "f"))), bad},
		"functions that double":       {laughs, bad},
		"70 graphs deep":              {onnxWith(deep), bad},
		"no graph":                    {pb{}.num(1, 8).msg(8, pb{}.num(2, 17)), bad},
		"two graphs":                  {clean.msg(7, pb{}), bad},
		"unknown field":               {clean.num(31, 1), bad},
		"unknown field of a node":     {node(onnxNode("", "Add").num(99, 1)), bad},
		"version -1":                  {clean.msg(8, pb{}.text(1, "").num(2, 1<<64-1)), bad},
		"group":                       {append(bytes.Clone(clean), 0x0b, 0x0c), bad},
		"length past the end":         {append(bytes.Clone(clean), 0x3a, 0x7f), bad},
		"number without end":          {append(bytes.Clone(clean), 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), bad},
		"code in metadata":            {clean.msg(14, onnxEntry("x", "__import__('os')")), []string{"metadata-code"}},
	}
	for name, tt := range tests {
		res, err := scan.File(bytes.NewReader(tt.data), int64(len(tt.data)), "model.onnx")
		require.NoError(t, err)
		require.Equal(t, scan.FormatONNX, res.Format, name)
		require.Equal(t, tt.rules, rules(res), "%s: %v", name, res.Findings)
	}
	require.Equal(t, scan.FormatONNX, scanBytes(t, clean).Format, "without a name")
	for cut := range clean {
		res, err := scan.File(bytes.NewReader(clean[:cut]), int64(cut), "model.onnx")
		require.NoError(t, err)
		require.Equal(t, bad, rules(res), cut)
	}
}

func TestSavedModel(t *testing.T) {
	t.Parallel()

	node := func(op string) pb { return pb{}.text(1, "n").text(2, op) }
	graph := func(nodes ...pb) pb {
		p := pb{}
		for _, n := range nodes {
			p = p.msg(1, n)
		}
		return p
	}
	saved := func(graph pb) pb { return pb{}.num(1, 1).msg(2, pb{}.msg(1, pb{}).msg(2, graph)) }
	constant := func(name, text string) pb {
		return pb{}.text(1, name).msg(5, pb{}.text(1, "value").msg(2, pb{}.msg(8, pb{}.num(1, 7).text(8, text)))).text(2, "Const")
	}
	with := func(op, name string, inputs ...string) pb {
		p := pb{}.text(1, name).text(2, op)
		for _, input := range inputs {
			p = p.text(3, input)
		}
		return p
	}
	saver := []pb{constant("part", "part"), with("StringJoin", "join", "prefix", "part"), with("ShardedFilename", "shard", "join:output:0"), with("SaveV2", "save", "shard:filename:0"), with("Pack", "pack", "shard"), with("MergeV2Checkpoints", "merge", "pack", "prefix")}
	stream := node("PrintV2").msg(5, pb{}.text(1, "output_stream").msg(2, pb{}.text(2, "file:///home/x/.bashrc")))
	operation, bad := []string{"savedmodel-operation"}, []string{"cannot-parse"}
	tests := map[string]struct {
		data  []byte
		rules []string
	}{
		"clean":             {saved(graph(node("MatMul"), node("SaveV2"), node("RestoreV2"), node("VarHandleOp"), node("StatefulPartitionedCall"))), nil},
		"reads":             {saved(graph(node("ReadFile"))), operation},
		"writes":            {saved(graph(node("MatMul"), node("WriteFile"))), operation},
		"Python":            {saved(graph(node("EagerPyFunc"))), operation},
		"prints to a file":  {saved(graph(stream)), operation},
		"saves":             {saved(pb{}.msg(1, node("NoOp")).msg(2, pb{}.msg(1, pb{}.msg(3, saver[0]).msg(3, saver[1]).msg(3, saver[2]).msg(3, saver[3]).msg(3, saver[4]).msg(3, saver[5])))), nil},
		"saves, version 1":  {saved(graph(append([]pb{constant("prefix", "model")}, saver...)...)), nil},
		"saves elsewhere":   {saved(graph(append([]pb{constant("prefix", "/home/x/.config")}, saver...)...)), operation},
		"saves by parts":    {saved(graph(constant("a", "/"), constant("b", "etc"), with("StringJoin", "j", "b", "a"), with("SaveV2", "s", "j"))), operation},
		"saves by a code":   {saved(graph(constant("a", "L2V0Yw"), with("DecodeBase64", "d", "a"), with("SaveV2", "s", "d"))), operation},
		"restores a secret": {saved(pb{}.msg(1, node("NoOp")).msg(2, pb{}.msg(1, pb{}.msg(3, constant("a", "../../x")).msg(3, with("RestoreV2", "r", "a:output:0"))))), operation},
		"prints":            {saved(graph(node("PrintV2"))), nil},
		"debugs":            {saved(graph(node("DebugIdentityV3"))), operation},
		"in a function":     {saved(pb{}.msg(1, node("NoOp")).msg(2, pb{}.msg(1, pb{}.msg(3, node("WriteFile"))))), operation},
		"in a second graph": {saved(graph(node("NoOp"))).msg(2, pb{}.msg(2, graph(node("MatchingFiles")))), operation},
		"asset outside":     {pb{}.num(1, 1).msg(2, pb{}.msg(2, graph(node("NoOp"))).msg(6, pb{}.text(2, "../../etc/passwd"))), []string{"savedmodel-asset"}},
		"version 2":         {pb{}.num(1, 2).msg(2, pb{}.msg(2, graph(node("NoOp")))), bad},
		"no nodes":          {saved(pb{}), bad},
		"unnamed":           {saved(graph(node(""))), bad},
		"unknown field":     {saved(graph(node("NoOp"))).num(9, 1), bad},
	}
	for name, tt := range tests {
		res, err := scan.File(bytes.NewReader(tt.data), int64(len(tt.data)), "saved_model.pb")
		require.NoError(t, err)
		require.Equal(t, scan.FormatSavedModel, res.Format, name)
		require.Equal(t, tt.rules, rules(res), "%s: %v", name, res.Findings)
	}
	require.Equal(t, scan.FormatSavedModel, scanBytes(t, tests["reads"].data).Format, "without a name")
	frozen := []byte(graph(node("MatMul"), node("WriteFile")))
	res, err := scan.File(bytes.NewReader(frozen), int64(len(frozen)), "frozen.pb")
	require.NoError(t, err)
	require.Equal(t, scan.FormatGraphDef, res.Format)
	require.Equal(t, operation, rules(res))
	meta := []byte(pb{}.msg(1, pb{}.num(2, 0).text(3, "root").text(5, `{"class_name":"Lambda","config":{}}`)))
	res, err = scan.File(bytes.NewReader(meta), int64(len(meta)), "keras_metadata.pb")
	require.NoError(t, err)
	require.Equal(t, []string{"keras-lambda"}, rules(res))
}

// Files beside the model are compared with what it needs of them, outside of the jail.
func TestExternalData(t *testing.T) {
	t.Parallel()

	tensor := func(location, offset string) pb {
		return onnxTensor([]uint64{4}, 1).num(14, 1).msg(13, onnxEntry("location", location)).msg(13, onnxEntry("offset", offset))
	}
	model := onnxWith(pb{}.msg(5, tensor("a.bin", "0")).msg(5, tensor("a.bin", "4096")).msg(5, tensor("./b/c.bin", "16")).msg(5, tensor("gone", "0")))
	res := scanNamed(t, "model.onnx", string(model))
	sizes := map[string]int64{"a.bin": 4096 + 16, "b/c.bin": 31}
	asked := []string{}
	found := scan.External(res.Metadata, func(location string) (int64, bool) {
		asked = append(asked, location)
		n, ok := sizes[location]
		return n, ok
	})
	require.Equal(t, []string{"b/c.bin", "a.bin", "gone"}, asked)
	require.Len(t, found, 2)
	require.Equal(t, "onnx-external-data", found[0].Rule)
	require.Equal(t, "the tensor data end at byte 32, the file has 31 bytes", found[0].Message)
	require.Equal(t, hallmark.SeverityHigh, found[0].Severity)
	require.Equal(t, hallmark.SeverityMedium, found[1].Severity)

	for _, lie := range []string{"16 ../x", "16 /etc/passwd", "-1 a", "x", ""} {
		require.Empty(t, scan.External(map[string]string{"external.0": lie}, func(string) (int64, bool) {
			require.Fail(t, "asked", lie)
			return 0, false
		}))
	}
	full := pb{}
	for i := range 1025 {
		full = full.msg(5, tensor(fmt.Sprint(i), "0"))
	}
	require.Equal(t, []string{"cannot-parse", "onnx-external-data"}, rules(scanNamed(t, "model.onnx", string(onnxWith(full)))))
}
