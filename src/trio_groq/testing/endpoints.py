"""What the server answers, as a table: method, path, and who knows the answer."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias, final
from urllib.parse import unquote

import attrs

from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply

__all__ = ["Answer", "Endpoint", "Table"]

Answer: TypeAlias = Callable[[RecordedRequest, Mapping[str, str]], Reply]
"""Takes a request and the names in its path, decoded; gives the reply."""

_NAME: Final = re.compile(r"\{(\w+)(\.\.\.)?\}")


@attrs.frozen
class Endpoint:
    """One operation.

    Attributes:
        method: Such as `GET`.
        path: Such as `/openai/v1/files/{id}/content`. `{name}` stands for one segment,
            `{name...}` for the rest, slashes too.
        answer: Who knows the answer.
    """

    method: str
    path: str
    answer: Answer


def _pattern(path: str) -> re.Pattern[str]:
    literals = _NAME.split(path)[::3]
    names = [f"(?P<{name}>{'.+' if rest else '[^/]+'})" for name, rest in _NAME.findall(path)]
    pieces = [re.escape(literal) for literal in literals]
    return re.compile("".join(a + b for a, b in zip(pieces, [*names, ""], strict=True)))


@final
class Table:
    """The endpoints, looked up by path. Of two patterns for a path the earlier one counts."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._exact: dict[str, dict[str, Answer]] = {}
        patterns: dict[str, dict[str, Answer]] = {}
        for each in endpoints:
            kind = patterns if "{" in each.path else self._exact
            kind.setdefault(each.path, {})[each.method] = each.answer
        self._patterns = [(_pattern(path), methods) for path, methods in patterns.items()]

    def find(self, path: str) -> tuple[Mapping[str, Answer], Mapping[str, str]]:
        """What is at a path.

        Returns:
            The answers by method, none for an unknown path; and the names in the path.
        """
        methods = self._exact.get(path)
        if methods is not None:
            return methods, {}
        for pattern, answers in self._patterns:
            if match := pattern.fullmatch(path):
                return answers, {name: unquote(text) for name, text in match.groupdict().items()}
        return {}, {}
