#!/usr/bin/env python3
"""Two result files of bench/execution.py side by side: the times of the second over those of the first."""
import json
import sys

if len(sys.argv) != 3:
    sys.exit("usage: bench/compare.py BEFORE.json AFTER.json")
before, after = (json.load(open(path)) for path in sys.argv[1:])
if before["machine"] != after["machine"]:
    print(f"not the same machine: {before['machine']} and {after['machine']}")
for name in sorted(set(before["cases"]) | set(after["cases"])):
    old, new = (side["cases"].get(name, {}).get("one_thread", {}).get("ns_per_pair") for side in (before, after))
    print(f"{name:20} " + (f"{old:12.1f} -> {new:12.1f} ns a pair, {new / old:.2f}" if old and new else "in one file only, or failed"))
