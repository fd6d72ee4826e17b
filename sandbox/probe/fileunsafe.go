package probe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

var fileUnsafe = &Detector{
	ID: FileUnsafe, Kind: Static, Goal: "the file can harm whoever loads it", Tier: TierQuick,
	LLM: []string{"LLM03:2025"}, CWE: []string{"CWE-502", "CWE-1336"}, Profiles: anyProfile, Severity: hallmark.SeverityHigh,
	selfTest: scanLabelled,
}

// callables run code, read or write files, or open connections when a pickle names and calls them. None is needed to load a
// model; a list of forbidden names would miss most of them.
var callables = strings.Fields("os.system posix.system nt.system subprocess.Popen subprocess.check_output builtins.eval builtins.exec builtins.__import__ " +
	"builtins.getattr builtins.open __builtin__.eval importlib.import_module marshal.loads glob.glob linecache.getline fileinput.input sqlite3.connect " +
	"ctypes.util.find_library runpy.run_path webbrowser.open socket.socket shutil.rmtree pty.spawn code.interact types.CodeType torch.load numpy.load " +
	"operator.attrgetter functools.partial pip.main asyncio.create_subprocess_shell http.client.HTTPConnection requests.get urllib.request.urlopen " +
	"tempfile.mktemp sys.exit io.FileIO bdb.Bdb cProfile.run timeit.timeit smtplib.SMTP ftplib.FTP logging.config.fileConfig zipimport.zipimporter")

// scanLabelled scans files made here: pickles that call something, in three spellings of protocols 0 to 4, against plain
// data as pickles and as safetensors.
func scanLabelled() (Score, error) {
	var s Score
	for _, c := range callables {
		dot := strings.LastIndexByte(c, '.')
		for form, file := range callingPickles(c[:dot], c[dot+1:]) {
			if err := s.scan(hallmark.Fail, fmt.Sprintf("%s as %s", c, form), file); err != nil {
				return Score{}, err
			}
		}
	}
	for i := range 80 {
		if err := s.scan(hallmark.Pass, "plain pickle", plainPickle(i)); err != nil {
			return Score{}, err
		}
		if err := s.scan(hallmark.Pass, "safetensors", plainSafetensors(i)); err != nil {
			return Score{}, err
		}
	}
	return s, nil
}

// scan counts one labelled file.
func (s *Score) scan(want hallmark.Outcome, kind string, file []byte) error {
	res, err := scan.File(bytes.NewReader(file), int64(len(file)), "self-test")
	if err != nil {
		return fmt.Errorf("self-test of %s: %w", FileUnsafe, err)
	}
	got := hallmark.Pass
	for _, f := range res.Findings {
		if f.Severity != hallmark.SeverityInfo {
			got = hallmark.Fail
		}
	}
	s.add(labeled{outcome: want, kind: kind}, got)
	return nil
}

// callingPickles calls module.name with one argument when it is loaded.
//
// Source: the opcode table of Python's pickletools.
func callingPickles(module, name string) map[string][]byte {
	short := func(s string) string { return "\x8c" + string(rune(len(s))) + s } //nolint:gosec // G115: names of less than 128 bytes
	return map[string][]byte{
		"GLOBAL":       []byte("c" + module + "\n" + name + "\n(S'x'\ntR."),
		"INST":         []byte("(S'x'\ni" + module + "\n" + name + "\n."),
		"STACK_GLOBAL": []byte("\x80\x04" + short(module) + short(name) + "\x93" + short("x") + "\x85R."),
	}
}

// plainPickle is data without a name: the i-th of a family.
func plainPickle(i int) []byte {
	switch i % 4 {
	case 0:
		return fmt.Appendf(nil, "(dp0\nS'layer%d'\np1\nI%d\ns.", i, i*7)
	case 1:
		return fmt.Appendf(nil, "(lp0\nI%d\naF%d.5\na.", i, i)
	case 2:
		return append([]byte("\x80\x04]\x94(K"), byte(i), 'K', byte(i+1), 'e', '.') //nolint:gosec // G115: below 80
	default:
		return append([]byte("\x80\x04}\x94\x8c\x01k\x94K"), byte(i), 's', '.') //nolint:gosec // G115: below 80
	}
}

// plainSafetensors is a file with one tensor of i+1 values.
func plainSafetensors(i int) []byte {
	size := map[string]int{"F32": 4, "F16": 2, "I8": 1, "BF16": 2}
	kind := []string{"F32", "F16", "I8", "BF16"}[i%4]
	n := (i + 1) * size[kind]
	header := fmt.Sprintf(`{"layer.%d.weight":{"dtype":%q,"shape":[%d],"data_offsets":[0,%d]}}`, i, kind, i+1, n)
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(file, header...), make([]byte, n)...)
}
