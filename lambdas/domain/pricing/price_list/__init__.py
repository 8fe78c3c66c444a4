"""The AWS Price List: its usage types, its names of models, its rows and its bulk files."""

from lambdas.domain.pricing.price_list.bulk_file import (
    DEFAULT_LIMITS,
    BinaryReader,
    BulkFile,
    FileLimits,
    ListedProduct,
    PriceListFileError,
    read_bulk_file,
)
from lambdas.domain.pricing.price_list.model_names import ModelNames, shipped_names
from lambdas.domain.pricing.price_list.price_list import PriceList, read_price_list
from lambdas.domain.pricing.price_list.rows import (
    OFFERS,
    LeftOut,
    ListedPrice,
    NotARow,
    PriceKey,
    PriceListRow,
    read_day,
    read_row,
)
from lambdas.domain.pricing.price_list.usage_types import (
    Endpoint,
    Measure,
    Plan,
    UsageType,
    read_usage_type,
)

__all__ = [
    "DEFAULT_LIMITS",
    "OFFERS",
    "BinaryReader",
    "BulkFile",
    "Endpoint",
    "FileLimits",
    "LeftOut",
    "ListedPrice",
    "ListedProduct",
    "Measure",
    "ModelNames",
    "NotARow",
    "Plan",
    "PriceKey",
    "PriceList",
    "PriceListFileError",
    "PriceListRow",
    "UsageType",
    "read_bulk_file",
    "read_day",
    "read_price_list",
    "read_row",
    "read_usage_type",
    "shipped_names",
]
