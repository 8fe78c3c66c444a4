"""The gateway starts without what takes long to import."""

import subprocess
import sys

from tests.infrastructure.synthesis import ROOT

SLOW = {"boto3", "pydantic", "pydantic_core"}
_PROGRAM = (
    "import sys, lambdas.functions.gateway.handler;"
    " print(*sorted({name.partition('.')[0] for name in sys.modules}))"
)


def test_the_gateway_imports_neither_pydantic_nor_boto3() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {*ran.stdout.split()}
    assert {"botocore", "starlette", "lambdas"} <= loaded
    assert not loaded & SLOW
