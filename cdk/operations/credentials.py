"""Checks for a Region and credentials before the CDK starts: `make bootstrap`, `make deploy`."""

from __future__ import annotations

import sys

import boto3

from cdk.operations.account import run_in_account


def main(_: boto3.Session) -> None:
    """Ask nothing of AWS: a Region and credentials are all that is checked."""


if __name__ == "__main__":
    run_in_account(sys.argv[1], main)
