"""The table that compares our methods and parameters with the official SDK's.

    python tests/sdk_table.py      writes docs/sdk_comparison.rst anew; needs the package `groq`

What differs is stated here with its reason; what is the same, or more, is read off the signatures.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias, get_args

from trio_groq import GroqClient

__all__ = [
    "METHODS",
    "NOTES",
    "PAGE",
    "PARAMETERS",
    "Signatures",
    "missing",
    "our_name",
    "ours",
    "render",
    "theirs",
]

Signatures: TypeAlias = dict[str, dict[str, bool]]
"""Parameters by method, each with whether it is required."""

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "sdk_comparison.rst"

CLIENT: Final = "client"
"""The name of the client's own methods in the tables; `client` alone is how it is made."""

_VERB: Final = "the HTTP method is its first argument"

METHODS: Final[Mapping[str, tuple[str | None, str]]] = {
    "client.close": ("client.aclose", "named as what Trio closes"),
    "client.copy": ("client.with_options", "the SDK's other name for it"),
    "client.delete": ("client.request", _VERB),
    "client.get": ("client.request", _VERB),
    "client.get_api_list": (None, "for pages, which no endpoint of the SDK has"),
    "client.is_closed": (None, "`is_available`, which also says whether a circuit is open"),
    "client.patch": ("client.request", _VERB),
    "client.platform_headers": (None, "headers about the caller's machine: none are sent"),
    "client.post": ("client.request", _VERB),
    "client.put": ("client.request", _VERB),
}
"""The SDK's methods that have another name here, or none, and why."""

_OPTIONS: Final = "`extra_headers`, `extra_query`, `timeout`, `max_retries`"
_NO_STREAM: Final = "the stream methods of the resources"
_NO_HTTPX: Final = "there is no httpx; see `ssl_context`, `proxy` and `limits` of the client"

PARAMETERS: Final[Mapping[str, str]] = {
    "client(_strict_response_validation)": "`strict_validation`",
    "client(http_client)": _NO_HTTPX,
    "client.copy(_extra_kwargs)": "for subclasses of the SDK",
    "client.copy(base_url)": "another address is another client, with connections of its own",
    "client.copy(http_client)": _NO_HTTPX,
    "client.copy(set_default_headers)": "`default_headers` with None for those to take away",
    "client.copy(set_default_query)": "`default_query` with None for those to take away",
    "client.delete(options)": _OPTIONS,
    "client.get(options)": _OPTIONS,
    "client.get(stream)": _NO_STREAM,
    "client.get(stream_cls)": _NO_STREAM,
    "client.patch(options)": _OPTIONS,
    "client.post(body)": "`json`",
    "client.post(files)": "the methods that upload",
    "client.patch(body)": "`json`",
    "client.patch(files)": "the methods that upload",
    "client.put(body)": "`json`",
    "client.put(files)": "the methods that upload",
    "client.delete(body)": "`json`",
    "client.post(options)": _OPTIONS,
    "client.post(stream)": _NO_STREAM,
    "client.post(stream_cls)": _NO_STREAM,
    "client.put(options)": _OPTIONS,
    "client.request(options)": f"`method`, `path`, `json`, {_OPTIONS}",
    "client.request(stream)": _NO_STREAM,
    "client.request(stream_cls)": _NO_STREAM,
    "client.with_options(_extra_kwargs)": "for subclasses of the SDK",
    "client.with_options(base_url)": "another address is another client, with its own connections",
    "client.with_options(http_client)": _NO_HTTPX,
    "client.with_options(set_default_headers)": "`default_headers`, None takes one away",
    "client.with_options(set_default_query)": "`default_query`, None takes one away",
}
"""The SDK's parameters that have another name here, or none, and what there is instead."""

NOTES: Final[Mapping[str, str]] = {
    "client": "`timeout` may be limits by phase, `max_retries` a policy, `api_key` a function",
    "audio.speech.create": "the audio is not read yet: `async with`, or `write_to_file` at once",
    "audio.transcriptions.create": "a `file` is read while it is sent; its parts take no headers",
    "audio.translations.create": "a `file` is read while it is sent; its parts take no headers",
    "files.content": "the content is not read yet: `async with`, or `write_to_file` at once",
    "files.create": "a `file` is read while it is sent; its parts take no headers",
    "chat.completions.create": "messages may be Structs, and images bytes or paths",
}
"""What is otherwise different about methods of the same name."""

_HEAD: Final = """\
Beside the official SDK
=======================

Every method and every parameter of ``AsyncGroq`` and what there is here, read off the signatures
of both (``groq`` {version}). A test fails when the SDK has something that is neither here nor
explained below, and when this page is not what the signatures say: ``python tests/sdk_table.py``
writes it anew.

- **Same** are parameters of the same name and meaning: a call with them needs no change.
- **More** are those that only this client has.
- **Different** says what has another name here, or is not here, and why.

Everywhere: ``timeout`` is a number of seconds for the whole call, or limits by phase, where the
SDK takes an ``httpx.Timeout``. Left out is not sent and None is sent as null, where the SDK has
``omit``. Each resource has ``with_raw_response`` and ``with_streaming_response``, and everything
returned has ``.meta``.
"""

