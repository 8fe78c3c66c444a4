"""Services and adapters have verbs as methods, and no class is callable."""

from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import walk_packages
from types import ModuleType

import pytest

from cdk import operations
from dashboards import cloudwatch, demo, reports, viewer
from lambdas import services


@pytest.mark.parametrize(
    "room",
    [services, operations, cloudwatch, demo, reports, viewer],
    ids=lambda room: room.__name__,
)
def test_no_class_is_callable(room: ModuleType) -> None:
    modules = [
        import_module(found.name) for found in walk_packages(room.__path__, f"{room.__name__}.")
    ]
    classes = {
        found
        for module in modules
        for _, found in getmembers(module, isclass)
        if found.__module__.startswith(room.__name__)
    }
    assert classes
    assert [
        found
        for found in classes
        if "__call__" in vars(found) and not getattr(found, "_is_protocol", False)
    ] == []
