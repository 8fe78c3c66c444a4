"""The command `erase-identity`."""

from __future__ import annotations

import click


@click.command(epilog="With make: make erase-identity IDENTITY=ARN")
@click.option(
    "--identity",
    required=True,
    help="The ARN of a user or of a role's session, as reports show it.",
)
def command(identity: str) -> None:
    """Replace a person's name with a pseudonym.

    The name leaves the ledger, the state table, counters, sums of budgets, alerts, the brake, the
    audit trail, and API keys and limits of the gateway. Calls, tokens and costs stay. Asks for a
    typed confirmation first.
    """
    import boto3

    from cdk.operations.account import in_account
    from cdk.operations.erase_identity import (
        NamedPerson,
        NamingTables,
        StoredIdentity,
        erase_identity,
    )
    from lambdas.adapters.dynamodb.counted_identity import DynamoDbCountedIdentity
    from lambdas.adapters.dynamodb.limited_identity import DynamoDbLimitedIdentity
    from lambdas.adapters.dynamodb.named_identity import DynamoDbNamedIdentity
    from lambdas.adapters.dynamodb.policy_store import DynamoDbPolicies

    def open_identity(
        session: boto3.Session, tables: NamingTables, person: NamedPerson
    ) -> StoredIdentity:
        dynamodb, (arn, session_name) = session.client("dynamodb"), person
        return StoredIdentity(
            DynamoDbNamedIdentity(dynamodb, tables.ledger, tables.state, arn),
            DynamoDbCountedIdentity(dynamodb, tables.counters, tables.governance, arn),
            DynamoDbLimitedIdentity(dynamodb, tables.governance, tables.limits, arn, session_name),
            DynamoDbPolicies(dynamodb, tables.governance),
        )

    in_account(lambda session: erase_identity(session, identity, open_identity))
