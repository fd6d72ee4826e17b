package scan_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// joblibFile is a pickle of one array as joblib writes it: the wrapper's description, and behind it the elements.
func joblibFile(description, elements string) string {
	return "\x80\x04" + newObj(global("joblib.numpy_pickle", "NumpyArrayWrapper")) + description + "b" + elements
}

// dtypeOf is a type with the state that numpy writes for it: the size of an element and flags last.
func dtypeOf(name, size, flags string) string {
	dtype := reduce(global("numpy", "dtype"), tuple(text(name), "\x89", "\x88"))
	return build(dtype, tuple("K\x03", text("<"), "N", "N", "N", size, "J\xff\xff\xff\xff", flags))
}

// recordOf is a type of records with one field of eight bytes.
func recordOf(field, flags string) string {
	record := reduce(global("numpy", "dtype"), tuple(text("V8"), "\x89", "\x88"))
	return build(record, tuple("K\x03", text("|"), "N", tuple(text("a")), dict(text("a"), tuple(field, "K\x00")), "K\x08", "K\x01", flags))
}

const minusOne, noFlags = "J\xff\xff\xff\xff", "K\x00"

func describe(dtype string, more ...string) string {
	fields := []string{
		text("subclass"), global("numpy", "ndarray"), text("shape"), tuple("K\x01"), text("order"), text("C"), text("dtype"), dtype, text("allow_mmap"), "\x88",
	}
	return dict(append(fields, more...)...)
}

// joblibEvasions hide a call from whoever emulates the reader: it lies where the elements of an array are, as far as the file
// says, and is not one of them for joblib. All but the last were seen to run with joblib 1.2; that one crashes numpy.
func joblibEvasions() []evasion {
	hidden := reduce(global("os", "system"), tuple(text("true"))) + "."
	room := func(from string) string { return from + strings.Repeat("A", 64-len(from)) }
	wide := dtypeOf("V64", "K\x40", noFlags)
	description := newObj(global("joblib.numpy_pickle", "NumpyArrayWrapper")) + describe(wide) + "b"
	frame := "\x95" + string(binary.LittleEndian.AppendUint64(nil, uint64(len(description+hidden))))
	record := func(flags string) string {
		object := reduce(global("numpy", "dtype"), tuple(text("object")))
		return build(reduce(global("numpy", "dtype"), tuple(text("V64"), "\x89", "\x88")),
			tuple("K\x03", text("|"), "N", tuple(text("a")), dict(text("a"), tuple(object, "K\x00")), "K\x40", "K\x01", flags))
	}
	return []evasion{
		{"size of a plain type", "cannot-parse", joblibFile(describe(dtypeOf("f4", "K\x40", noFlags)), "AAAA"+room(hidden)[:60]+".")},
		{"size of a short state", "cannot-parse", joblibFile(describe(build(reduce(global("numpy", "dtype"), tuple(text("S64"))), tuple("K\x02", text("|"), "N", "N", "N", "K\x04", "K\x01"))), "AAAA"+room(hidden)[:60]+".")},
		{"alignment that is no number", "cannot-parse", joblibFile(describe(dtypeOf("f4", minusOne, noFlags), text("numpy_array_alignment_bytes"), "\x89"), "\x08AAA"+"B\x40\x00\x00\x00"+room("AAAA"+hidden)+".")},
		{"method of the wrapper's own", "cannot-parse", joblibFile(describe(wide, text("read"), global("builtins", "str")), room(hidden)+".")},
		{"array in a frame", "cannot-parse", "\x80\x04" + frame + description + room(hidden) + "B\x40\x00\x00\x00" + room("") + "0."},
		{"records of objects by their flag", "pickle-global", joblibFile(describe(dtypeOf("V64", "K\x40", "K\x3f")), room("\x80\x04"+hidden)+".")},
		{"objects by another name", "pickle-global", joblibFile(describe(record("K\x3f")), room("\x80\x04"+hidden)+".")},
		{"objects by another name, without the flag", "cannot-parse", joblibFile(describe(record("K\x10")), room("\x80\x04"+hidden)+".")},
	}
}

