"""Finds the known foundation models behind application inference profiles."""

from __future__ import annotations

import re

from lambdas.domain.attribution.ports import TagCache
from lambdas.domain.invocations import foundation_model_id

_PROFILE = re.compile(r"(?:application-inference-profile/)?([a-z0-9]{1,64})", re.ASCII)
"""A profile as metrics name it; ids of foundation models have a dot."""


class ProfileModels:
    """Names profiles of one account and Region by their model; a profile's model never changes."""

    def __init__(self, cache: TagCache, profiles_arn: str) -> None:
        """Look profiles up in a cache.

        Args:
            cache: Has the model of each profile that was called.
            profiles_arn: The beginning of the profiles' ARNs, up to their ids.
        """
        self._cache = cache
        self._profiles_arn = profiles_arn
        self._models: dict[str, str] = {}

    def name_model(self, name: str) -> str:
        """Name the foundation model behind a name; other names stay as they are."""
        match = _PROFILE.fullmatch(foundation_model_id(name))
        if match is None:
            return name
        model_id = self._models.get(match[1]) or self._find(match[1])
        return model_id or name

    def _find(self, profile_id: str) -> str | None:
        entry = self._cache.load(f"{self._profiles_arn}{profile_id}")
        model_id = entry.history.model_id if entry else None
        if model_id is not None:
            self._models[profile_id] = model_id
        return model_id
