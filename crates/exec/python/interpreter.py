# What a pool must know of an interpreter before it confines it; printed as one line of JSON.

import importlib.util
import json
import sys

print(
    json.dumps(
        {
            "executable": sys.executable,
            "version": list(sys.version_info[:3]),
            "folders": sorted({sys.prefix, sys.base_prefix, *(entry for entry in sys.path if entry)}),
            "missing": [name for name in ("mpmath", "numpy", "sympy") if not importlib.util.find_spec(name)],
        }
    )
)
