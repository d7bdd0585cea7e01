"""What every command that talks to the API begins with: where, and with which key."""

from typing import Final

import attrs

from trio_groq.cli._output import UsageFailure
from trio_groq.cli._running import failure_of
from trio_groq.config import ClientConfig
from trio_groq.errors import ConfigurationError

__all__ = ["BASE_URL_HELP", "settings"]

BASE_URL_HELP: Final = "Where the API is, by default GROQ_BASE_URL or Groq."


def settings(base_url: str | None) -> ClientConfig:
    """The environment's settings, with a key.

    Args:
        base_url: Where the API is instead; None for the environment's word.

    Raises:
        UsageFailure: A setting is not valid, or there is no key.
    """
    try:
        config = ClientConfig.from_env()
        if base_url is not None:
            config = attrs.evolve(config, base_url=base_url)
    except ConfigurationError as error:
        raise failure_of(error) from error
    if config.api_key is None:
        raise UsageFailure("no API key: set GROQ_API_KEY (https://console.groq.com/keys)")
    return config
