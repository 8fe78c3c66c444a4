"""Finds whoever runs a command, as the audit trail refers to that person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3

    from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory


def find_person(session: boto3.Session) -> str | None:
    """Find the id of the session's person, a new one if need be; `None` if governance is off."""
    from cdk.operations.audit import find_actor

    return find_actor(session, _open_people)


def _open_people(session: boto3.Session, table: str) -> DynamoDbPersonDirectory:
    from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory

    return DynamoDbPersonDirectory(session.client("dynamodb"), table)
