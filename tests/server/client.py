#!/usr/bin/env python3
"""A scripted client that speaks the language server protocol with `tpc lsp`."""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile

PROGRAM = """program rnn(sw = 1)
input ξ : R[T, d]
matrix W ~ N(0, sw^2 / n)
matrix U ~ N(0, 1 / d)
vector v ~ N(0, 1)
fn mix(a) = tanh(a)
s[0] = 0
for t in 1..T {
    s[t] = mix(W @ s[t-1] + U @ ξ[t])
}
output v' @ s[T] / sqrt(n)
"""


class Client:
    def __init__(self, tpc):
        self.process = subprocess.Popen([tpc, "lsp", "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.next = 0
        self.notices = []

    def raw(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message):
        data = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode()
        self.raw(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))

    def read(self):
        length = None
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return json.loads(self.process.stdout.read(length))

    def error(self):
        while "error" not in (message := self.read()):
            self.notices.append(message)
        return message["error"]["code"]

    def request(self, method, **params):
        self.next += 1
        self.send({"id": self.next, "method": method, "params": params})
        while (message := self.read()).get("id") != self.next:
            self.notices.append(message)
        return message

    def notify(self, method, **params):
        self.send({"method": method, "params": params})

    def diagnostics(self, version):
        """What is published for a version; later than all that is waiting."""
        for _ in range(100):
            message = self.notices.pop(0) if self.notices else self.read()
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"].get("version") == version:
                return message["params"]["diagnostics"]
        raise AssertionError("no diagnostics")

    def start(self):
        said = self.request("initialize", processId=None, rootUri=None, capabilities={})["result"]
        assert said["capabilities"]["textDocumentSync"]["change"] == 2 and said["serverInfo"]["name"] == "tpc", said
        self.notify("initialized")

    def stop(self):
        assert self.request("shutdown")["result"] is None
        assert self.request("textDocument/hover", textDocument={"uri": "x"}, position={"line": 0, "character": 0})["error"]["code"] == -32600
        self.notify("exit")
        assert self.process.wait(20) == 0


def place(text, what, nth=0, inside=0):
    """The position of the nth occurrence, in UTF-16 units."""
    at = -1
    for _ in range(nth + 1):
        at = text.index(what, at + 1)
    at += inside
    line = text.count("\n", 0, at)
    column = text[text.rfind("\n", 0, at) + 1 : at]
    return {"line": line, "character": len(column.encode("utf-16-le")) // 2}


def open_document(client, uri, text, version=1):
    client.notify("textDocument/didOpen", textDocument={"uri": uri, "languageId": "tp", "version": version, "text": text})
    return client.diagnostics(version)


def test_diagnostics_as_one_types(client, folder):
    uri = f"file://{folder}/a%20b.tp"
    text = PROGRAM
    assert open_document(client, uri, text) == []
    # a surrogate pair in front: UTF-16 counts it twice
    change = "𝜎 = zeta"
    at = place(text, "output")
    client.notify("textDocument/didChange", textDocument={"uri": uri, "version": 2},
                  contentChanges=[{"range": {"start": at, "end": at}, "text": change + "\n"}])
    found = client.diagnostics(2)
    assert [d["code"] for d in found] == ["unknown_name"] and found[0]["severity"] == 1, found
    assert found[0]["range"] == {"start": {"line": 10, "character": 5}, "end": {"line": 10, "character": 9}}, found
    # two changes in one message, the second counted after the first
    client.notify("textDocument/didChange", textDocument={"uri": uri, "version": 3}, contentChanges=[
        {"range": {"start": {"line": 10, "character": 5}, "end": {"line": 10, "character": 9}}, "text": "tanh(v)"},
        {"range": {"start": {"line": 10, "character": 0}, "end": {"line": 10, "character": 2}}, "text": "σ"}])
    found = client.diagnostics(3)
    assert [(d["code"], d["severity"]) for d in found] == [("unused_value", 2)], found
    # the whole text; an error that points at another place
    double = text.replace("matrix U", "matrix W")
    client.notify("textDocument/didChange", textDocument={"uri": uri, "version": 4}, contentChanges=[{"text": double}])
    found = [d for d in client.diagnostics(4) if d["code"] == "duplicate_name"]
    other = found[0]["relatedInformation"][0]
    assert other["location"]["uri"] == uri and other["location"]["range"]["start"] == place(text, "W"), found
    # text that cannot be parsed, on the way to the next one
    for version, piece in enumerate(("output v' @", "for t in {", "((((", "\x00", "")):
        client.notify("textDocument/didChange", textDocument={"uri": uri, "version": 10 + version}, contentChanges=[{"text": text + piece}])
    assert client.diagnostics(14) == []
    client.notify("textDocument/didClose", textDocument={"uri": uri})


def test_questions(client, folder):
    uri = f"file://{folder}/questions.tp"
    text = PROGRAM
    assert open_document(client, uri, text, 1) == []
    document = {"uri": uri}

    def hover(what, nth=0, inside=0):
        result = client.request("textDocument/hover", textDocument=document, position=place(text, what, nth, inside))["result"]
        return result and result["contents"]["value"]

    assert "n x n" in hover("W @") and "N(0, 1 / n)" in hover("W @"), hover("W @")
    assert "n x d" in hover("U @")
    said = hover("s[T]")
    assert "vector of n coordinates" in said and "C(s[t], s_[t_]) = E[tanh . tanh]" in said, said
    assert "R[T, d]" in hover("ξ[t]") and "built-in" in hover("tanh") and "width" in hover("n)", 0)
    assert hover("@") is None
    # after a letter of two bytes the column is still right
    where = client.request("textDocument/definition", textDocument=document, position=place(text, "ξ[t]", 0, 2))["result"]
    assert where["range"]["start"] == place(text, "t in"), where
    where = client.request("textDocument/definition", textDocument=document, position=place(text, "ξ[t]"))["result"]
    assert where["uri"] == uri and where["range"]["start"] == place(text, "ξ"), where
    where = client.request("textDocument/definition", textDocument=document, position=place(text, "mix(W"))["result"]
    assert where["range"]["start"] == place(text, "mix"), where
    where = client.request("textDocument/definition", textDocument=document, position=place(text, "tanh"))["result"]
    assert where is None

    def labels(position):
        return {item["label"] for item in client.request("textDocument/completion", textDocument=document, position=position)["result"]}

    inside, outside = labels(place(text, "mix(W")), labels(place(text, "output"))
    assert {"W", "ξ", "s", "t", "mix", "tanh", "sum", "output"} <= inside and "t" not in outside and "W" in outside
    # what was known stays known while the text is broken
    client.notify("textDocument/didChange", textDocument={"uri": uri, "version": 2}, contentChanges=[{"text": text + "y = W @"}])
    assert client.diagnostics(2)[0]["code"] == "syntax"
    assert {"W", "ξ", "mix"} <= labels(place(text, "output"))


def test_imports(client, folder):
    with open(os.path.join(folder, "parts.tp"), "w") as file:
        file.write("fn half(z) = z / 2\n")
    text = 'program p\nimport "parts.tp"\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\noutput v\' @ half(U @ xi) / sqrt(n)\n'
    uri = f"file://{folder}/main.tp"
    assert open_document(client, uri, text) == []
    where = client.request("textDocument/definition", textDocument={"uri": uri}, position=place(text, "half"))["result"]
    assert where["uri"].endswith("/parts.tp") and where["range"]["start"] == {"line": 0, "character": 3}, where
    # the editor's text of the imported file counts, not the disk's; it is no program and no error
    parts = f"file://{folder}/parts.tp"
    assert open_document(client, parts, "fn halve(z) = z / 2\n", 5) == []
    client.notify("textDocument/didChange", textDocument={"uri": uri, "version": 6}, contentChanges=[{"text": text}])
    assert [d["code"] for d in client.diagnostics(6)] == ["unknown_name"]


def test_malformed(client, folder):
    client.raw(b"Content-Length: 5\r\n\r\n{oops")
    assert client.error() == -32700
    client.raw(b"Content-Length: nonsense\r\nX: y\r\n\r\n")
    assert client.error() == -32700
    client.raw(b"Content-Length: 2\r\n\r\n[]")
    assert client.error() == -32600
    client.raw(b"Content-Length: 70000000\r\n\r\n" + b"[" * 70000000)  # too long
    assert client.error() == -32700
    assert client.request("no/such")["error"]["code"] == -32601
    deep = b'{"jsonrpc": "2.0", "method": "no/such", "id": %s1%s}' % (b"[" * 300000, b"]" * 300000)
    client.raw(b"Content-Length: %d\r\n\r\n%s" % (len(deep), deep))
    assert client.error() == -32601
    client.send({"id": "exit", "method": "no/such"})  # no request to end
    assert client.error() == -32601
    for params in ({}, {"textDocument": 3}, {"textDocument": {"uri": "x"}, "position": "here"}):
        message = client.request("textDocument/hover", **params)
        assert "error" in message or message["result"] is None, message
    client.notify("textDocument/didChange", textDocument={"uri": "unknown"}, contentChanges=[{}])
    client.notify("textDocument/didOpen", nothing=1)
    client.notify("$/cancelRequest", id=1)
    uri = "untitled:one"
    open_document(client, uri, PROGRAM, 1)
    far = {"line": 10**9, "character": 10**9}
    assert client.request("textDocument/hover", textDocument={"uri": uri}, position=far)["result"] is None
    client.notify("textDocument/didChange", textDocument={"uri": uri, "version": 2},
                  contentChanges=[{"range": {"start": far, "end": {"line": 0, "character": 0}}, "text": "\ny = 1\n"}])
    assert [d["code"] for d in client.diagnostics(2)] == ["unused_value"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tpc", required=True)
    tpc = os.path.abspath(parser.parse_args().tpc)
    for test in (test_diagnostics_as_one_types, test_questions, test_imports, test_malformed):
        with tempfile.TemporaryDirectory() as folder:
            signal.alarm(120)  # a server that says nothing
            client = Client(tpc)
            early = client.request("textDocument/hover")
            assert early["error"]["code"] == -32002, early
            client.start()
            test(client, folder)
            client.stop()
            print(f"ok   {test.__name__}")
    client = Client(tpc)  # an editor that dies
    client.start()
    client.process.stdin.close()
    assert client.process.wait(20) == 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
