"""Renders the public chat templates with Jinja, set up as transformers does it, and writes what TestPublicTemplates compares.

usage: oracle.py TEMPLATES CHATS > public.json
       oracle.py TEMPLATES CHATS TEMPLATE CHAT PROMPT   (prints one rendering)

The result has, for each template, the SHA-256 of its source and for each chat two digests (without and with the generation
prompt): the first 16 hex digits of the rendering's SHA-256, or "error".
"""
import copy
import datetime
import hashlib
import json
import pathlib
import sys

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.Scope(body).set_lineno(line)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys, default=list)


def environment():
    # Templates in use change lists of their own, which the immutable sandbox of transformers refuses.
    env = jinja2.sandbox.SandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"])
    # And without HTML nothing is escaped, where a string that is marked safe makes "+" escape what is added to it.
    env.filters["safe"] = str
    env.filters["tojson"] = tojson  # also of what a filter such as map gives, which json cannot write
    env.filters["from_json"] = json.loads
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = datetime.datetime(2024, 7, 26).strftime
    return env


def render(template, chat, prompt):
    names = {"tools": None, "documents": None, "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": prompt}
    try:
        return template.render(names | copy.deepcopy(chat))
    except Exception as e:  # a template may do anything wrong
        if len(sys.argv) > 3:
            raise
        return e


def digest(out):
    return "error" if isinstance(out, Exception) else hashlib.sha256(out.encode()).hexdigest()[:16]


def main():
    env = environment()
    chats = json.loads(pathlib.Path(sys.argv[2]).read_text())
    if len(sys.argv) > 3:
        name, chat, prompt = sys.argv[3:]
        template = env.from_string((pathlib.Path(sys.argv[1]) / name).read_text())
        sys.stdout.write(render(template, chats[chat], prompt == "true"))
        return
    lines = []
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jinja")):
        template = env.from_string(path.read_text())
        want = [digest(render(template, c, p)) for c in chats.values() for p in (False, True)]
        lines.append(f' {json.dumps(path.name)}: {{"source": "{hashlib.sha256(path.read_bytes()).hexdigest()}", "want": {json.dumps(want)}}}')
    print("{\n" + ",\n".join(lines) + "\n}")


main()
