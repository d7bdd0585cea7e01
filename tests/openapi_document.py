"""The API's OpenAPI document: its operations, its schemas for a validator, and samples of them."""

import json
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain, pairwise
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import attrs
import yaml  # type: ignore[import-untyped]  # PyYAML has no types of its own
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has none either

from shared_data import DATA

__all__ = [
    "Example",
    "Operation",
    "Schema",
    "is_valid",
    "operations",
    "reach",
    "samples",
    "schemas",
]

Schema: TypeAlias = Mapping[str, Any]

_PREFIX: Final = "#/components/schemas/"
_METHODS: Final = {"delete", "get", "patch", "post", "put"}

_KEYWORDS: Final = {
    *("additionalProperties", "allOf", "anyOf", "enum", "items", "maxItems", "maximum"),
    *("minItems", "minLength", "minimum", "oneOf", "properties", "required", "type"),
}
"""What a validator shall obey; the rest of a schema are notes."""

_SAMPLES: Final = {"boolean": True, "integer": 7, "number": 0.75, "string": "text"}
"""What stands for a value of a type; within the bounds that the document has."""

_INSTEAD: Final = {
    # The document says text; recorded traffic has numbers.
    "CreateTranscriptionResponseVerboseJson.duration": 2.5,
    "CreateTranslationResponseVerboseJson.duration": 2.5,
}
"""Samples that are not what the document says, where recorded traffic differs."""


@attrs.frozen
class Example:
    """A request and its response, as the document shows them.

    Attributes:
        title: What it is called.
        method: The request's, upper case; None if only its body is shown.
        path: Where it goes; None if only its body is shown.
        json: Its body, None for none.
        form: Fields of its form; of a file the name after `@`.
        response: Body of the response, None if it is not shown.
    """

    title: str
    method: str | None
    path: str | None
    json: Any
    form: Mapping[str, str]
    response: Any


@attrs.frozen
class Operation:
    """One operation.

    Attributes:
        id: Its name.
        method: Upper case.
        path: With names in braces.
        parameters: What the path, or a query, takes.
        media_type: Of the request's body; None for no body.
        request: Schema of the request's body.
        responses: Schemas of a response, by media type.
        examples: What the document shows.
    """

    id: str
    method: str
    path: str
    parameters: tuple[str, ...]
    media_type: str | None
    request: Schema
    responses: Mapping[str, Schema]
    examples: tuple[Example, ...]


@cache
def _document() -> Any:
    text = (DATA / "groq-openapi.yaml").read_text(encoding="utf-8")
    # The loader in C, where there is one, takes a tenth of the time.
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (both are safe)


def schemas() -> Mapping[str, Schema]:
    """The document's schemas by name; none when the document is absent."""
    if not (DATA / "groq-openapi.yaml").is_file():
        return {}
    found: Mapping[str, Schema] = _document()["components"]["schemas"]
    return found


def _example(shown: Any) -> Example:
    request = shown["request"]
    response = shown.get("response")
    answer = None if response is None else json.loads(response)
    if "json" in request:
        body = json.loads(request["json"])
        return Example(shown["title"], None, None, body, {}, answer)
    words = [word.strip() for word in shlex.split(request["curl"])]
    pairs = list(pairwise(words))
    data = next((json.loads(value) for option, value in pairs if option == "-d"), None)
    form = dict(value.split("=", 1) for option, value in pairs if option == "-F")
    plain = "GET" if data is None and not form else "POST"
    method = next((value for option, value in pairs if option == "-X"), plain)
    url = next(word for word in words if word.startswith("https://"))
    return Example(shown["title"], method, urlsplit(url).path, data, form, answer)


def _operation(path: str, method: str, stated: Any) -> Operation:
    content = stated.get("requestBody", {}).get("content", {})
    media_type = next(iter(content), None)
    shown = stated.get("x-groq-metadata", {}).get("examples", ())
    return Operation(
        id=stated["operationId"],
        method=method.upper(),
        path=path,
        parameters=tuple(each["name"] for each in stated.get("parameters", ())),
        media_type=media_type,
        request=content[media_type]["schema"] if media_type else {},
        responses={
            kind: each["schema"] for kind, each in stated["responses"]["200"]["content"].items()
        },
        examples=tuple(map(_example, shown)),
    )


