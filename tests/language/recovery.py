#!/usr/bin/env python3
"""One syntax error in one statement of a good program: one message, whatever the statement gives to the others."""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BREAKS = [lambda line: line + " *", lambda line: line.replace("=", "= *", 1), lambda line: line.replace("(", "( / ", 1)]


def diagnostics(tpc, text):
    with open("p.tp", "w", encoding="utf-8") as file:
        file.write(text)
    done = subprocess.run([tpc, "check", "p.tp", "--json"], capture_output=True, timeout=60)
    return done.returncode, json.loads(done.stdout)["diagnostics"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tpc", required=True)
    tpc = os.path.abspath(parser.parse_args().tpc)
    failed = tried = 0
    programs = sorted(glob.glob(os.path.join(HERE, "..", "..", "examples", "*.tp")))
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        for path in programs:
            lines = open(path, encoding="utf-8").read().split("\n")
            for number, line in enumerate(lines):
                code = line.split("#")[0].rstrip()
                # Braces and lines within brackets are other mistakes.
                if not code.strip() or code.startswith("import") or code.rstrip()[-1] in "{},(" or code.count("(") != code.count(")"):
                    continue
                broken = BREAKS[number % len(BREAKS)](code)
                if broken == code:
                    continue
                tried += 1
                exit_code, found = diagnostics(tpc, "\n".join(lines[:number] + [broken] + lines[number + 1 :]))
                if exit_code != 1 or len(found) != 1 or found[0]["line"] != number + 1:
                    failed += 1
                    print(f"FAIL {os.path.basename(path)}: {broken}: {[(d['line'], d['text']) for d in found]}")
        os.chdir("/")
    print(f"{tried} tried, {failed} failed")
    return 1 if failed or tried < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
