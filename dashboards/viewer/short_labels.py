"""Short labels of identities and models: as short as they stay different within a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dashboards.viewer.profile_labels import (
    Profile,
    ProfileSource,
    find_no_profile,
    find_profile_id,
)
from lambdas.domain.invocations import CallerIdentity, IdentityKind, foundation_model_id
from lambdas.domain.invocations.short_names import shorten_identity, shorten_model

_SSO = "SSO "


def name_subject(name: str) -> str:
    """Name the identity or model of a series as the meter does.

    Bedrock's own metrics name models by the cross-Region profile that was called, and application
    inference profiles by their id.
    """
    if profile_id := find_profile_id(name):
        return f"application-inference-profile/{profile_id}"
    model = foundation_model_id(name)
    return name if shorten_model(model) is None else model


def shorten_labels(
    names: Sequence[str], find_profile: ProfileSource = find_no_profile
) -> list[str]:
    """Shorten the names of a graph's series; equal short names become longer until they differ.

    Args:
        names: The names.
        find_profile: Finds the model and project of an application inference profile.
    """
    choices = [_list_labels(name, find_profile) for name in names]
    lengths = [0] * len(names)
    while True:
        labels = [found[length] for found, length in zip(choices, lengths, strict=True)]
        counts = Counter(labels)
        longer = [
            min(length + 1, len(found) - 1) if counts[label] > 1 else length
            for found, length, label in zip(choices, lengths, labels, strict=True)
        ]
        if longer == lengths:
            return labels
        lengths = longer


def _list_labels(name: str, find_profile: ProfileSource) -> list[str]:
    """List the labels that a name may have, the shortest first and the whole name last."""
    if profile_id := find_profile_id(name):
        return [*_describe_profile(profile_id, find_profile(profile_id)), name]
    prefix, separator, rest = name.partition(": ")
    if separator and rest.startswith("arn:"):
        return [f"{prefix}: {label}" for label in _list_labels(rest, find_profile)]
    if model := shorten_model(name_subject(name)):
        return [model, name]
    caller = CallerIdentity.from_arn(name)
    if caller.kind is IdentityKind.UNKNOWN:
        return [name]
    short = shorten_identity(name)
    of_account = short.partition(" ")[2] if caller.account_id else short
    last = caller.principal.rpartition("/")[2]
    if caller.session_name is None:
        return [last, of_account, short, name]
    # A person is known by the session, a program by its role.
    is_person = "@" in caller.session_name or of_account.startswith(_SSO)
    return [caller.session_name if is_person else last, of_account, short, name]


def _describe_profile(profile_id: str, profile: Profile) -> list[str]:
    """Describe a profile by its model and project; or by its id where neither is known."""
    named = f"profile {profile_id}"
    model = profile.model_id and _list_labels(profile.model_id, find_no_profile)[0]
    if profile.project is None:
        return [f"{model} ({named})" if model else named]
    first = model or "profile"
    return [f"{first} ({profile.project})", f"{first} ({profile.project}, {profile_id})"]
