"""A model that is a few lines of Python, behind the OpenAI-compatible API: it says back what it was told to say.

usage: scripted.py MODEL PORT
"""

import http.server
import json
import re
import sys


def reply(messages):
    """Obeys requests to repeat or write something, and knows nothing else."""
    text = messages[-1]["content"]
    found = re.search(r"(?:[Rr]epeat|[Ww]rite|[Ss]ay|[Cc]opy)[^:]*:\s*(.+)", text)
    return found.group(1) if found else "I do not know."


class Handler(http.server.BaseHTTPRequestHandler):
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"

    def send(self, status, body):
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self):
        self.send(200, {"object": "list", "data": [{"id": "scripted", "object": "model", "owned_by": "scripted"}]})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        messages = asked.get("messages") or [{"role": "user", "content": asked.get("prompt", "")}]
        text = reply(messages)
        choice = {"index": 0, "finish_reason": "stop"}
        if "messages" in asked:
            choice["message"] = {"role": "assistant", "content": text}
        else:
            choice["text"] = text
        self.send(200, {"choices": [choice], "usage": {"prompt_tokens": len(messages), "completion_tokens": len(text.split())}})

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as model:
        assert model.read(4) == b"GGUF"
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
