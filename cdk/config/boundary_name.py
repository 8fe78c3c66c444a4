"""The name of the permissions boundary, which outlives the stacks and is made before them."""

from __future__ import annotations

from cdk.config import stack_names

BOUNDARY_PREFIX = f"{stack_names.PREFIX}-Boundary"


def boundary_name(region: str) -> str:
    """Return the name of the boundary of a Region's deployment.

    IAM knows no Regions. A name for each lets deployments of different versions differ.
    """
    return f"{BOUNDARY_PREFIX}-{region}"
