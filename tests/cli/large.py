#!/usr/bin/env python3
"""Kernels in blocks: the same bytes whatever the blocks, rows and columns, runs that were killed, full disks."""
import json
import os
import re
import resource
import signal
import subprocess
import time

import numpy as np

import support
from support import EXAMPLES, data, expect, expect_one_line, save, tpc, write

MLP = os.path.join(EXAMPLES, "mlp.tp")
FAMILY = """program family
input xi : R[T, d]
matrix U ~ N(0, 1 / d)
matrix W ~ N(0, 1 / n)
vector v ~ N(0, 1)
x[0] = 0
for t in 1..T { x[t] = relu(W @ x[t-1] + U @ xi[t]) }
output f[t in 1..T, s in 1..t] = v' @ (x[t] + 2 * x[s]) / sqrt(n)
output g = v' @ x[T] / sqrt(n)
"""
KEPT = ("out.npz.part", "out.npz.part.journal")


def contents(name):
    with open(name, "rb") as file:
        return file.read()


def least_memory(*arguments):
    """What a run that is given next to nothing says that it needs, and a bit more (pages of libraries come and go); and that run."""
    memory = 1
    while (done := tpc(*arguments, "--memory", f"{memory}MB", "--json")).returncode != 0:
        expect(done, 3, f"--memory allows {memory} MB")
        memory = max(memory, int(float(re.search(r"needs about ([\d.]+) MB", done.stderr)[1]))) + 4
        if os.path.exists(KEPT[0]):  # a later group of lengths asked for more
            expect(done, 3, "are kept in out.npz.part")
            list(map(os.remove, KEPT))
    return f"{memory}MB", done


def in_blocks(*arguments, least=2):
    """The same run in the smallest blocks that the memory it needs allows."""
    done = least_memory(*arguments, "-o", "out.npz", "--threads", 2)[1]
    demand = json.loads(done.stdout).get("demand", {"blocks": 1})
    assert demand["blocks"] >= least, demand
    assert not any(map(os.path.exists, KEPT)), os.listdir(".")
    return contents("out.npz")


def test_blocks_give_the_same_bytes():
    x, y = save("x.npy", data(700, 5)), save("y.npy", data(300, 5, seed=2))
    for words in (["--input", x], ["--input", x, "--input2", y], ["--input", x, "--dtype", "f32"],
                  ["--input", x, "--get", "ntk", "-D", "phi=tanh"], ["--input", y, "--via", "D"]):
        command = ["kernel", MLP, *words]
        expect(tpc(*command, "-o", "whole.npz", "--threads", 1), 0)
        assert in_blocks(*command, least=3) == contents("whole.npz"), words
    expect(tpc("kernel", MLP, "--input", x, "--get", "ntk", "-o", "one.npy"), 0)
    expect(tpc("kernel", MLP, "--input", x, "-o", "whole.npz"), 0)
    assert np.array_equal(np.load("one.npy"), np.load("whole.npz")["ntk"])
    expect(tpc("kernel", MLP, "--input", x, "-o", "two.npy"), 64, "an .npy holds one array, and this writes 2")


def test_families_and_lengths():
    p, x, y = write("p.tp", FAMILY), save("x.npy", data(90, 4, 2)), save("y.npy", data(60, 4, 2, seed=2))
    save("a.npy", np.arange(90) * 7 % 4 + 1), save("b.npy", np.arange(60) * 3 % 3 + 1)
    lengths = ["--lengths", "T=a.npy"]
    for words in (["--input", x], ["--input", x, *lengths], ["--input", x, *lengths, "--input2", y, "--lengths2", "T=b.npy"]):
        command = ["kernel", p, *words]
        expect(tpc(*command, "-o", "whole.npz"), 0, "NaN")
        assert in_blocks(*command, least=3) == contents("whole.npz"), words
        whole = np.load("whole.npz")
        expect(tpc(*command, "-o", "part.npz", "--rows", "20:71", "--columns", ":33"), 0)
        part = np.load("part.npz")
        assert part["ntk.f"].shape == (51, 4, 4, 33) + whole["ntk.f"].shape[4:], part["ntk.f"].shape
        for member in whole.files:
            columns = (slice(None),) * (1 if member.endswith(".g") else 3) + (slice(0, 33),)
            assert np.array_equal(part[member], whole[member][20:71][columns], equal_nan=True), (words, member)


def test_rows_and_columns():
    x, y = save("x.npy", data(200, 5)), save("y.npy", data(90, 5, seed=2))
    for words, columns in ((["--input", x], 200), (["--input", x, "--input2", y], 90)):
        command = ["kernel", MLP, *words]
        expect(tpc(*command, "-o", "whole.npz"), 0)
        whole = np.load("whole.npz")
        for rows, cols in ((slice(3, 4), slice(0, columns)), (slice(150, 200), slice(0, 90)), (slice(0, 90), slice(60, 90)),
                           (slice(17, 180), slice(31, 77))):
            expect(tpc(*command, "-o", "part.npz", "--rows", f"{rows.start}:{rows.stop}", "--cols", f"{cols.start}:{cols.stop}"), 0)
            part = np.load("part.npz")
            for member in whole.files:
                assert np.array_equal(part[member], whole[member][rows, cols]), (words, rows, cols, member)
            in_small = in_blocks(*command, "--rows", f"{rows.start}:{rows.stop}", "--cols", f"{cols.start}:{cols.stop}", least=1)
            assert in_small == contents("part.npz"), (words, rows, cols)
    for text, why in (("5", "two numbers"), ("a:b", "two numbers"), ("-1:3", "two numbers"), ("3:3", "no samples"), ("0:201", "only 200 samples")):
        expect(tpc("kernel", MLP, "--input", x, f"--rows={text}", "-o", "bad.npz"), 64, f"--rows {text}: ", why)


