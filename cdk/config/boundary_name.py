"""The name of the permissions boundary, which outlives the stacks and is made before them."""

from __future__ import annotations

from lambdas.meter_name import DEFAULT_NAME

BOUNDARY_PREFIX = f"{DEFAULT_NAME}-Boundary"


def boundary_name(region: str) -> str:
    """Return the name of the boundary of a Region's deployments, whatever their names are.

    IAM knows no Regions. A name for each lets deployments of different versions differ.
    """
    return f"{BOUNDARY_PREFIX}-{region}"
