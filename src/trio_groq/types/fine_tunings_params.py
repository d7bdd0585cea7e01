"""The parameters of a fine tuning. Source: API reference, "Fine Tuning" (a closed beta)."""

from typing import TypedDict

__all__ = ["FineTuningCreateParams"]


class FineTuningCreateParams(TypedDict, total=False):
    """The parameters of `fine_tunings.create`. The API document requires none of them.

    Attributes:
        base_model: The model to begin with.
        input_file_id: What to make it from: the id of a file that was uploaded.
        name: What to call it.
        type: Its form, such as `lora`.
    """

    base_model: str
    input_file_id: str
    name: str
    type: str
