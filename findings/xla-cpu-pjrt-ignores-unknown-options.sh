#!/usr/bin/env bash
# OpenXLA's CPU plugin takes any option of a client, does what one of them says, and is silent about the rest.
#
# xla-cpu-pjrt 0.0.1 (PJRT API 0.81): PJRT_Client_Create heeds "cpu_device_count". "node_id" and "num_nodes", by which GPU plugins
# join processes, and a name that no plugin knows are accepted without an error: two clients that were told to be nodes 0 and 1 of
# 2 both say that they are process 0, and each sees its own devices alone. Whoever tries a run of several processes on it
# therefore trains two separate models without a message.
#
# Seen:
#   {}: process 0, 4 devices of 4
#   {'cpu_device_count': 2}: process 0, 2 devices of 2
#   {'node_id': 1, 'num_nodes': 2}: process 0, 4 devices of 4
#   {'no_such_option': 1}: process 0, 4 devices of 4
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet xla-cpu-pjrt==0.0.1
cat >"$work/clients.py" <<'PYTHON'
import ctypes
import glob
import os
import sys

library = ctypes.CDLL(glob.glob(os.path.join(sys.prefix, "lib/python*/site-packages/xla_plugins/xla_cpu_pjrt/*.so"))[0])
library.GetPjrtApi.restype = ctypes.POINTER(ctypes.c_uint64)
# Five words of size, extension and version stand before the functions.
functions = library.GetPjrtApi()[5:130]
kept = []


def call(place, *words):
    """Call the function at a place of the table; returns its argument struct, with what it was given back."""
    struct = (ctypes.c_uint64 * (2 + len(words)))(8 * (2 + len(words)), 0, *words)
    error = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(functions[place])(ctypes.addressof(struct))
    assert not error, f"function {place} failed"
    return struct


def text(content):
    kept.append(ctypes.create_string_buffer(content.encode()))
    return ctypes.addressof(kept[-1])


def named(options):
    """PJRT_NamedValue of whole numbers (type 1)."""
    words = [word for name, value in options.items() for word in (56, 0, text(name), len(name), 1, value, 1)]
    kept.append((ctypes.c_uint64 * max(1, len(words)))(*words))
    return ctypes.addressof(kept[-1]) if words else 0


call(3)  # PJRT_Plugin_Initialize
seen = []
for options in ({}, {"cpu_device_count": 2}, {"node_id": 1, "num_nodes": 2}, {"no_such_option": 1}):
    client = call(10, named(options), len(options), 0, 0, 0, 0, 0, 0, 0)[8]
    process = call(13, client, 0)[3] & 0xFFFFFFFF
    everywhere, here = (call(place, client, 0, 0)[4] for place in (15, 16))
    seen.append(f"{options}: process {process}, {here} devices of {everywhere}")
sys.stdout.write("\n".join(seen) + "\n")
sys.stdout.flush()
expected = [
    "{}: process 0, 4 devices of 4",
    "{'cpu_device_count': 2}: process 0, 2 devices of 2",
    "{'node_id': 1, 'num_nodes': 2}: process 0, 4 devices of 4",
    "{'no_such_option': 1}: process 0, 4 devices of 4",
]
os._exit(0 if seen == expected else 1)
PYTHON
"$work/venv/bin/python" "$work/clients.py"
