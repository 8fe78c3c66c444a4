"""The configuration, code, layers and key that all functions of a stack share."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from cdk.components.bundle import DependencyGroup, bundle_code, bundle_layer
from cdk.config import Config

_ARCHITECTURES = {
    "arm64": lambda_.Architecture.ARM_64,
    "x86_64": lambda_.Architecture.X86_64,
}
LAYER_NAMES: dict[DependencyGroup, str] = {
    "runtime": "Dependencies",
    "aws-sdk": "NewestBoto3",
    "parquet": "Parquet",
    "gateway": "Starlette",
    "webhooks": "StandardWebhooks",
}
"""The names of layers by their groups."""


class FunctionDefaults:
    """Properties that all functions of a stack share.

    Attributes:
        config: The configuration of the deployment.
        data_key: The customer key of stored data and logs; `None` where AWS's own keys encrypt.
        runtime: The functions' Python.
        runs_older_python: True if that is not the newest one of Lambda.
        architecture: Their processor.
        code: The one code asset.
    """

    def __init__(self, stack: Stack, *, config: Config, data_key: kms.IKey | None) -> None:
        """Bundle the code, unless it is bundled already."""
        self._stack = stack
        self.config = config
        self.data_key = data_key
        self.runtime = lambda_.Runtime(
            f"python{config.python_version}", lambda_.RuntimeFamily.PYTHON
        )
        self.runs_older_python = config.python_version != Config().python_version
        self.architecture = _ARCHITECTURES[config.architecture]
        self.code = lambda_.Code.from_asset(str(bundle_code()))
        self._layers: dict[DependencyGroup, lambda_.LayerVersion] = {}

    def layers(self, groups: Iterable[DependencyGroup]) -> list[lambda_.ILayerVersion]:
        """Return the layers of groups of dependencies; a stack has each of them once."""
        return [self._layers.get(group) or self._add_layer(group) for group in groups]

    def _add_layer(self, group: DependencyGroup) -> lambda_.LayerVersion:
        name = LAYER_NAMES[group]
        bundle = bundle_layer(
            group,
            python_version=self.config.python_version,
            architecture=self.config.architecture,
        )
        layer = lambda_.LayerVersion(
            self._stack,
            name,
            # CloudFormation's own name would begin with the logical id, and not with the stack.
            layer_version_name=f"{self._stack.stack_name}-{name}",
            code=lambda_.Code.from_asset(str(bundle)),
            compatible_runtimes=[self.runtime],
            compatible_architectures=[self.architecture],
        )
        self._layers[group] = layer
        return layer
