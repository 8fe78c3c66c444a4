"""The configuration, code, layers and key that all functions of a stack share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from cdk.components.bundle import bundle_code, bundle_layer
from cdk.config import Config

_ARCHITECTURES = {
    "arm64": lambda_.Architecture.ARM_64,
    "x86_64": lambda_.Architecture.X86_64,
}


class FunctionDefaults:
    """What all functions of a stack share.

    Attributes:
        config: The configuration of the deployment.
        data_key: The customer key of stored data and logs; `None` where AWS's own keys encrypt.
        runtime: The functions' Python.
        runs_older_python: Whether that is not the newest one of Lambda.
        architecture: Their processor.
        code: The one code asset.
        dependencies: The layer that every function needs.
    """

    def __init__(self, stack: Stack, *, config: Config, data_key: kms.IKey | None) -> None:
        """Bundle code and dependencies, unless they are bundled already.

        Raises:
            BundlingError: Dependencies could not be installed.
        """
        self._stack = stack
        self.config = config
        self.data_key = data_key
        self.runtime = lambda_.Runtime(
            f"python{config.python_version}", lambda_.RuntimeFamily.PYTHON
        )
        self.runs_older_python = config.python_version != Config().python_version
        self.architecture = _ARCHITECTURES[config.architecture]
        self.code = lambda_.Code.from_asset(str(bundle_code()))
        self.dependencies = self._layer("Dependencies", without=["boto3", "duckdb"])

    @cached_property
    def newest_boto3(self) -> lambda_.LayerVersion:
        """The layer for functions for which the runtime's own boto3 may be too old."""
        return self._layer(
            "NewestBoto3", without=["aws-lambda-powertools", "duckdb", "ijson", "pydantic"]
        )

    @cached_property
    def parquet(self) -> lambda_.LayerVersion:
        """The layer for functions that write Parquet; it is large."""
        return self._layer(
            "Parquet", without=["aws-lambda-powertools", "boto3", "ijson", "pydantic"]
        )

    def _layer(self, name: str, *, without: Sequence[str]) -> lambda_.LayerVersion:
        bundle = bundle_layer(
            without=without,
            python_version=self.config.python_version,
            architecture=self.config.architecture,
        )
        return lambda_.LayerVersion(
            self._stack,
            name,
            # CloudFormation's own name would begin with the logical id, and not with the stack.
            layer_version_name=f"{self._stack.stack_name}-{name}",
            code=lambda_.Code.from_asset(str(bundle)),
            compatible_runtimes=[self.runtime],
            compatible_architectures=[self.architecture],
        )
