"""What the environment states of a client's settings."""

from collections.abc import Collection, Mapping
from typing import Final

from trio_groq._api.auth import checked_secret
from trio_groq._api.requests import encode_headers
from trio_groq._config.settings import HEADERS, Setting, Tree, variable_origin
from trio_groq.errors import ConfigurationError, InvalidRequestError

__all__ = ["HEADERS_VARIABLE", "KEY_VARIABLE", "LOG_VARIABLE", "URL_VARIABLES", "environment_tree"]

KEY_VARIABLE: Final = "GROQ_API_KEY"
URL_VARIABLES: Final = ("GROQ_BASE_URL", "GROQ_HOST")
LOG_VARIABLE: Final = "GROQ_LOG"
HEADERS_VARIABLE: Final = "GROQ_CUSTOM_HEADERS"


def environment_tree(environ: Mapping[str, str], known: Collection[str] = ()) -> Tree:
    """The settings that the environment states; an empty variable states none.

    Args:
        environ: Its variables.
        known: Fields that are known already: the variables for these are not looked at. Header
            fields are looked at nevertheless: there is room for those of both.

    Raises:
        ConfigurationError: A key or header fields are not valid; the message names the variable.
    """
    tree: Tree = {}
    if "api_key" not in known and (key := environ.get(KEY_VARIABLE)):
        secret = checked_secret(key, source=KEY_VARIABLE)
        tree["api_key"] = Setting(secret, variable_origin(KEY_VARIABLE))
    url_variable = next((name for name in URL_VARIABLES if environ.get(name)), None)
    if "base_url" not in known and url_variable is not None:
        tree["base_url"] = Setting(environ[url_variable], variable_origin(url_variable))
    if "log_level" not in known and (level := environ.get(LOG_VARIABLE)):
        tree["log_level"] = Setting(level.strip().lower(), variable_origin(LOG_VARIABLE))
    if fields := _header_fields(environ.get(HEADERS_VARIABLE, "")):
        origin = variable_origin(HEADERS_VARIABLE)
        tree[HEADERS] = {name: Setting(value, origin) for name, value in fields.items()}
    return tree


def _header_fields(text: str) -> dict[str, str]:
    """Lines of `Name: value`, the form of the official SDK; blank ones are left out.

    Raises:
        ConfigurationError: A line is none of these, or no valid field. No value is shown.
    """
    fields = {}
    for number, line in enumerate(text.split("\n"), 1):
        name, colon, value = line.partition(":")
        if colon:
            fields[name.strip()] = value.strip()
        elif line.strip():
            raise ConfigurationError(
                f"{HEADERS_VARIABLE}: expected lines of `Name: value`, got no colon in line "
                f"{number}"
            )
    wrong = ""
    try:
        encode_headers(fields)
    except InvalidRequestError as exc:
        wrong = str(exc)
    if wrong:
        raise ConfigurationError(f"{HEADERS_VARIABLE}: {wrong}")
    return fields
