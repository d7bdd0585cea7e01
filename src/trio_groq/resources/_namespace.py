"""The resources of a client, each loaded at its first use: an import need not pay for all."""

# ruff: noqa: PLC0415 (imports inside functions are what this file is for)

from functools import cached_property
from typing import TYPE_CHECKING

from trio_groq._call import Caller

if TYPE_CHECKING:
    from trio_groq._health import Health
    from trio_groq.catalog import Catalog
    from trio_groq.resources.audio import Audio
    from trio_groq.resources.batches import Batches
    from trio_groq.resources.chat import Chat
    from trio_groq.resources.embeddings import Embeddings
    from trio_groq.resources.files import Files
    from trio_groq.resources.fine_tunings import FineTunings
    from trio_groq.resources.models import Models
    from trio_groq.resources.reranking import Reranking
    from trio_groq.resources.responses import Responses

__all__ = ["Resources"]


class Resources:
    """The API, resource by resource."""

    _caller: Caller

    @property
    def catalog(self) -> "Catalog":
        """What is known of the models; `models.list()` has it take over what the API says."""
        return self._caller.knowledge.catalog

    async def health_check(
        self,
        *,
        deep: bool = False,
        model: str | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109 (the client's own limit, with errors of its own)
    ) -> "Health":
        """Look whether the API can be used now. A failure of it is a result, and is not raised.

        Args:
            deep: Have a model answer, too, with one token; that costs some.
            model: Which model; None for a small one that the account has.
            timeout: Seconds for the whole check.
        """
        from trio_groq._health import health_check

        return await health_check(self, deep=deep, model=model, timeout=timeout)

    @cached_property
    def audio(self) -> "Audio":
        """Speech to text, and text to speech."""
        from trio_groq.resources.audio import Audio

        return Audio(self._caller)

    @cached_property
    def batches(self) -> "Batches":
        """Many requests in a file, answered within a day."""
        from trio_groq.resources.batches import Batches

        return Batches(self._caller)

    @cached_property
    def chat(self) -> "Chat":
        """Answers of models to conversations: `chat.completions`."""
        from trio_groq.resources.chat import Chat

        return Chat(self._caller)

    @cached_property
    def embeddings(self) -> "Embeddings":
        """Texts as vectors."""
        from trio_groq.resources.embeddings import Embeddings

        return Embeddings(self._caller)

    @cached_property
    def files(self) -> "Files":
        """Files of the account: requests of batches, and their results."""
        from trio_groq.resources.files import Files

        return Files(self._caller)

    @cached_property
    def fine_tunings(self) -> "FineTunings":
        """Models of the account's own making."""
        from trio_groq.resources.fine_tunings import FineTunings

        return FineTunings(self._caller)

    @cached_property
    def models(self) -> "Models":
        """The models that there are."""
        from trio_groq.resources.models import Models

        return Models(self._caller)

    @cached_property
    def reranking(self) -> "Reranking":
        """Documents in the order of how well they answer a query."""
        from trio_groq.resources.reranking import Reranking

        return Reranking(self._caller)

    @cached_property
    def responses(self) -> "Responses":
        """Answers of models, as the Responses API has them."""
        from trio_groq.resources.responses import Responses

        return Responses(self._caller)
