"""Models of one's own making. Source: API reference, "Fine Tuning" (a closed beta)."""

from trio_groq.types._base import Record, Response, sent

__all__ = [
    "FineTuning",
    "FineTuningDeleteResponse",
    "FineTuningListResponse",
    "FineTuningReadResponse",
]


class FineTuning(Record, gc=False):
    """One fine tuning.

    Attributes:
        id: Its id.
        name: The name that it was given.
        base_model: The model that it began with.
        type: Its form, such as `lora`.
        input_file_id: The file that it was made from.
        created_at: When it was made, in Unix seconds.
        fine_tuned_model: The name of the model that came of it, for requests.
    """

    id: str = sent(str)
    name: str | None = None
    base_model: str | None = None
    type: str | None = None
    input_file_id: str | None = None
    created_at: float | None = None
    fine_tuned_model: str | None = None


class FineTuningListResponse(Response):
    """All fine tunings of an account; they come in one piece.

    Attributes:
        object: `list`.
        data: The fine tunings.
    """

    object: str = sent(lambda: "list")
    data: list[FineTuning] = sent(list[FineTuning])


class FineTuningReadResponse(Response):
    """A fine tuning that was made or looked up.

    Attributes:
        id: Its id.
        object: `object` in what the API documents.
        data: The fine tuning.
    """

    id: str = sent(str)
    object: str | None = None
    data: FineTuning = sent(FineTuning)


class FineTuningDeleteResponse(Response):
    """What became of a fine tuning to delete.

    Attributes:
        id: Its id.
        object: `fine_tuning`.
        deleted: Whether it is gone.
    """

    id: str = sent(str)
    object: str = sent(lambda: "fine_tuning")
    deleted: bool = sent(bool)
