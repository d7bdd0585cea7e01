"""What transcriptions and translations share: a form goes out, text comes back in some format."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from trio_groq._api.audio_forms import AUDIO_FORMATS, MAX_AUDIO_BYTES, form_fields, named_audio
from trio_groq._api.requests import JSON
from trio_groq._api.uploads import FileTypes, multipart_body
from trio_groq._call import RequestOptions
from trio_groq._http.bodies import Progress
from trio_groq._readers import Reader, text_reader
from trio_groq.errors import InvalidRequestError
from trio_groq.resources._base import Resource
from trio_groq.resources._model_use import check_ability

__all__ = ["TextFromAudio"]

T = TypeVar("T")

_ANYTHING: Final = "*/*"
"""The form's `response_format` decides; text in a format to come may be of any media type."""


class TextFromAudio(Resource):
    """Base of the two resources."""

    async def _ask(
        self,
        path: str,
        readers: Mapping[str, Reader[Any]],
        *,
        file: FileTypes | None,
        params: Mapping[str, object],
        options: RequestOptions,
        progress: Progress | None,
    ) -> Any:  # noqa: ANN401 (the format decides)
        """Send a form, and read the response in the format that was asked for.

        Args:
            path: Absolute path.
            readers: By format; of any other the text is the result.
            file: What was given; None for nothing.
            params: The parameters, checked, and `response_format`.
            options: The caller's; the fields of `extra_body` win over parameters.
            progress: Called after each piece that was sent.

        Raises:
            InvalidRequestError: There is not one audio, it cannot be read, or is none that the
                API takes; nothing was sent.
            APIError: The call failed: see the error tree.
        """
        fields = {**params, **(options.get("extra_body") or {})}
        if (file is None) == (fields.get("url") is None):
            got = "neither" if file is None else "both"
            raise InvalidRequestError(f"file: expected either file or url, got {got}", path="file")
        check_ability(self._caller, fields.get("model"), "audio")
        body = await multipart_body(
            form_fields(fields),
            [] if file is None else [("file", named_audio(file))],
            max_bytes=MAX_AUDIO_BYTES,
            formats=AUDIO_FORMATS,
            progress=progress,
        )
        reader = readers.get(str(fields.get("response_format") or "json"))
        return await self._perform(
            "POST",
            path,
            text_reader() if reader is None else reader,
            {**options, "extra_body": None},
            content=body,
            content_type=body.content_type,
            accept=_ANYTHING if reader is None else JSON,
            model=str(fields.get("model") or ""),
        )
