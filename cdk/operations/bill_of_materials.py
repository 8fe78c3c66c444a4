"""Makes bills of materials from the lock file: the packages of a release, as CycloneDX."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, TypeAlias, get_args
from uuid import NAMESPACE_URL, uuid5

from cdk.components.bundle import DependencyGroup, run_uv

BillOfMaterials: TypeAlias = dict[str, Any]
"""A JSON document of CycloneDX 1.5."""

_CDK = "aws-cdk-lib"
_NOT_RELEASED = ("gateway", "webhooks")
"""The layers that no release has: its settings are the defaults."""


def list_shipped_packages(released_on: date) -> BillOfMaterials:
    """List the packages that a deployment brings into an account.

    These are the packages of the layers, and the CDK's library: the function between
    CloudFormation and `logging_configurator` is the library's own.
    """
    groups = (group for group in get_args(DependencyGroup) if group not in _NOT_RELEASED)
    layers = _export(*_only(*groups))
    (library,) = (
        component for component in _export(*_only("cdk"))["components"] if component["name"] == _CDK
    )
    layers["components"].append(library)
    layers["dependencies"].append({"ref": library["bom-ref"]})
    return _identify(layers, released_on)


def list_development_packages(released_on: date) -> BillOfMaterials:
    """List the packages that build, test and operate the project on a machine."""
    return _identify(_export("--all-groups"), released_on)


def _only(*groups: str) -> list[str]:
    return [argument for group in groups for argument in ("--only-group", group)]


def _export(*options: str) -> BillOfMaterials:
    bill: BillOfMaterials = json.loads(
        run_uv(
            *("export", "--quiet", "--frozen", *options),
            *("--format", "cyclonedx1.5", "--preview-features", "sbom-export"),
        )
    )
    return bill


def _identify(bill: BillOfMaterials, released_on: date) -> BillOfMaterials:
    """Replace uv's time and random number, so that one commit has one bill."""
    bill["metadata"]["timestamp"] = f"{released_on}T00:00:00Z"
    del bill["serialNumber"]
    bill["serialNumber"] = uuid5(NAMESPACE_URL, json.dumps(bill)).urn
    return bill
