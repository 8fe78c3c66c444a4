"""Attributes calls by precedence: the first source that knows a label decides it."""

from __future__ import annotations

from collections.abc import Iterator

from lambdas.domain.attribution.attribution import Attribution, AttributionSource
from lambdas.domain.attribution.labels import NO_LABELS, UNATTRIBUTED, Labels
from lambdas.domain.attribution.rules import AttributionRules
from lambdas.domain.attribution.tags import TagFacts, principal_arn, profile_arn
from lambdas.domain.invocations import CallerIdentity, UsageRecord


def attribute(record: UsageRecord, facts: TagFacts, rules: AttributionRules) -> Attribution:
    """Attribute a call, by the tags and rules that held when it was made.

    Labels are looked for one by one, so that a profile that names a project leaves the department
    to the caller's tags.

    Args:
        record: The call, successful or not.
        facts: The known tags of its resources, see `TagDirectory`.
        rules: The configured rules.
    """
    caller = CallerIdentity.from_arn(record.identity_arn)
    metadata = record.request_metadata
    has_claim = bool(metadata) and rules.label_names.appear_in(metadata)
    is_trusted = has_claim and rules.trusts(caller, record.timestamp)
    is_disputed = _is_profile_disputed(record, facts, rules)
    is_profile_left_out = is_disputed and rules.puts_own_tags_first(record.timestamp)
    found, decided = NO_LABELS, AttributionSource.UNATTRIBUTED
    for source, labels in _sources(record, caller, facts, rules, is_trusted=is_trusted):
        if is_profile_left_out and source is AttributionSource.INFERENCE_PROFILE:
            continue
        if found.project is None and labels.project is not None:
            decided = source
        found = found.filled_from(labels)
        if found.is_complete:
            break
    return Attribution(
        found.project or UNATTRIBUTED,
        found.department or UNATTRIBUTED,
        found.use_case or UNATTRIBUTED,
        decided,
        is_forged=has_claim and not is_trusted,
        is_disputed=is_disputed,
    )


def _is_profile_disputed(record: UsageRecord, facts: TagFacts, rules: AttributionRules) -> bool:
    """Say if the profile names another project than the caller's own tags, and is not trusted."""
    when, profile = record.timestamp, profile_arn(record.invoked_model_id)
    if profile is None:
        return False
    arns = (profile, principal_arn(record.identity_arn))
    named, own = (rules.label_names.read_tags(facts.tags_at(arn, when)).project for arn in arns)
    return named not in (None, own) and own is not None and not rules.trusts_profile(profile, when)


def _sources(
    record: UsageRecord,
    caller: CallerIdentity,
    facts: TagFacts,
    rules: AttributionRules,
    *,
    is_trusted: bool,
) -> Iterator[tuple[AttributionSource, Labels]]:
    """The labels that each source knows, the most reliable first."""
    when, names = record.timestamp, rules.label_names
    profile_tags = facts.tags_at(profile_arn(record.invoked_model_id), when)
    yield AttributionSource.INFERENCE_PROFILE, names.read_tags(profile_tags)
    if is_trusted:
        yield AttributionSource.REQUEST_METADATA, names.read_metadata(record.request_metadata)
    principal_tags = facts.tags_at(principal_arn(record.identity_arn), when)
    yield AttributionSource.PRINCIPAL, names.read_tags(principal_tags)
    if rules.patterns:
        model_id = facts.get_model_id(record)
        for pattern in rules.patterns:
            if pattern.matches(caller, model_id) and pattern.is_in_effect(when):
                yield AttributionSource.PATTERN, pattern.labels
