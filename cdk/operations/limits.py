"""Applies, lists and checks policies of the gateway: `bedrock-meter limits`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import boto3

from cdk.config import stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.policy_warnings import find_unmet
from cdk.operations.terminal import CommandError, printable
from lambdas.domain.api_keys import ApiKey, KeyState
from lambdas.domain.limit_policies import (
    PoliciesChangedError,
    PoliciesUnavailableError,
    PolicyChange,
    PolicySet,
    PolicyStore,
    PolicyWriter,
    describe_policies,
)
from lambdas.domain.pricing import shipped_prices
from lambdas.domain.words import plural
from lambdas.wiring.declared_files import InvalidFileError
from lambdas.wiring.limit_policies_file import DeclaredPolicies, read_policies

_DRY_RUN = "This was a dry run: nothing is changed."


class _Stored(NamedTuple):
    """The stored policies, as far as they can be read."""

    policies: PolicySet | None
    revision: int

    @property
    def described(self) -> Mapping[str, str] | None:
        return None if self.policies is None else describe_policies(self.policies)


def find_governance_table(session: boto3.Session) -> str:
    """Find the table of policies and keys."""
    deployment = Deployment(session.client("cloudformation"))
    return deployment.output(stack_names.STORAGE, "GovernanceTableName")


def warn_without_gateway(session: boto3.Session) -> None:
    """Warn where policies and keys have no effect yet: no gateway reads them."""
    if Deployment(session.client("cloudformation")).gateway_url is None:
        print(
            "Warning: no gateway is deployed in this Region, so this has no effect yet."
            " docs/gateway-deployment.md says how to switch it on."
        )


def read_file(path: Path) -> DeclaredPolicies:
    """Read a file of policies.

    Raises:
        CommandError: It has faults; the details name each field.
    """
    try:
        return read_policies(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        message = f"{path}: not JSON in UTF-8."
        raise CommandError(message) from None
    except InvalidFileError as error:
        message = f"{path}: {plural(len(error.problems), 'problem')}:"
        raise CommandError(message, *(f"  {problem}" for problem in error.problems)) from None


def validate(path: Path) -> None:
    """Check a file without a deployment, and print its policies.

    Raises:
        CommandError: The file has faults.
    """
    declared = read_file(path)
    _print(describe_policies(declared.policies))
    _print_warnings(declared.policies)
    _print_unlimited(declared.policies)
    print(f"{path}: valid.")


def list_policies(store: PolicyStore) -> None:
    """Print the stored policies.

    Raises:
        CommandError: They cannot be read.
    """
    stored = _read(store)
    if stored.policies is None:
        message = "the stored policies cannot be read: run limits apply with a file."
        raise CommandError(message)
    described = describe_policies(stored.policies)
    if not described:
        print("There are no policies: calls through the gateway are not limited.")
        return
    _print(described)
    print(f"Revision {stored.revision}.")


def apply(
    store: PolicyStore,
    writer: PolicyWriter,
    declared: DeclaredPolicies,
    keys: tuple[ApiKey, ...],
    now: datetime,
    *,
    is_dry_run: bool,
) -> None:
    """Replace the stored policies by those of a file, and print the differences.

    Args:
        store: The stored policies.
        writer: Writes policies.
        declared: The policies of the file.
        keys: The keys of callers, whose tiers have to be known.
        now: The time.
        is_dry_run: Only print what would change.

    Raises:
        CommandError: Someone else has changed policies at the same time.
    """
    stored = _read(store)
    before, after = stored.described, describe_policies(declared.policies)
    _print_differences(before or {}, after)
    _print_unlimited(declared.policies)
    for name in declared.policies.list_restarted(stored.policies or PolicySet()):
        print(f"{printable(name)} starts at zero where a unit, window or partition is new.")
    _print_unknown_tiers(declared.policies, keys, now)
    _print_warnings(declared.policies)
    if is_dry_run:
        print(_DRY_RUN)
        return
    if stored.policies == declared.policies and stored.revision:
        print("Nothing to change.")
        return
    try:
        revision = writer.write(PolicyChange(declared.text, stored.revision, before, after), now)
    except PoliciesChangedError:
        message = "someone else has changed policies at the same time: run the command again."
        raise CommandError(message) from None
    print(f"Applied, revision {revision}. The gateway reads policies every 30 seconds.")


def read_stored_policies(store: PolicyStore) -> PolicySet:
    """Read the stored policies; those that cannot be read are none."""
    return _read(store).policies or PolicySet()


def _read(store: PolicyStore) -> _Stored:
    try:
        stored = store.read()
    except PoliciesUnavailableError as error:
        message = f"the stored policies cannot be read: {error}."
        raise CommandError(message) from None
    if stored.text is None:
        return _Stored(PolicySet(), stored.revision)
    try:
        return _Stored(read_policies(stored.text).policies, stored.revision)
    except InvalidFileError:
        return _Stored(None, stored.revision)


def _print(described: Mapping[str, str]) -> None:
    for name, text in described.items():
        print(f"{printable(name)}: {printable(text)}")


def _print_warnings(policies: PolicySet) -> None:
    for warning in find_unmet(policies, shipped_prices()):
        print(f"Warning: {printable(warning)}.")


def _print_differences(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    new = [name for name in after if name not in before]
    changed = [name for name in after if name in before and after[name] != before[name]]
    gone = [name for name in before if name not in after]
    for name in new:
        print(f"+ {printable(name)}: {printable(after[name])}")
    for name in changed:
        print(f"~ {printable(name)}")
        print(f"    {printable(before[name])}")
        print(f" -> {printable(after[name])}")
    for name in gone:
        print(f"- {printable(name)}: {printable(before[name])}")
    same = len(after) - len(new) - len(changed)
    print(f"{len(new):,} new, {len(changed):,} changed, {len(gone):,} deleted, {same:,} the same.")


def _print_unlimited(policies: PolicySet) -> None:
    if any(set(pattern) == {"*"} for pattern in policies.break_glass):
        print("Warning: break_glass has *, which is every caller: no policy refuses a call.")


def _print_unknown_tiers(policies: PolicySet, keys: tuple[ApiKey, ...], now: datetime) -> None:
    for key in keys:
        if key.get_state(now) is KeyState.VALID and not policies.knows_tier(key.tier):
            print(
                f"The key {printable(key.prefix)} has the tier {printable(key.tier or '')}, which"
                " no policy has: its calls will be refused."
            )
