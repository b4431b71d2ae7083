#!/usr/bin/env python3
"""Every diagnostic of the table, provoked by a program: what the command says, word for word.

The `.txt` files hold sections: `=== id: remark`, the program (with `(escaped)` in the header, \\xNN stands for a byte), then
`$ arguments` and what standard error says, for each run. Without `$` the program is checked as it is. `--update` rewrites
what is expected; read the difference.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# With the bounds of the command this takes minutes: tests/compiler/recursion_text.cpp provokes it with a small one.
BEYOND_TESTS = {
    "index_analysis",
}
# Programs too long to be written down: the files, and the last lines of what is said.
LONG = {
    "import_depth": (
        {"p.tp": 'program p\nimport "f0.tp"\noutput 1\n', **{f"f{k}.tp": f'import "f{k + 1}.tp"\n' for k in range(103)}},
        """f99.tp:1:8: error: imports lead from file to file more than 100 deep here
    1 | import "f100.tp"
      |        ^~~~~~~~~
""",
    ),
    "too_many_errors": (
        {"p.tp": "program p\n" + "".join(f"x{k} = z\n" for k in range(2000)) + "output 1"},
        """p.tp:1002:9: error: there are more than 1000 messages: the others are left out
 1002 | x1000 = z
      |         ^
""",
    ),
}
TABLE = os.path.join(HERE, "..", "..", "compiler", "source", "diagnostics.def")


def sections(path):
    found = []
    for line in open(path, encoding="utf-8"):
        if line.startswith("=== "):
            found.append({"header": line.rstrip("\n"), "program": [], "runs": []})
        elif line.startswith("--- file "):
            found[-1].setdefault("files", []).append((line.split()[2], []))
        elif line.startswith("$ "):
            found[-1]["runs"].append((line[2:].split(), []))
        elif found[-1]["runs"]:
            found[-1]["runs"][-1][1].append(line)
        elif found[-1].get("files"):
            found[-1]["files"][-1][1].append(line)
        else:
            found[-1]["program"].append(line)
    for section in found:
        section["runs"] = section["runs"] or [(["check", "p.tp"], [])]
        if section["program"] and section["program"][-1] == "\n":
            section["program"].pop()
    return found


def content(section, lines):
    text = "".join(lines).encode()
    if "(escaped)" in section["header"]:
        text = re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), text)
    return text


def run(tpc, words):
    done = subprocess.run([tpc, *words], capture_output=True, timeout=120)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def heading(entry):
    return f"{entry['file']}:{entry['line']}:{entry['column']}: {entry['severity']}: {entry['text']}"


def check_json(tpc, words, code, text, names):
    """--json says the same as standard error, and the carets are as wide as its columns."""
    again, out, shown = run(tpc, words + ["--json"])
    said = json.loads(out)
    assert again == said["exit"] == code and shown == text, "--json changes what is said"
    lines = shown.splitlines()
    at = 0
    for entry in said["diagnostics"]:
        names.add(entry["id"])
        at = lines.index(heading(entry), at)
        assert not re.match(r"[A-Z][a-z]+ ", entry["text"]), entry["text"]
        assert not re.search(r"[^.]\.$", entry["text"]), entry["text"]
        source, marks = lines[at + 1], lines[at + 2]
        carets = re.search(r"\^~*", marks)
        if entry["line"] == entry["end_line"]:
            assert len(carets[0]) == max(1, entry["end_column"] - entry["column"]), entry
        under = source[carets.start() : carets.end()]
        assert under == under.strip() or len(under) == 1, f"carets under {under!r}"
        for note in entry["notes"]:
            at = lines.index(heading(note), at)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tpc", required=True)
    parser.add_argument("--update", action="store_true")
    args = parser.parse_args()
    tpc = os.path.abspath(args.tpc)
    failed = 0
    provoked = set()
    table = re.findall(r"^TPC_DIAGNOSTIC\((\w+)", open(TABLE).read(), re.M)
    for name in sorted(os.listdir(HERE)):
        if not name.endswith(".txt"):
            continue
        path = os.path.join(HERE, name)
        rewritten = []
        for section in sections(path):
            rewritten += [section["header"] + "\n", *section["program"]]
            for other, lines in section.get("files", []):
                rewritten += [f"--- file {other}\n", *lines]
            with tempfile.TemporaryDirectory() as scratch:
                os.chdir(scratch)
                for other, lines in [("p.tp", section["program"]), *section.get("files", [])]:
                    os.makedirs(os.path.dirname(other) or ".", exist_ok=True)
                    open(other, "wb").write(content(section, lines))
                seen = set()
                for words, expected in section["runs"]:
                    code, out, text = run(tpc, words)
                    got = text + f"exit {code}\n"
                    want = "".join(expected).rstrip("\n") + "\n"
                    rewritten += [f"$ {' '.join(words)}\n", got]
                    try:
                        check_json(tpc, words, code, text, seen)
                        problem = None if got == want or args.update else f"says\n{got}instead of\n{want}"
                    except (AssertionError, ValueError) as error:
                        problem = f"{type(error).__name__}: {error}\n{text}"
                    if problem:
                        failed += 1
                        print(f"FAIL {name}: {section['header']}: {' '.join(words)}: {problem}")
                wanted = re.match(r"=== (\w+)", section["header"])[1]
                if wanted not in seen:
                    failed += 1
                    print(f"FAIL {name}: {section['header']}: gives {sorted(seen)}")
                provoked |= seen
                os.chdir(HERE)
            rewritten.append("\n")
        if args.update:
            open(path, "w", encoding="utf-8").write("".join(rewritten))
    for wanted, (files, last) in LONG.items():
        with tempfile.TemporaryDirectory() as scratch:
            os.chdir(scratch)
            for name, text in files.items():
                open(name, "w", encoding="utf-8").write(text)
            code, out, text = run(tpc, ["check", "p.tp", "--json"])
            seen = {entry["id"] for entry in json.loads(out)["diagnostics"]}
            if code != 1 or not text.endswith(last) or wanted not in seen:
                failed += 1
                print(f"FAIL {wanted}: exit {code}, {sorted(seen)}: {text[-1000:]}")
            provoked |= seen
            os.chdir(HERE)
    for missing in sorted(set(table) - provoked - BEYOND_TESTS):
        failed += 1
        print(f"FAIL {missing}: no program provokes it")
    print(f"{len(provoked)} of {len(table)} diagnostics provoked")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
