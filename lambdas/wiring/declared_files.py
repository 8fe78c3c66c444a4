"""Reads files of JSON that people write, and explains what is wrong with them."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lambdas.domain.words import cut, exact_text, printable

_Model = TypeVar("_Model", bound=BaseModel)
_MAX_DIGITS = 40
_MAX_LETTERS = 200
_OF_A_FIELD = re.compile(r"(?P<field>\w+): (?P<allowed>allowed: .*)", re.DOTALL)
_SHAPES = {
    "tuple_type": "a list",
    "model_type": "an object",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
}
"""JSON's names of shapes, by the type of pydantic's error."""


class InvalidFileError(Exception):
    """A file has faults.

    Attributes:
        problems: A line for each problem: the field, and what to write.
    """

    def __init__(self, *problems: str) -> None:
        """Report problems."""
        super().__init__("; ".join(problems))
        self.problems = problems


def read_file(text: str, model: type[_Model], form: str) -> _Model:
    """Read the text of a file.

    Args:
        text: The text.
        model: The model of the file.
        form: What is allowed instead of anything but an object.

    Raises:
        InvalidFileError: The file has faults.
    """
    content = _read_json(text)
    if not isinstance(content, dict):
        raise InvalidFileError(form)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = _list_problems(error.errors())
        raise InvalidFileError(*(_explain(each, content, model) for each in problems)) from None


def write_schema(model: type[BaseModel]) -> str:
    """Write the JSON Schema of a file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    content = _without_titles(model.model_json_schema())
    return json.dumps(schema | content, indent=2) + "\n"


def _without_titles(schema: Any) -> Any:  # noqa: ANN401  # any JSON
    """Leave out titles, which repeat the names of fields and classes."""
    if isinstance(schema, dict):
        return {
            name: _without_titles(part)
            for name, part in schema.items()
            if name != "title" or isinstance(part, dict)
        }
    return [*map(_without_titles, schema)] if isinstance(schema, list) else schema


def _read_json(text: str) -> Any:  # noqa: ANN401  # any JSON
    try:
        return json.loads(
            text,
            parse_float=_read_number,
            parse_int=_read_whole_number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_make_object,
        )
    except json.JSONDecodeError as error:
        message = f"not JSON, line {error.lineno}, column {error.colno}: {error.msg}"
        raise InvalidFileError(message) from None
    except RecursionError as error:
        message = f"not JSON that can be read: {error}"
        raise InvalidFileError(message) from None


def _read_whole_number(text: str) -> int:
    return int(_read_number(text))


def _read_number(text: str) -> Decimal:
    """Read a number. One of too many digits is refused: work on it could take all memory."""
    number: Decimal | None
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent that is too large
        number = None
    if number is None or len(text) > _MAX_DIGITS or abs(number.adjusted()) > _MAX_DIGITS:
        message = f"{cut(text, _MAX_DIGITS)}: allowed: numbers of at most {_MAX_DIGITS} digits"
        raise InvalidFileError(message)
    return number


def _refuse_constant(name: str) -> None:
    message = f"not JSON: {name} is no number"
    raise InvalidFileError(message)


def _make_object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        message = f"{', '.join(twice)}: given twice in one object; write each field once"
        raise InvalidFileError(message)
    return dict(pairs)


def _list_problems(errors: Sequence[ErrorDetails]) -> Iterator[ErrorDetails]:
    """List one problem for each mistake: a list with a wrong entry is not too short as well."""
    places = [error["loc"] for error in errors]
    for error in errors:
        place = error["loc"]
        is_within = any(each[: len(place)] == place != each for each in places)
        if error["type"] != "too_short" or not is_within:
            yield error


def _explain(problem: ErrorDetails, content: Mapping[str, Any], model: type[BaseModel]) -> str:
    place = _name_place(problem["loc"], content)
    reason = problem["msg"].removeprefix("Value error, ")
    match problem["type"]:
        case "missing":
            return f"{place} is missing"
        case "extra_forbidden":
            fields = _list_fields(model, problem["loc"][:-1])
            near = difflib.get_close_matches(str(problem["loc"][-1]), fields, n=1)
            hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(fields)}"
            return f"{place}: unknown field; {hint}"
        case "value_error" if isinstance(problem["input"], Mapping):
            field = str(problem["loc"][-1]) if problem["loc"] else ""
            return _explain_object(place, reason.removeprefix(f"{field}: "), problem["input"])
        case "too_short":
            reason = f"allowed: at least {problem['ctx']['min_length']}"
        case "too_long":
            reason = f"allowed: at most {problem['ctx']['max_length']}"
        case "enum" | "literal_error":
            reason = reason.replace("'", '"')
        case kind if kind in _SHAPES:
            reason = f"allowed: {_SHAPES[kind]}"
    reason = reason.replace("Input should be", "allowed:")
    return f"{place} = {_show(problem['input'])}: {reason}"


def _explain_object(place: str, reason: str, given: Mapping[str, Any]) -> str:
    """Explain a fault of an object, at the field that has to change if the reason names one."""
    found = _OF_A_FIELD.fullmatch(reason)
    value = given.get(found["field"]) if found is not None else None
    if found is None or not isinstance(value, (str, int, Decimal)):
        return f"{place}: {reason}" if place else reason
    return f"{place}.{found['field']} = {_show(value)}: {found['allowed']}".removeprefix(".")


def _name_place(location: Sequence[str | int], content: Mapping[str, Any]) -> str:
    """Name a field as a path, in which entries of lists have their names, if they have any."""
    path, part = "", content
    for step in location:
        try:
            part = part[step]  # type: ignore[index]  # as far as the file goes
        except (LookupError, TypeError):
            part = {}
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
        if isinstance(step, int) and isinstance(part, Mapping):
            name = part.get("name")
            path += f" ({name})" if isinstance(name, str) else ""
    return path.removeprefix(".")


def _show(value: object) -> str:
    """Show a value as JSON writes it, cut to a readable length."""
    if isinstance(value, Decimal):
        return exact_text(value)
    text = json.dumps(value, ensure_ascii=False, default=_write_number)
    return cut(printable(text), _MAX_LETTERS)


def _write_number(value: object) -> float | str:
    return float(value) if isinstance(value, Decimal) else str(value)


def _list_fields(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """List the fields of the object at a place of the file."""
    for name in location:
        if isinstance(name, str) and name in model.model_fields:  # else the key of a mapping
            model = next(_find_models(model.model_fields[name].annotation))
    return [field.alias or name for name, field in model.model_fields.items()]


def _find_models(annotation: object) -> Iterator[type[BaseModel]]:
    """Find the objects that the type of a field allows."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _find_models(part)
