"""Writes the labelled vectors of Presidio's recognizer tests as JSON lines: entity, text, expected spans or count.

usage: vectors.py PRESIDIO/presidio-analyzer/tests > vectors.jsonl
"""
import ast
import glob
import json
import os
import re
import sys


def literal(node, names):
    """Evaluates a literal that may use module constants and simple arithmetic of strings."""
    try:
        return eval(compile(ast.Expression(node), "", "eval"), {}, dict(names))
    except Exception:
        return None


def entities_of(tree, source):
    for fn in ast.walk(tree):
        if isinstance(fn, ast.FunctionDef) and fn.name in ("entities", "entity"):
            for n in ast.walk(fn):
                if isinstance(n, ast.Return):
                    v = literal(n.value, {})
                    return [v] if isinstance(v, str) else list(v or [])
    return re.findall(r'"([A-Z]{2,}_[A-Z_]+)"', source)[:1]


def spans_of(value):
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(x, int) for x in value):
        return [value]
    if isinstance(value, (tuple, list)) and all(isinstance(x, (tuple, list)) and len(x) == 2 and all(isinstance(y, int) for y in x) for x in value):
        return [tuple(x) for x in value]
    return None


for path in sorted(glob.glob(os.path.join(sys.argv[1], "test_*_recognizer.py"))):
    source = open(path, encoding="utf-8").read()
    tree = ast.parse(source)
    entities = entities_of(tree, source)
    names = {t.id: literal(n.value, {}) for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and ast.unparse(call.func).endswith("parametrize") and len(call.args) > 1):
            continue
        params = literal(call.args[0], {})
        if isinstance(params, str):
            params = [p.strip() for p in params.split(",")]
        if not params or not isinstance(call.args[1], (ast.List, ast.Tuple)):
            continue
        for item in call.args[1].elts:
            row = literal(item, names)
            if not isinstance(row, tuple) or len(row) != len(params) or not isinstance(row[0], str):
                continue
            get = dict(zip(params, row))
            count = next((get[k] for k in ("expected_len", "expected_num_of_results") if type(get.get(k)) is int), None)
            spans = next((s for k, v in list(get.items())[1:] for s in [spans_of(v)] if s is not None and "score" not in k and (s or count == 0)), None)
            if count is None and spans is not None:
                count = len(spans)
            if count is None:
                continue
            print(json.dumps({"file": os.path.basename(path), "entities": entities, "text": row[0], "count": count, "spans": spans}))
