"""Models whose end of life AWS has announced; no comparison recommends them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from lambdas.domain.pricing.price_book import name_and_version

LIFECYCLE_FILE = Path(__file__).with_name("model_lifecycle.json")
"""Models with an announced end of life, by source.

`aws` has models of AWS's own tables; a date of `null` means that no date was found. `make prices`
renews `litellm`.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html
"""


@cache
def shipped_legacy_models() -> frozenset[str]:
    """Read the names, without version, of models with an announced end of life.

    AWS closes legacy models to new customers, so even a distant end excludes a model.
    """
    sources = json.loads(LIFECYCLE_FILE.read_text(encoding="utf-8"))
    return frozenset(name_and_version(model)[0] for models in sources.values() for model in models)
