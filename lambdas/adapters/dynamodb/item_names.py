"""Names of an identity in items: in texts, in JSON, and as the digests that stand for them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdas.domain.budgets import digest_value

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.items import Item

_NAME_GOES_ON = r"(?![\w+=,.@/-])"  # another name that begins with this one


class ItemNames:
    """Finds and replaces the names of an identity in the texts of items."""

    def __init__(self, *names: str) -> None:
        """Look for names: the ARN of an identity, and that of its principal without a path."""
        self._patterns = {name: re.compile(re.escape(name) + _NAME_GOES_ON) for name in names}

    def are_in_text(self, text: str) -> bool:
        """Say if a text has one of the names."""
        return any(pattern.search(text) for pattern in self._patterns.values())

    def are_in(self, item: Item) -> bool:
        """Say if a text of an item has one of the names, or the digest of one."""
        texts = [value["S"] for value in item.values() if "S" in value]
        digests = [digest_value(name) for name in self._patterns]
        return any(
            self.are_in_text(text) or any(digest in text for digest in digests) for text in texts
        )

    def replace(self, item: Item, pseudonyms: Mapping[str, str]) -> Item:
        """Replace each name and its digest in all texts of an item.

        Args:
            item: The item.
            pseudonyms: The pseudonym of each name.
        """
        return {
            name: {"S": self._replace_text(value["S"], pseudonyms)} if "S" in value else value
            for name, value in item.items()
        }

    def _replace_text(self, text: str, pseudonyms: Mapping[str, str]) -> str:
        if text.startswith("{"):
            return json.dumps(self._walk(json.loads(text), pseudonyms), separators=(",", ":"))
        return self._replace_word(text, pseudonyms)

    def _replace_word(self, text: str, pseudonyms: Mapping[str, str]) -> str:
        for name, pattern in self._patterns.items():
            pseudonym = pseudonyms[name]
            text = pattern.sub(lambda _, new=pseudonym: new, text)  # type: ignore[misc]
            text = text.replace(digest_value(name), digest_value(pseudonym))
        return text

    def _walk(self, document: Any, pseudonyms: Mapping[str, str]) -> Any:  # noqa: ANN401  # JSON
        match document:
            case str():
                return self._replace_word(document, pseudonyms)
            case list():
                return [self._walk(part, pseudonyms) for part in document]
            case dict():
                return {key: self._walk(value, pseudonyms) for key, value in document.items()}
            case _:
                return document
