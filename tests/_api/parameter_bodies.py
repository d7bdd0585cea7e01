"""Parameters of a chat completion, as dictionaries."""

from typing import Any

Fields = dict[str, Any]

USER = {"role": "user", "content": "hi"}