@cache
def operations() -> Mapping[str, Operation]:
    """The document's operations by name; none when the document is absent."""
    if not schemas():
        return {}
    found = [
        _operation(path, method, stated)
        for path, methods in _document()["paths"].items()
        for method, stated in methods.items()
        if method in _METHODS
    ]
    return {operation.id: operation for operation in found}


# --- validation ----------------------------------------------------------------------------------


def _modern(schema: Any) -> Any:
    """The same in the terms of JSON Schema, which has neither `nullable` nor `discriminator`."""
    if isinstance(schema, list):
        return [_modern(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    made = {}
    for name, each in schema.items():
        if name == "properties":
            made[name] = {member: _modern(inner) for member, inner in each.items()}
        elif name == "oneOf" and "discriminator" in schema:
            made["anyOf"] = _modern(each)  # it is told apart by a member, and may fit another, too
        elif name in _KEYWORDS:
            made[name] = each if name in {"enum", "required"} else _modern(each)
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") else made


@cache
def _root() -> Any:
    return {name: _modern(schema) for name, schema in schemas().items()}


def is_valid(value: Any, schema: Schema) -> list[str]:
    """What the document has against a value; nothing if it is valid."""
    whole = {**_modern(schema), "components": {"schemas": _root()}}
    found = Draft202012Validator(whole).iter_errors(value)
    return [f"{error.json_path}: {error.message[:200]}" for error in found]


# --- samples -------------------------------------------------------------------------------------


def _resolved(schema: Schema, name: str) -> tuple[Schema, str]:
    """The schema that is meant, and the name of the component that it is in."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_PREFIX)
        return _resolved(schemas()[name], name)
    if len(schema.get("allOf", ())) == 1:
        return _resolved(schema["allOf"][0], name)
    return schema, name


def samples(schema: Schema, name: str = "", *, null: bool = False) -> list[Any]:
    """Values that are all that a schema allows for: every member, variant and enumerated value.

    Args:
        schema: What the values shall fit.
        name: The component, or the member of one, that it is of.
        null: Whether what may be null is null, but for the whole.
    """
    schema, name = _resolved(schema, name)
    if name in _INSTEAD:
        return [_INSTEAD[name]]
    if "properties" in schema:
        return _objects(schema, name, null=null)
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        return list(chain.from_iterable(samples(each, name, null=null) for each in choices))
    if "enum" in schema:
        return [value for value in schema["enum"] if value is not None]
    if schema.get("type") == "array":
        items = samples(schema["items"], name, null=null)
        most = schema.get("maxItems", len(items))
        return [items[at : at + most] for at in range(0, len(items), most)]
    return [_plain(schema)]


def _plain(schema: Schema) -> Any:
    """A value of a schema without members or variants."""
    kind = schema.get("type", "object")
    if kind == "object":
        inner = schema.get("additionalProperties", True)
        return {"key": samples(inner)[0] if isinstance(inner, Mapping) else "value"}
    if schema.get("format") == "uri":
        return "https://example.test/a.png"
    value = _SAMPLES[kind]
    if isinstance(value, bool | str):
        return value
    return max(schema.get("minimum", value), min(schema.get("maximum", value), value))


def _objects(schema: Schema, name: str, *, null: bool) -> list[Any]:
    """As many objects as the member with the most values has of them, each with every member."""
    values = {}
    for member, each in schema["properties"].items():
        is_null = null and _resolved(each, "")[0].get("nullable", each.get("nullable"))
        found = samples(each, f"{name}.{member}", null=null)
        values[member] = [None] if is_null else found
    # An object may have to have one of several members, and only one of them.
    either = [set(each["required"]) for each in schema.get("oneOf", [{"required": ()}])]
    made = []
    for at in range(max(len(either), *map(len, values.values()))):
        left_out = set().union(*either) - either[at % len(either)]
        made.append(
            {
                member: found[at % len(found)]
                for member, found in values.items()
                if member not in left_out
            }
        )
    return made


def reach(schema: Any) -> Iterator[str]:
    """The components that a schema refers to, and those that they refer to; repeated ones too."""
    if isinstance(schema, list):
        for each in schema:
            yield from reach(each)
    elif isinstance(schema, Mapping):
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(_PREFIX)
            yield name
            yield from reach(schemas()[name])
        else:
            for each in schema.values():
                yield from reach(each)
