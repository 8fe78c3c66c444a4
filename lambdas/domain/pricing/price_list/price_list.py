"""Combines the rows of bulk files: one price of each key, and a reason for every other row."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from lambdas.domain.pricing.price_list.bulk_file import BulkFile
from lambdas.domain.pricing.price_list.model_names import ModelNames
from lambdas.domain.pricing.price_list.rows import (
    LeftOut,
    NotARow,
    PriceKey,
    PriceListRow,
    read_row,
)
from lambdas.domain.pricing.price_list.usage_types import TEXT


@dataclass(frozen=True, slots=True)
class PriceList:
    """The prices of bulk files, and every row that is left out.

    Attributes:
        prices: One row of each key.
        ambiguous: The rows of each key that has several prices. None of them is in `prices`.
        left_out: The numbers of rows that are left out, by reason and subject: a model's name for
            `UNMAPPED_MODEL`, else a usage type.
        sources: Offer and edition of each file, by offer.
    """

    prices: Mapping[PriceKey, PriceListRow]
    ambiguous: Mapping[PriceKey, tuple[PriceListRow, ...]]
    left_out: Counter[NotARow]
    sources: Mapping[str, str]

    @property
    def unmapped_names(self) -> dict[str, int]:
        """The names without a known model, with their numbers of rows."""
        return {
            row.subject: count
            for row, count in sorted(self.left_out.items())
            if row.reason is LeftOut.UNMAPPED_MODEL
        }

    @property
    def reasons(self) -> dict[LeftOut, int]:
        """The number of rows that each reason leaves out."""
        counts = Counter[LeftOut]()
        for row, count in self.left_out.items():
            counts[row.reason] += count
        return dict(sorted(counts.items()))


def read_price_list(
    files: Iterable[BulkFile], today: date, names: ModelNames | None = None
) -> PriceList:
    """Read all products of bulk files.

    Of several prices of one key the same figure counts once. Different figures are ambiguous.

    Args:
        files: The files of one Region or of many.
        today: The day, UTC. Prices that begin later are left out.
        names: The names of models; the shipped ones by default.
    """
    rows: defaultdict[PriceKey, list[PriceListRow]] = defaultdict(list)
    left_out: Counter[NotARow] = Counter()
    sources = {}
    for file in files:
        sources[file.offer] = file.source
        left_out.update(file.left_out)
        for product in file.products:
            row = read_row(file.offer, product.attributes, product.price, names)
            if isinstance(row, PriceListRow) and (row.effective_from or today) > today:
                row = NotARow(LeftOut.NOT_YET_EFFECTIVE, row.usage_type)
            if isinstance(row, NotARow):
                left_out[row] += 1
            else:
                rows[row.key].append(row)
    plain = _with_plain_text(rows)
    is_clear = {key: len({row.usd for row in found}) == 1 for key, found in plain.items()}
    return PriceList(
        prices={key: found[0] for key, found in plain.items() if is_clear[key]},
        ambiguous={key: tuple(found) for key, found in plain.items() if not is_clear[key]},
        left_out=left_out,
        sources=sources,
    )


def _with_plain_text(
    rows: Mapping[PriceKey, Sequence[PriceListRow]],
) -> dict[PriceKey, list[PriceListRow]]:
    """Use the price of text for all tokens of models that read and write text only."""
    other_media = {(key.model_id, key.measure) for key in rows if key.variant not in {"", TEXT}}
    plain: defaultdict[PriceKey, list[PriceListRow]] = defaultdict(list)
    for key, found in rows.items():
        is_plain = key.variant == TEXT and (key.model_id, key.measure) not in other_media
        shared = key._replace(variant="") if is_plain else key
        plain[shared] += [replace(row, key=shared) for row in found]
    return dict(plain)
