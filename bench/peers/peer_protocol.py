"""How a Python process answers as a peer: reads one JSON request per line from stdin, answers each with one JSON line.

  {"op": "versions"}                                         -> {"python": ..., "numpy": ..., ...}
  {"op": "prepare", "id": 1, "job": "matmul", "dtype": "f4", "params": {...}, "inputs": ["a.f32", ...]} -> {"id": 1}
  {"op": "run", "id": 1, "repeat": 3, "summary": true}       -> {"ms": 1.5, "sum": ..., "magnitude": ..., "info": {...}}
  {"op": "drop", "id": 1}                                    -> {"id": 1}

Inputs are raw little-endian files of single-precision numbers (.f32), which a job gets as `dtype`, or of 32-bit integers (.i32).
Only the computation is timed. With "summary" the answer sums the result up as checksumOf() of peer.ts does. A failure is answered with {"error": "..."}.
"""

import json
import sys
import time

import numpy as np

JOBS = {}


def job(name):
    """Registers the function that makes a job: given inputs and parameters, it returns what is to be timed."""
    def register(make):
        JOBS[name] = make
        return make
    return register


def read_inputs(paths, dtype):
    integer = [path.endswith(".i32") for path in paths]
    return [np.fromfile(path, dtype="<i4" if whole else "<f4").astype("<i4" if whole else dtype, copy=False)
            for path, whole in zip(paths, integer)]


def host_clock(run, repeat):
    """Milliseconds of one of `repeat` calls, and the last result."""
    start = time.perf_counter()
    for _ in range(repeat):
        result = run()
    return (time.perf_counter() - start) * 1e3 / repeat, result


def measure(run, repeat, summary, clock):
    ms, result = clock(run, repeat)
    answered = {"ms": ms, "info": {}}
    if hasattr(run, "finish"):
        result, answered["info"] = run.finish(result)
    if summary:
        values = np.asarray(result.cpu() if hasattr(result, "cpu") else result, dtype="f8").ravel()
        weighted = values * (1 + np.arange(values.size) % 7)
        answered.update(sum=float(weighted.sum()), magnitude=float(np.abs(weighted).sum()))
    return answered


def versions_of(names):
    """Versions of Python and of those modules that are there."""
    found = {"python": sys.version.split()[0], "numpy": np.__version__}
    for name in names:
        try:
            found[name] = __import__(name).__version__
        except ImportError:
            pass
    return found


def answer(request, prepared, versions, clock, convert):
    op = request["op"]
    if op == "versions":
        return versions()
    if op == "prepare":
        if request["job"] not in JOBS:
            raise ValueError("it has no such job")
        inputs = [convert(values) for values in read_inputs(request["inputs"], request["dtype"])]
        prepared[request["id"]] = JOBS[request["job"]](inputs, **request["params"])
    elif op == "run":
        return measure(prepared[request["id"]], request["repeat"], request["summary"], clock)
    elif op == "drop":
        del prepared[request["id"]]
    else:
        raise ValueError(f"unknown request {op}")
    return {"id": request["id"]}


def serve(versions, clock=host_clock, convert=lambda values: values):
    """Answers requests until stdin ends. `convert` makes of a NumPy array what the jobs take."""
    prepared = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), prepared, versions, clock, convert)
        except Exception as error:  # Whatever fails is the requester's to report.
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)
