#!/usr/bin/env python3
"""Every text of a data error (exit code 3) that stands in the command's sources is provoked by a test."""
import glob
import os
import re

import numpy as np

import large
import learning
import run
import sizes
import support
from support import EXAMPLES, LINEAR, data, expect, expect_one_line, in_scratch, save, tpc, write

SOURCES = os.path.join(EXAMPLES, "..", "cli")
NOT_HERE = {"there is not enough memory for data of this size", ": cannot be read"}  # machines that run out, disks that fail


def texts():
    """Format strings after `Failure{data_error,`, with their place; those without words of their own pass on a reader's."""
    for path in sorted(glob.glob(os.path.join(SOURCES, "*.cpp"))):
        with open(path, encoding="utf-8") as file:
            source = file.read()
        for found in re.finditer(r'data_error,\s*(?:\w+\s*\+\s*)?(?:fmt::format\(\s*)?((?:"(?:[^"\\]|\\.)*"\s*)+)', source):
            text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', found[1]))
            if len(re.findall(r"\w{3,}", re.sub(r"\{.*?\}", "", text))) > 1 and text not in NOT_HERE:
                yield os.path.basename(path), text


def test_program_and_targets():
    """What the tests of the other files leave out."""
    p, x = write("p.tp", LINEAR.replace("R[d]", "R[3]").replace("/ d", "/ 3")), save("x.npy", data(4, 2))
    expect_one_line(tpc("kernel", p, "--input", x, "-o", "out.npz"), 3, "axis 1 of x.npy has the size 2, and the program declares 3")
    q = write("q.tp", LINEAR)
    save("y.npy", data(4, 1)), save("pairs.npy", np.ones((4, 2), dtype=int)), save("cube.npy", data(4, 1, 1))
    words = ["predict", q, "--train", x, "--test", x]
    expect_one_line(tpc(*words, "--targets", "y.npy", "--test-targets", "pairs.npy"), 3, "y.npy holds 1 targets a sample and pairs.npy holds 2")
    expect_one_line(tpc(*words, "--targets", "pairs.npy", "--classify"), 3, "pairs.npy: classes are one integer a sample, not 2")
    expect_one_line(tpc(*words, "--targets", "cube.npy"), 3, "cube.npy: a matrix is wanted, but the shape is (4, 1, 1)")
    os.mkdir("folder.tp")
    expect(tpc("check", "folder.tp"), 3, "folder.tp: cannot read: Is a directory")
    expect_one_line(tpc("check", "/dev/zero"), 3, "/dev/zero: longer than 64 MB: this is no program")


def test_all_are_provoked():
    wanted = list(texts())
    assert len(wanted) > 15, wanted
    for module, names in ((run, "data_errors binding axis_expressions sets_of_different_lengths"),
                          (learning, "predict_numbers predict_classes spectrum"),
                          (sizes, "wrong_lengths wrong_archives"),
                          (large, "unfinished_runs_are_not_mixed full_disks demands_that_cannot_be_met")):
        for name in names.split():
            in_scratch(getattr(module, f"test_{name}"))
    in_scratch(test_program_and_targets)
    said = "".join(support.SAID)
    silent = [f"{path}: {text}" for path, text in wanted
              if not re.search("[^\n]*".join(map(re.escape, re.split(r"\{.*?\}", text))), said)]
    assert not silent, "no test provokes\n" + "\n".join(silent)


if __name__ == "__main__":
    support.main(__doc__, globals())