_TITLES: Final = {
    "client": "The client",
    "chat": "client.chat",
    "audio": "client.audio",
    "embeddings": "client.embeddings",
    "models": "client.models",
    "files": "client.files",
    "batches": "client.batches",
    "responses": "client.responses",
    "reranking": "client.reranking",
    "fine_tunings": "client.fine_tunings",
}
"""The tables of the page, in their order."""


# --- what there is -------------------------------------------------------------------------------


def signatures(method: Callable[..., object]) -> dict[str, bool]:
    """The parameters of a method, each with whether it is required; those of a TypedDict, too."""
    found: dict[str, bool] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            (declaration,) = get_args(parameter.annotation)  # Unpack[...]
            required = declaration.__required_keys__
            found |= {each: each in required for each in sorted(declaration.__annotations__)}
        elif name != "self":
            found[name] = parameter.default is inspect.Parameter.empty
    return found


def _members(owner: object) -> Iterator[tuple[str, Any]]:
    for name in dir(owner):
        if not name.startswith(("_", "with_")):
            yield name, getattr(owner, name)


def resource_signatures(owner: object, package: str, path: str = "") -> Signatures:
    """The methods of all resources of a client.

    Args:
        owner: The client, or a resource of it.
        package: Where classes of resources are defined.
        path: Where the owner is, such as `chat.`.
    """
    found: Signatures = {}
    for name, member in _members(owner):
        if type(member).__module__.startswith(package):
            found |= resource_signatures(member, package, f"{path}{name}.")
        elif path and inspect.ismethod(member):
            found[f"{path}{name}"] = signatures(member)
    return found


def client_signatures(kind: type) -> Signatures:
    """How a client is made, and its own methods."""
    found = {CLIENT: signatures(kind)}
    for name, member in inspect.getmembers(kind, inspect.isfunction):
        if not name.startswith("_"):
            found[f"{CLIENT}.{name}"] = signatures(member)
    return found


def ours() -> Signatures:
    """What this client has."""
    client = GroqClient("gsk_test")
    return client_signatures(GroqClient) | resource_signatures(client, "trio_groq.resources")


def theirs() -> Signatures:
    """What the official SDK has; raises ImportError where it is not installed."""
    from groq import AsyncGroq  # noqa: PLC0415 (only this function needs it)

    client = AsyncGroq(api_key="gsk_test")
    return client_signatures(AsyncGroq) | resource_signatures(client, "groq.resources")


# --- what is missing -----------------------------------------------------------------------------


def our_name(method: str) -> str | None:
    """What a method of the SDK is called here; None for nothing."""
    return METHODS.get(method, (method, ""))[0]


def missing(mine: Signatures, other: Signatures) -> list[str]:
    """What the SDK has that is neither here nor explained."""
    found = []
    for method, parameters in other.items():
        name = our_name(method)
        if name is None:
            continue
        if name not in mine:
            found.append(method)
            continue
        for parameter, is_required in parameters.items():
            label = f"{method}({parameter})"
            if parameter not in mine[name]:
                found += [] if label in PARAMETERS else [label]
            elif mine[name][parameter] and not is_required:
                found.append(f"{label} is required here")
    return found


# --- the page ------------------------------------------------------------------------------------


def _names(parameters: list[str]) -> str:
    return ", ".join(f"``{name}``" for name in parameters) or "—"


def _different(method: str, parameters: Mapping[str, bool]) -> str:
    name, why = METHODS.get(method, (method, ""))
    said = [NOTES[method]] if method in NOTES else []
    if name != method:
        said.append(f"not here: {why}" if name is None else f"`{name}`: {why}")
    for parameter in parameters:
        label = f"{method}({parameter})"
        if label in PARAMETERS:
            said.append(f"`{parameter}`: {PARAMETERS[label]}")
    return "; ".join(said).replace("`", "``") or "—"


def _row(method: str, mine: Signatures, other: Signatures) -> str:
    name = our_name(method)
    here = mine.get(name, {}) if name is not None else {}
    if method not in other:
        cells = ["—", _names(list(here)), "only here"]
    else:
        same = [each for each in other[method] if each in here]
        more = [each for each in here if each not in other[method]]
        cells = [_names(same), _names(more if name == method else []), ""]
        cells[2] = _different(method, other[method])
    return f"   * - ``{method}``\n" + "".join(f"     - {cell}\n" for cell in cells)


def render(mine: Signatures, other: Signatures, sdk_version: str) -> str:
    """The page.

    Args:
        mine: What is here.
        other: What the SDK has.
        sdk_version: Of the SDK, as the page shall state it.
    """
    parts = [_HEAD.format(version=sdk_version)]
    for group, title in _TITLES.items():
        known = [name for name in other if name.split(".")[0] == group]
        only = [name for name in mine if name.split(".")[0] == group and name not in other]
        renamed = {our_name(name) for name in other}
        rows = [_row(name, mine, other) for name in known]
        rows += [_row(name, mine, other) for name in only if name not in renamed]
        head = ".. list-table::\n   :header-rows: 1\n   :widths: 18 32 25 25\n\n"
        columns = "   * - Method\n     - Same\n     - More\n     - Different\n"
        parts.append(f"{title}\n{'-' * len(title)}\n\n{head}{columns}{''.join(rows)}")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(render(ours(), theirs(), version("groq")), encoding="utf-8")
