"""Writing fixtures: JSON that JavaScript reads back bit for bit, and values that single precision holds exactly."""

import json
import math
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).parent / "fixtures"
SIZE_LIMIT = 60_000


def plain(value):
    """NumPy values as JSON values: `-0.0` keeps its sign, what JSON has no number for becomes its JavaScript name."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def write(name, content):
    """Writes `fixtures/<name>.json`, one case per line, and refuses a file over the size limit."""
    fields = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in content.items() if key != "cases"]
    lines = ",\n".join(json.dumps(plain(case), allow_nan=False) for case in content["cases"])
    text = "{" + ", ".join([*fields, f'"cases": [\n{lines}\n]']) + "}\n"
    if len(text) > SIZE_LIMIT:
        raise ValueError(f"{name} has {len(text)} bytes, expected at most {SIZE_LIMIT}")
    json.loads(text)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(text)
    print(f"{name}.json: {len(content['cases'])} cases, {len(text)} bytes")


def dyadic(values, denominator=256):
    """Rounds to multiples of `1/denominator`: short in decimal and exact in single precision."""
    return np.round(np.asarray(values, dtype=np.float64) * denominator) / denominator
