"""Makes the generator of the reference pages importable under a name of its own."""

import importlib.util
import sys
from pathlib import Path

_spec = importlib.util.spec_from_file_location(
    "tests_meta_reference", Path(__file__).parent / "reference.py"
)
assert _spec
assert _spec.loader
_module = importlib.util.module_from_spec(_spec)
sys.modules["tests_meta_reference"] = _module
_spec.loader.exec_module(_module)