def started(*arguments):
    return subprocess.Popen([support.TPC, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait_for_notes(process, count):
    """Until the journal holds that many lines: the first says of what, the others how far."""
    while process.poll() is None:
        if os.path.exists(KEPT[1]) and contents(KEPT[1]).count(b"\n") >= count:
            return
        time.sleep(0.01)


def killed_run():
    """A command in many blocks, and its bytes when it is not interrupted; it was killed, and is not finished."""
    x = save("x.npy", data(1100, 40))
    command = ["kernel", MLP, "-D", "L=30", "--input", x, "-o", "out.npz"]
    command += ["--memory", least_memory(*command)[0]]
    expect(tpc(*command), 0)
    whole = contents("out.npz")
    os.remove("out.npz")
    process = started(*command, "--threads", 1)
    wait_for_notes(process, 2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert all(map(os.path.exists, KEPT)) and not os.path.exists("out.npz"), os.listdir(".")
    return command, whole


def test_killed_runs_go_on():
    command, whole = killed_run()
    for _ in range(2):
        process = started(*command, "--threads", 1)
        wait_for_notes(process, 3)
        process.kill()
        process.wait()
        process.stderr.close()
    with open(KEPT[1], "ab") as journal:  # killed in the middle of a line
        journal.write(b'01234567 {"cells":')
    done = expect(tpc(*command, "--threads", 2, "--json"), 0)
    assert json.loads(done.stdout)["demand"]["done"] > 0, done.stdout
    assert contents("out.npz") == whole and not any(map(os.path.exists, KEPT)), os.listdir(".")


def test_unfinished_runs_are_not_mixed():
    command, whole = killed_run()
    kept = [contents(name) for name in KEPT]
    save("x.npy", data(1100, 40) + 1e-9)
    expect(tpc(*command), 3, "out.npz.part is what an unfinished run has left, of other data: remove it, or give --restart")
    save("x.npy", data(1100, 40))
    expect(tpc(*command, "--get", "ntk"), 3, "of another request")
    expect(tpc(*command, "-D", "sb=1"), 3, "of another program, or other parameters")
    assert [contents(name) for name in KEPT] == kept
    expect(tpc(*command, "--restart"), 0)
    assert contents("out.npz") == whole and not any(map(os.path.exists, KEPT)), os.listdir(".")
    write(KEPT[0], "something else")
    expect(tpc(*command), 3, "of which nothing is known")


def test_full_disks():
    """A limit on the size of files stands for a full disk: it is met by the same calls."""
    command, whole = killed_run()

    def limited(most):
        done = subprocess.run([support.TPC, *map(str, command)], capture_output=True, text=True,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY)))
        support.SAID.append(done.stderr)
        return expect(done, 3, "out.npz: cannot write: File too large", "are kept in out.npz.part: the same command goes on")

    limited(len(whole) // 2)  # from the start
    process = started(*command)
    wait_for_notes(process, 3)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (len(whole) // 4, resource.RLIM_INFINITY))  # on the way
    said = process.communicate()[1]
    assert process.returncode == 3 and "the same command goes on from there" in said or process.returncode == 0, said
    if process.returncode != 0:
        expect(tpc(*command), 0)
    assert contents("out.npz") == whole and not any(map(os.path.exists, KEPT)), os.listdir(".")
    x = save("tiny.npy", data(3, 5))
    done = subprocess.run([support.TPC, "kernel", MLP, "--input", x, "-o", "tiny.npz"], capture_output=True, text=True,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY)))
    expect(done, 3, "tiny.npz: cannot write: File too large")
    assert not os.path.exists("tiny.npz") and not os.path.exists("tiny.npz.part"), os.listdir(".")


def test_progress():
    """On a terminal, after a second; and nothing elsewhere (the other tests), nor with --quiet."""
    x = save("x.npy", data(2500, 40))
    for words, shown in (([], True), (["--quiet"], False)):
        command = [support.TPC, "kernel", MLP, "-D", "L=150", "--input", x, "-o", "out.npz", "--threads", "1", *words]
        lead, follow = os.openpty()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=follow)
        os.close(follow)
        text = b""
        while True:
            try:
                text += os.read(lead, 4096)
            except OSError:  # closed by the command
                break
        assert process.wait() == 0
        os.close(lead)
        assert bool(re.search(rb"\d+ %, \S+ pairs/s, \d+ s left", text)) == shown, text
        assert not shown or text.endswith(b"\r\x1b[K"), text


def test_demands_that_cannot_be_met():
    x = save("x.npy", np.zeros((1000, 1)))
    wide = write("wide.tp", support.LINEAR.replace("output v", "output f[k in 1..K] = v").replace("c = 1", "c = 1, K: int = 20000"))
    expect_one_line(tpc("kernel", wide, "--input", x, "-o", "out.npz"), 3, "this needs about ", "of memory, and the machine has ")
    many = save("many.npy", np.zeros((300000, 1)))
    expect_one_line(tpc("kernel", write("p.tp", support.LINEAR), "--input", many, "-o", "out.npz"), 3,
                    "out.npz: cannot write: No space left on device: 1.44 TB more are needed and ")


if __name__ == "__main__":
    support.main(__doc__, globals())