// keptEvasions leave a callable in an object, which calls it with what it is given later.
func keptEvasions() []evasion {
	load, eval := global("torch.storage", "_load_from_bytes"), global("dill._dill", "_eval_repr")
	return []evasion{
		{"loader as a transformer", "pickle-call", asPickle(build(newObj(global("sklearn.preprocessing._function_transformer", "FunctionTransformer")), dict(text("inverse_func"), load)))},
		{"evaluation of the texts that come", "pickle-call", asPickle(build(newObj(global("sklearn.feature_extraction.text", "CountVectorizer")), dict(text("preprocessor"), eval)))},
		{"hook of a layer", "pickle-call", asPickle(build(newObj(global("torch.nn.modules.linear", "Linear")), dict(text("_forward_hooks"), dict("K\x00", load))))},
		{"in a list", "pickle-call", asPickle("](" + load + "e")},
		{"one in a list", "pickle-call", asPickle("]" + load + "a")},
		{"in a set", "pickle-call", asPickle("\x8f(" + load + "\x90")},
		{"in a frozen set", "pickle-call", asPickle("(" + load + "\x91")},
		{"in a list by its mark", "pickle-call", asPickle("(" + load + "l")},
		{"from the memo", "pickle-call", asPickle(load + "\x940}(" + text("f") + "h\x00u")},
	}
}

// bombs ask for more time or memory than there is.
func pickleBombs() []evasion {
	twice := "K\x01" + strings.Repeat("2\x86", 60)
	decimal := reduce(global("decimal", "Decimal"), tuple(text("1e999999999")))
	lists := "](K\x01K\x01K\x01e" + strings.Repeat("\x94](h\x00h\x00h\x00e", 1)
	return []evasion{
		{"tuples of two times the same", "pickle-bomb", asPickle("}" + twice + "Ns")},
		{"tuples of seventeen times the same", "pickle-bomb", asPickle("}" + "K\x01" + strings.Repeat("\x94(h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00h\x00t", 1) + strings.Repeat("q\x01(h\x01h\x01h\x01h\x01h\x01h\x01h\x01h\x01h\x01h\x01h\x01h\x01h\x01h\x01h\x01h\x01h\x01t", 9) + "Ns")},
		{"fraction of a decimal", "pickle-call", asPickle(reduce(global("fractions", "Fraction"), tuple(decimal)))},
		{"integer of a decimal", "pickle-call", asPickle(reduce(global("builtins", "int"), tuple(decimal)))},
		{"record of petabytes", "pickle-call", asPickle(reduce(global("numpy", "void"), tuple("\x8a\x06\x00\x00\x00\x00\x00\x01")))},
		{"many buffers that are not large", "pickle-call", asPickle("](" + strings.Repeat(reduce(global("builtins", "bytearray"), tuple("J\x00\x00\x00\x02")), 4) + "e")},
		{"lists written out", "pickle-call", asPickle(lists + "\x94" + reduce(global("builtins", "str"), tuple("h\x01")))},
	}
}

func TestLaterEvasions(t *testing.T) {
	t.Parallel()

	list := append(append(joblibEvasions(), keptEvasions()...), pickleBombs()...)
	for _, e := range list {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()

			res := scanBytes(t, []byte(e.data))
			require.Contains(t, rules(res), e.rule, "%v", res.Findings)
			require.NotEqual(t, scan.Safe, scan.Judge("p", res.Format, res.Findings).Verdict)
		})
	}
}

// What the checks above must not stop: arrays as joblib writes them, whatever their elements are.
func TestArraysOfJoblib(t *testing.T) {
	t.Parallel()

	plain := describe(dtypeOf("f4", minusOne, noFlags), text("numpy_array_alignment_bytes"), "K\x10")
	texts := describe(dtypeOf("U2", "K\x08", "K\x08"))
	objects := describe(dtypeOf("O8", minusOne, "K\x3f"))
	for name, data := range map[string]string{
		"numbers": joblibFile(plain, "\x02\xff\xffAAAA"), "texts": joblibFile(texts, "AAAAAAAA"), "objects": joblibFile(objects, asPickle("K\x01")), "unsigned": joblibFile(describe(dtypeOf("u4", minusOne, noFlags)), "AAAA"),
		"objects, and records of numbers": joblibFile(describe(dtypeOf("O8", minusOne, "K\x3f")), asPickle("K\x01")) + "0" + joblibFile(describe(recordOf(dtypeOf("f8", minusOne, noFlags), "K\x10")), "AAAAAAAA")[2:],
		"records of objects":              joblibFile(describe(recordOf(dtypeOf("O8", minusOne, "K\x3f"), "K\x3f")), asPickle("K\x01")),
		"unaligned":                       joblibFile(describe(dtypeOf("f4", minusOne, noFlags), text("numpy_array_alignment_bytes"), "N"), "AAAA"),
	} {
		res := scanBytes(t, []byte(data+"."))
		require.Empty(t, res.Findings, name)
		require.Equal(t, scan.FormatPickle, res.Format, name)
	}
}
