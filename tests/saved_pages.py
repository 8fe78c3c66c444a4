"""Reads what a page of the viewer has in it."""

import base64
import gzip
import json
import re
from typing import Any


def read_data(page: str) -> dict[str, Any]:
    """Read the data that a page draws; views are packed."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def read_views(page: str) -> dict[str, Any]:
    """Read the views of a saved page: dashboard, choice and range by line, and what is drawn."""
    packed: dict[str, str] = read_data(page)["views"]
    return {
        key: json.loads(gzip.decompress(base64.b64decode(view))) for key, view in packed.items()
    }
