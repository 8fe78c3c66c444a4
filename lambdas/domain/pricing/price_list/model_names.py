"""Finds the model that a name of the AWS Price List or of a bill stands for."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeAlias

FILE_NAME = "model_names.json"
_FILE = Path(__file__).with_name(FILE_NAME)
MAX_NAME_LENGTH = 200

_EDITION = "(amazon bedrock edition)"
# `Claude Sonnet 4.5`, `Claude4.5Sonnet` and `claude-sonnet-4-5` are one name; `Command R+` is
# not `Command R`.
_NO_MEANING = re.compile(r"(?<=\d)\.0(?!\d)|[.():_-]")
_VERSION = re.compile(r"(?:-v\d+)?(?::\d+)?$")
_ID = re.compile(r"(?P<provider>[a-z0-9]+)\.[a-z0-9][a-z0-9.:-]*", re.ASCII)
_Key: TypeAlias = tuple[str, tuple[str, ...]]


class ModelNames:
    """Names of models, looked up by their letters and numbers.

    Example:
        >>> ModelNames({"Claude Sonnet 4.6": "anthropic.claude-sonnet-4-6"}).get("Claude4.6Sonnet")
        'anthropic.claude-sonnet-4-6'
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        """Index names.

        Args:
            names: Model ids by name. The ids are names as well, with and without their provider
                and version, as far as one model alone has them.
        """
        self._names = {_key(name): model_id for name, model_id in names.items()}
        derived: defaultdict[_Key, set[str]] = defaultdict(set)
        for model_id in names.values():
            own = model_id.partition(".")[2]
            for spelling in (model_id, own, _VERSION.sub("", own)):
                derived[_key(spelling)].add(model_id)
        for key, ids in derived.items():
            if len(ids) == 1:
                self._names.setdefault(key, next(iter(ids)))
        self._providers = frozenset(model_id.partition(".")[0] for model_id in names.values())

    def get(self, name: str) -> str | None:
        """The id of the model that has a name; `None` where no model or several have it."""
        if len(name) > MAX_NAME_LENGTH:
            return None
        found = self._names.get(_key(name))
        if found is not None:
            return found
        spelled_as_id = _ID.fullmatch(name)
        if spelled_as_id is None or spelled_as_id["provider"] not in self._providers:
            return None
        return self._names.get(_key(name.partition(".")[2]), name)

    def find(self, names: Iterable[str]) -> str | None:
        """The id of the model that has all names which are known; `None` where they disagree.

        An id that is not in the list counts only where no other name is known.
        """
        listed, spelled = set[str](), set[str]()
        for name in names:
            model_id = self.get(name)
            if model_id is not None:
                (spelled if model_id == name else listed).add(model_id)
        found = listed or spelled
        return next(iter(found)) if len(found) == 1 else None


@cache
def shipped_names() -> ModelNames:
    """The shipped names, read once."""
    return ModelNames(json.loads(_FILE.read_text(encoding="utf-8"))["names"])


def _key(name: str) -> _Key:
    """The letters and the numbers of a name, each in their order."""
    plain = _NO_MEANING.sub(" ", name.casefold().replace(_EDITION, ""))
    return re.sub(r"[\s\d]", "", plain), tuple(re.findall(r"\d+", plain))
