"""The labels of calls of the gateway, as far as they are known before a call is made."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from lambdas.domain.api_keys import ApiKey, make_session_arn
from lambdas.domain.attribution import AttributionRules
from lambdas.domain.attribution.labels import UNATTRIBUTED, read_label
from lambdas.domain.attribution.tags import profile_arn
from lambdas.domain.bedrock_calls import BedrockPath
from lambdas.domain.budgets.gateway_limits import LATE_LABELS
from lambdas.domain.counters import UNKNOWN_PROVIDER, UsageLabels
from lambdas.domain.invocations import CallerIdentity, is_foundation_model
from lambdas.domain.invocations.model import foundation_model_id
from lambdas.domain.invocations.service_tier import STANDARD_TIER
from lambdas.domain.scope_field import ScopeField

_PROJECT = ScopeField.PROJECT


class KnownLabels(NamedTuple):
    """The labels of a call before it is made.

    Attributes:
        labels: The labels.
        unknown: Those that are not known yet.
    """

    labels: UsageLabels
    unknown: Collection[ScopeField]


@dataclass(frozen=True, slots=True)
class CallLabels:
    """The labels that the ledger will give to calls of the gateway, as far as they are known.

    The caller, its role and the Region are always known. The project is that of the key, where the
    role's metadata is trusted and no other source goes before it: tags of an application inference
    profile would, or another name of the label, which callers may set. The model is not known
    behind such a profile, a provisioned model or a prompt router. Departments and use cases are
    never known.

    Attributes:
        caller_role_arn: The role of the gateway's calls.
        region: The Region that it calls.
        project_name: The name in request metadata that has the project of a key.
        rules: The rules of attribution.
    """

    caller_role_arn: str
    region: str
    project_name: str | None = None
    rules: AttributionRules = field(default_factory=AttributionRules)

    def read(
        self,
        key: ApiKey,
        path: BedrockPath | None,
        at: datetime,
        invoked_model_id: str | None = None,
    ) -> KnownLabels:
        """Read the labels of a call; without a path, those of all calls of a key.

        Args:
            key: The caller's key.
            path: The operation and the model, of a profile the one behind it if that is known.
            at: The time.
            invoked_model_id: What the caller named. A profile has tags, also if its model is known.
        """
        identity_arn = make_session_arn(self.caller_role_arn, key.session_name)
        unknown = set(LATE_LABELS)
        named = (invoked_model_id, None if path is None else path.model_id)
        is_profile = any(each is not None and profile_arn(each) is not None for each in named)
        project = None if is_profile else self._find_project(key, identity_arn, at)
        if project is None:
            unknown.add(_PROJECT)
        model_id = "" if path is None else foundation_model_id(path.model_id)
        if not is_foundation_model(model_id):
            unknown.add(ScopeField.MODEL)
        labels = UsageLabels(
            identity_arn=identity_arn,
            project=project or UNATTRIBUTED,
            department=UNATTRIBUTED,
            use_case=UNATTRIBUTED,
            model_id=model_id,
            provider=UNKNOWN_PROVIDER,
            region=self.region,
            service_tier=STANDARD_TIER,
        )
        return KnownLabels(labels, unknown)

    def _find_project(self, key: ApiKey, identity_arn: str, at: datetime) -> str | None:
        """Find the project of calls that name a model; `None` if it is not known."""
        is_first = self.rules.label_names.project[:1] == (self.project_name,)
        if not is_first or key.project is None:
            return None
        is_trusted = self.rules.trusts(CallerIdentity.from_arn(identity_arn), at)
        return read_label(key.project) if is_trusted else None
