"""The rules that the package's own source is held to, as functions of source text.

Each rule takes the modules, by dotted name, and returns its findings: one line of text each, empty
when the rule holds. `test_layers` runs them over the package, and over fakes that break them.
"""

import ast
import graphlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import attrs

PACKAGE = "trio_groq"
MAX_LINES = 450

LAYERS: dict[str, int] = {
    "_callers": 0,
    "_cancellation": 0,
    "_error_records": 0,
    "_facades": 0,
    "_secrets": 0,
    "_validators": 0,
    "_version": 0,
    "errors": 0,
    "types": 1,
    "sse": 1,
    "_http": 1,
    "_api": 2,
    "catalog": 2,
    "_api_response": 3,
    "_attempts": 3,
    "_binary": 3,
    "_call": 3,
    "_circuits": 3,
    "_health": 4,
    "_event_stream": 3,
    "_gate_statistics": 3,
    "_gates": 3,
    "_generic_call": 3,
    "_images": 3,
    "_hooks": 3,
    "_open_response": 3,
    "_ownership": 3,
    "_parsed": 3,
    "_readers": 3,
    "_response_stream": 3,
    "_tool_loop": 4,
    "_tool_stream": 4,
    "_trial": 3,
    "_turns": 3,
    "_shared": 5,
    "_stream": 3,
    "_stream_views": 3,
    "fanout": 4,
    "observe": 4,
    "resources": 4,
    "_config": 5,
    "client": 5,
    "config": 5,
    "cli": 6,
    "testing": 6,
}
"""Parts of the package and the layer each is in; the facade (`__init__`) lies above them all."""

FACADE_LAYER = 7
STRANGERS = frozenset({"types", "sse", "_http"})
"""Parts of one layer that never import each other."""

SSL_MODULES = ("_http.dial", "testing")
ASYNC_GENERATOR_MODULES = ("cli", "testing")
CONSOLE_MODULES = ("cli",)
CONSOLE_NAMES = frozenset({"sys.argv", "sys.stdin", "sys.stdout", "sys.stderr"})


@attrs.frozen
class Module:
    """One source file.

    Attributes:
        name: Dotted name.
        text: The source.
        is_package: Whether it is a package's `__init__`.
        tree: The source, parsed.
    """

    name: str
    text: str
    is_package: bool = False
    tree: ast.Module = attrs.field(
        init=False, default=attrs.Factory(lambda self: ast.parse(self.text), takes_self=True)
    )

    @property
    def part(self) -> str:
        """First name below the package, as in the table of layers; empty for the facade."""
        return self.name.removeprefix(PACKAGE).removeprefix(".").partition(".")[0]

    @property
    def layer(self) -> int | None:
        """Number of its layer, None when the table does not name it."""
        return LAYERS.get(self.part) if self.part else FACADE_LAYER

    def is_in(self, places: tuple[str, ...]) -> bool:
        """Whether this is one of the modules, or lies in one of the packages, of `places`."""
        inner = self.name.removeprefix(f"{PACKAGE}.")
        return any(inner == place or inner.startswith(f"{place}.") for place in places)


Modules: TypeAlias = Mapping[str, Module]


def read_modules(root: Path) -> dict[str, Module]:
    """Every module below the package's folder, by name."""
    modules = {}
    for path in sorted(root.rglob("*.py")):
        names = (root.name, *path.relative_to(root).with_suffix("").parts)
        is_package = names[-1] == "__init__"
        name = ".".join(names[:-1] if is_package else names)
        modules[name] = Module(name, path.read_text(encoding="utf-8"), is_package)
    return modules


def _imported_names(module: Module) -> Iterator[str]:
    """Dotted names that the source imports, wherever the import stands, type checking included."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=origin, names=names, level=level):
                base = _absolute(module, level, origin)
                yield from (f"{base}.{alias.name}" for alias in names)
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name


def _absolute(module: Module, level: int, origin: str | None) -> str:
    if not level:
        return origin or ""
    parents = module.name.split(".")
    kept = parents[: len(parents) - level + module.is_package]
    return ".".join((*kept, origin) if origin else kept)


def imports_of(module: Module, modules: Modules) -> set[str]:
    """Modules of ours that a module imports.

    Of `from a.b import c` that is `a.b.c` if it is a module, else `a.b`. Packages on the way to a
    module do not count: Python runs them, but the importer takes nothing from them.
    """
    found = set()
    for name in _imported_names(module):
        wanted = name
        while wanted and wanted not in modules:
            wanted = wanted.rpartition(".")[0]
        if wanted:
            found.add(wanted)
    return found


def upward_imports(modules: Modules) -> list[str]:
    """Imports of a higher layer, or between parts of one layer that must not know each other."""
    findings = []
    for module in modules.values():
        if module.layer is None:
            findings.append(f"{module.name}: expected its layer in LAYERS, got none")
            continue
        for name in sorted(imports_of(module, modules)):
            target = modules[name]
            is_stranger = module.part != target.part and {module.part, target.part} <= STRANGERS
            if is_stranger or (target.layer is not None and target.layer > module.layer):
                findings.append(f"{module.name}: expected no import of {name}, got one")
    return findings


def import_circles(modules: Modules) -> list[str]:
    """The first circle of imports, if there is one."""
    graph = {name: sorted(imports_of(module, modules)) for name, module in modules.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        circle = (name.removeprefix(f"{PACKAGE}.") for name in error.args[1])
        return [f"imports: expected no circle, got {' <- '.join(circle)}"]
    return []


def foreign_ssl(modules: Modules) -> list[str]:
    """Modules that import ssl and may not."""
    return [
        f"{module.name}: expected no import of ssl, got one"
        for module in modules.values()
        if not module.is_in(SSL_MODULES)
        and any(name.partition(".")[0] == "ssl" for name in _imported_names(module))
    ]


def console_use(modules: Modules) -> list[str]:
    """Modules that print, or touch the process's arguments or standard streams, and may not."""
    return [
        f"{module.name}: expected no use of the console, got {use}"
        for module in modules.values()
        if not module.is_in(CONSOLE_MODULES)
        for use in sorted(_console_names(module))
    ]


def _console_names(module: Module) -> set[str]:
    used = set(_imported_names(module))
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id="print" | "input" as name)):
                used.add(f"{name}()")
            case ast.Attribute(value=ast.Name(id="sys"), attr=name):
                used.add(f"sys.{name}")
    return used & (CONSOLE_NAMES | {"print()", "input()"})


def long_files(modules: Modules) -> list[str]:
    """Files past the limit of lines."""
    return [
        f"{module.name}: expected at most {MAX_LINES} lines, got {lines}"
        for module in modules.values()
        if (lines := len(module.text.splitlines())) > MAX_LINES
    ]


def bare_async_generators(modules: Modules) -> list[str]:
    """Async generators that are not turned into context managers: nothing closes them in time."""
    return [
        f"{module.name}: expected no bare async generator, got {node.name}"
        for module in modules.values()
        if not module.is_in(ASYNC_GENERATOR_MODULES)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.AsyncFunctionDef)
        and _yields(node)
        and not any(_is_asynccontextmanager(each) for each in node.decorator_list)
    ]


def _is_asynccontextmanager(decorator: ast.expr) -> bool:
    return ast.unparse(decorator) in {"asynccontextmanager", "contextlib.asynccontextmanager"}


def _yields(function: ast.AsyncFunctionDef) -> bool:
    """Whether the function itself yields, not one that is defined inside it."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Yield):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(node))
    return False


RULES = (
    upward_imports,
    import_circles,
    foreign_ssl,
    console_use,
    long_files,
    bare_async_generators,
)
