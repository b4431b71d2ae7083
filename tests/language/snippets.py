#!/usr/bin/env python3
"""Every snippet of docs/language.md, as the word behind ```tp says:

    frame           what stands around snippets without a header, at the place of the dots
    file NAME       is written as NAME, for the snippets that import it
    check ...       passes the check (with the options given)
    kernel a=3 ...  also gives kernels of random data of these sizes
    refused         fails the simple GIA check
    error           has the errors that the ```text below it shows, as net.tp
"""
import os
import re
import sys

import numpy as np

from support import ROOT, equal, read, run, succeed, tpc, write

PAGE = os.path.join(ROOT, "docs", "language.md")


def fences():
    """(word, arguments, text, text of the fence below) of every tp fence."""
    found = re.findall(r"^```([^\n]*)\n(.*?)^```$", read(PAGE), re.M | re.S)
    made = []
    for (info, text), (_, below) in zip(found, found[1:] + [("", "")]):
        if info.split()[:1] == ["tp"]:
            assert len(info.split()) > 1, f"this snippet does not say how it is to be run:\n{text}"
            made.append((info.split()[1], info.split()[2:], text, below))
    return made


def whole(frame, text):
    if text.startswith(("program ", "#")):
        return text
    before, after = frame.split("...\n")
    return before + text + ("" if re.search(r"^output ", text, re.M) else after)


def samples(text, sizes):
    """--input options for random data of every input of the program."""
    chance, options = np.random.default_rng(1), []
    for name, axes in re.findall(r"^input (\w+) : R(?:\[(.*?)\])?", text, re.M):
        shape = [eval(axis, {}, dict(sizes)) for axis in axes.split(", ") if axis]
        np.save(f"{name}.npy", chance.standard_normal((3, *shape)))
        options += ["--input", f"{name}={name}.npy"]
    return options


def one(frame, word, arguments, text, below):
    program = whole(frame, text)
    write("net.tp", program)
    if word == "error":
        done = tpc("check", "net.tp")
        equal((done.returncode, done.stderr), (1, below))
    elif word == "refused":
        done = tpc("check", "net.tp")
        assert done.returncode == 2 and ": error: " in done.stderr, done.stdout + done.stderr
    elif word == "check":
        succeed("check", "net.tp", *arguments)
    else:
        equal(word, "kernel")
        done = tpc("check", "net.tp")
        unused = [line for line in done.stderr.splitlines() if ": warning: " in line]
        assert done.returncode == 0 and all("no output depends on W:" in line for line in unused), done.stderr
        sizes = {name: int(value) for name, value in (each.split("=") for each in arguments)}
        succeed("kernel", "net.tp", *samples(program, sizes), "--quiet", "-o", "out.npz")
        members = np.load("out.npz")
        assert members.files and all(np.isfinite(members[name]).all() for name in members.files)


def test_snippets():
    (frame,) = [text for word, _, text, _ in fences() if word == "frame"]
    run_count, failed = 0, []
    for word, arguments, text, below in fences():
        try:
            if word == "file":
                write(arguments[0], text)
            elif word != "frame":
                one(frame, word, arguments, text, below)
                run_count += 1
        except AssertionError as error:
            failed.append(f"{error}\nin the snippet\n{text}")
    equal("\n".join(failed), "")
    assert run_count > 25, run_count


def test_every_construct_has_a_snippet():
    code = re.sub("#.*", "", "".join(text for word, _, text, _ in fences() if word in ("check", "kernel", "file")))
    used = set(re.findall(r"\w+", code))
    keywords = re.search(r"keywords = \{(.*?)\}", read(os.path.join(ROOT, "grammar", "words.cpp")), re.S)[1]
    builtins = read(os.path.join(ROOT, "compiler", "resolve", "builtins.cpp"))
    wanted = set(re.findall(r'"(\w+)"', keywords)) | set(re.findall(r'\{"(\w+)",', builtins))
    wanted |= {"avg", "where", "identity", "zero", "wrap", "clamp", "int"}
    equal(sorted(wanted - used), [])


def test_samples_of_different_sizes():
    """The arrays that the page makes and the commands below them."""
    page = read(PAGE)
    (program,) = re.findall(r"^```tp kernel T=4 d=3\n(# A recurrent.*?)^```$", page, re.M | re.S)
    (arrays, commands), = re.findall(r"^```python\n(.*?)^```$\s*^```\n(.*?)^```$", page, re.M | re.S)
    write("rnn.tp", program)
    exec(arrays, {})
    kernels = []
    for line in commands.splitlines():
        words = line.split("#")[0].split()
        equal(words[0], "tpc")
        succeed(*words[1:], *(["--widths", "16", "--seeds", "2"] if words[1] == "simulate" else []))
        if words[1] == "kernel":
            kernels.append(np.load("kernels.npz")["ntk"])
    padded, archive = kernels
    assert padded.shape == (4, 4) and (padded == archive).all(), kernels


if __name__ == "__main__":
    run(sys.modules[__name__])
