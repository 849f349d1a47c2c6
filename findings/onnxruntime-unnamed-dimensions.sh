#!/usr/bin/env bash
# onnxruntime 1.30.0 (CPU): the time in which it opens a model is quadratic in the number of dimensions without a name.
#
# A dynamic dimension may have a name (dim_param) or none; the ONNX format treats both alike, and exporters write both. Whatever
# no name can be inferred for, such as a Reshape to [-1, 8], is without one too. For each such dimension onnxruntime makes up
# a name of its own and keeps it apart from all that it made up before. A chain of 3,200 small nodes whose
# input is [rows, 8] opens in 0.1 s of processor time; the same chain with the name left out takes 50 times as long, and
# with twice the nodes four times as long again. All graph optimizations are off, so it is none of them. A value_info that names the
# dimensions of what Reshape gives brings the tenth of a second back. Backward graphs of deep models have thousands of such nodes.
#
# Seen on two x86 cores, seconds of processor time for 1,600 and 3,200 nodes:
#   named 0.10 0.11 | no name 1.99 6.08 | Reshape to [-1, 8] 0.73 3.49 | the same with value_info 0.08 0.13
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.19.0 onnxruntime==1.30.0 numpy==2.3.3
"$folder/venv/bin/python" - <<'PYTHON'
import resource
import sys

import numpy
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

onnxruntime.set_default_logger_severity(3)


def chain(blocks, rows, reshapes=False, named_between=False):
    """Four nodes a block; [rows, 8] goes through all of them."""
    constants = [numpy_helper.from_array(numpy.eye(8, dtype=numpy.float32), "weight")]
    if reshapes:
        constants.append(numpy_helper.from_array(numpy.array([-1, 8], numpy.int64), "target"))
    nodes, between, last = [], [], "x"
    for i in range(blocks):
        first = helper.make_node("Reshape", [last, "target"], [f"a{i}"]) if reshapes else helper.make_node("Neg", [last], [f"a{i}"])
        if named_between:
            between.append(helper.make_tensor_value_info(f"a{i}", TensorProto.FLOAT, [rows, 8]))
        nodes += [first, helper.make_node("MatMul", [f"a{i}", "weight"], [f"b{i}"])]
        nodes += [helper.make_node("Add", [f"a{i}", f"b{i}"], [f"c{i}"]), helper.make_node("Mul", [f"b{i}", f"c{i}"], [f"d{i}"])]
        last = f"d{i}"
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows, 8])] for name in ("x", last)]
    graph = helper.make_graph(nodes, "chain", *ends, constants, value_info=between)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10).SerializeToString()


def seconds(model):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - before


def row(name, **options):
    taken = [seconds(chain(blocks, **options)) for blocks in (400, 800)]
    print(f"{name}: {taken[0]:.2f} s for 1,600 nodes, {taken[1]:.2f} s for 3,200")
    return taken


named = row("named", rows="rows")
unnamed = row("no name", rows=None)
reshaped = row("Reshape to [-1, 8]", rows="rows", reshapes=True)
told = row("the same with value_info", rows="rows", reshapes=True, named_between=True)
holds = unnamed[1] > 10 * named[1] and unnamed[1] > 2.5 * unnamed[0] and reshaped[1] > 8 * told[1]
sys.exit(0 if holds else "opening a model is no longer quadratic in its unnamed dimensions")
PYTHON
