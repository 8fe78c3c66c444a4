"""Services do what they do by name."""

from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import iter_modules

from lambdas import services


def test_no_service_is_called_like_a_function() -> None:
    modules = [
        import_module(f"{services.__name__}.{found.name}")
        for found in iter_modules(services.__path__)
    ]
    classes = {
        found
        for module in modules
        for _, found in getmembers(module, isclass)
        if found.__module__.startswith(services.__name__)
    }
    assert len(classes) > len(modules)
    assert [found for found in classes if "__call__" in vars(found)] == []
