"""What the scripts of this folder share: they run the command in a scratch folder on files that they write there."""
import argparse
import os
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TPC = ""


def tpc(*arguments, cwd=None):
    return subprocess.run([TPC, *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=cwd)


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return path


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def equal(got, want):
    assert got == want, f"got\n{got}\nexpected\n{want}"


def succeed(*arguments):
    done = tpc(*arguments)
    assert done.returncode == 0, f"exit {done.returncode}: {arguments}\n{done.stdout}{done.stderr}"
    return done.stdout


def run(module):
    """Runs every function of the calling script whose name begins with test_, each in a folder of its own."""
    global TPC
    parser = argparse.ArgumentParser()
    parser.add_argument("--tpc", required=True)
    TPC = os.path.abspath(parser.parse_args().tpc)
    tests = {name: value for name, value in vars(module).items() if name.startswith("test_")}
    assert tests
    failed = 0
    for name, test in tests.items():
        with tempfile.TemporaryDirectory() as scratch:
            os.chdir(scratch)
            try:
                test()
            except AssertionError as error:
                failed += 1
                print(f"FAIL {name}: {error}")
            finally:
                os.chdir(ROOT)
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
