package scan

import (
	"regexp"
	"strings"
	"sync"

	"github.com/hallmark-ml/hallmark"
)

// Some configurations name what the library that reads them imports and calls: "_target_" of Hydra, NeMo and MONAI, "target"
// of diffusion models, "!new:" and "!apply:" of SpeechBrain. The classes of models are beyond counting; what is refused are
// functions of Python's library, and those of others that run programs or code or load pickles.

const ruleConfigCall = "config-call"

var onlyName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`) })

// words is a set of the words of a text.
func words(text string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		set[word] = true
	}
	return set
}

// stdlib are the modules of Python's library, but for those whose names a model may as well have.
var stdlib = sync.OnceValue(func() map[string]bool {
	return words(`
abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect builtins bz2 cProfile calendar cgi cgitb
chunk cmd code codecs codeop compileall concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes curses dbm difflib dis distutils
doctest email encodings ensurepip errno faulthandler fcntl filecmp fileinput fnmatch ftplib functools gc genericpath getopt getpass gettext glob
graphlib grp gzip heapq hmac html http idlelib imaplib imghdr imp importlib inspect io itertools json keyword lib2to3 linecache locale logging lzma
mailbox mailcap marshal mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt ntpath nturl2path opcode operator optparse os
pdb pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat
queue quopri readline reprlib resource rlcompleter runpy sched select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver
spwd sqlite3 ssl stat string subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap this threading time
timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types unittest urllib uu venv warnings wave weakref webbrowser
winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib __builtin__ __builtins__ commands popen2 _io _posixsubprocess _ctypes`)
})

// plainTargets are of Python's library and do nothing but compute.
var plainTargets = sync.OnceValue(func() map[string]bool {
	return words(`
builtins.int builtins.float builtins.str builtins.bool builtins.list builtins.dict builtins.tuple builtins.set builtins.range builtins.slice builtins.len
builtins.max builtins.min builtins.sum builtins.sorted functools.partial operator.itemgetter operator.add operator.mul copy.deepcopy itertools.chain
string.Template logging.getLogger`)
})

// runsCode are other modules and functions that run programs or code, load pickles, or call what they are given.
var runsCode = sync.OnceValue(func() map[string]bool {
	return words(`
psutil pexpect sh plumbum fabric invoke paramiko gevent eventlet trio anyio pip setuptools pkg_resources IPython ipykernel cffi cppyy dill cloudpickle
joblib.load jsonpickle yaml ruamel hydra.utils hydra._internal hydra.core jinja2 mako sympy numexpr py execnet requests urllib3 httpx aiohttp boto3 docker
numba numpy.load numpy.f2py numpy.distutils numpy.testing numpy.ctypeslib pandas.eval pandas.read_pickle pandas.io torch.load torch.hub torch.jit.load
torch.package torch.ops torch.utils.cpp_extension torch.utils.collect_env torch.utils.bottleneck torch.distributed.run torch.distributed.launcher
torch.storage torch.serialization torch._inductor torch.multiprocessing torch.classes tensorflow.io tensorflow.py_function tensorflow.load_op_library
tensorflow.load_library keras.utils.get_file keras.models.load_model keras.saving mlflow wandb nltk.data.load speechbrain.utils.superpowers
speechbrain.utils.importutils lightning.pytorch.cli fsspec smart_open omegaconf.OmegaConf.load nemo.utils.get_rank monai.bundle monai.utils.module`)
})

// isModule reports whether a path is one of names, or lies in it.
func isModule(path string, names ...string) bool {
	for _, name := range names {
		if rest, ok := strings.CutPrefix(path, name); ok && (rest == "" || rest[0] == '.') {
			return true
		}
	}
	return false
}

func beforeDot(path string) string {
	first, _, _ := strings.Cut(path, ".")
	return first
}

// hostileTarget says what is wrong with calling the import path, or nothing.
func hostileTarget(path string) string {
	switch {
	case !onlyName().MatchString(path):
		return "which is no plain name"
	case plainTargets()[path]:
		return ""
	case stdlib()[beforeDot(path)]:
		return "of Python's library"
	}
	for part := path; part != ""; {
		if runsCode()[part] {
			return "which runs code or loads what it is given"
		}
		at := strings.LastIndexByte(part, '.')
		part = part[:max(at, 0)]
	}
	for part := range strings.SplitSeq(path, ".") {
		if strings.HasPrefix(part, "__") || part == "subprocess" || part == "os" || part == "sys" || part == "builtins" {
			return "which is none of the library's own"
		}
	}
	return ""
}

// target looks at the import path of what a configuration calls. Of a key that others use as well, plain words are none.
func (s *scanner) target(key, path string, plain bool) { //nolint:revive // plain is what the key leaves open
	if plain && (!strings.Contains(path, ".") || !onlyName().MatchString(path)) {
		return
	}
	if why := hostileTarget(path); why != "" {
		s.add(ruleConfigCall, hallmark.SeverityCritical, key, "reading the configuration calls %.80q, %s", path, why)
	}
}
