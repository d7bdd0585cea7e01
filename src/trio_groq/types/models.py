"""The models that an account can use. Source: API reference, "Models"."""

from typing import Any

from trio_groq.types._base import Response, sent

__all__ = ["Model", "ModelDeleted", "ModelListResponse"]


class Model(Response):
    """One model.

    What the API document leaves out and real answers have is here, too: all from `active` on.

    Attributes:
        id: Its name in requests; may have slashes, as in `openai/gpt-oss-120b`.
        object: `model`.
        created: When it was made, in Unix seconds.
        owned_by: Who made it.
        active: Whether it can be used now.
        context_window: Tokens of prompt and answer together, at the most.
        public_apps: Null in all that is known.
        max_completion_tokens: Tokens of an answer, at the most.
    """

    id: str = sent(str)
    object: str = sent(lambda: "model")
    created: int = sent(int)
    owned_by: str = sent(str)
    active: bool | None = None
    context_window: int | None = None
    public_apps: Any = None
    max_completion_tokens: int | None = None


class ModelListResponse(Response):
    """All models that an account can use; they come in one piece.

    Attributes:
        object: `list`.
        data: The models, in no order that the API promises.
    """

    object: str = sent(lambda: "list")
    data: list[Model] = sent(list[Model])


class ModelDeleted(Response):
    """What became of a model to delete.

    Attributes:
        id: Its name.
        object: `model`.
        deleted: Whether it is gone.
    """

    id: str = sent(str)
    object: str = sent(lambda: "model")
    deleted: bool = sent(bool)
