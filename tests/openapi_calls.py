"""The operations of the API's document as calls of the client's public methods."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from trio_groq import BinaryResponse, ChatStream, GroqClient, ResponseStream

__all__ = ["CALLS", "FORMS", "call"]

Params: TypeAlias = Mapping[str, Any]
Method: TypeAlias = Callable[..., Awaitable[Any]]

CALLS: Final[Mapping[str, Callable[[GroqClient], Method]]] = {
    "cancelBatch": lambda client: client.batches.cancel,
    "createBatch": lambda client: client.batches.create,
    "createChatCompletion": lambda client: client.chat.completions.create,
    "createEmbedding": lambda client: client.embeddings.create,
    "createFineTuning": lambda client: client.fine_tunings.create,
    "createReranking": lambda client: client.reranking.create,
    "createResponse": lambda client: client.responses.create,
    "createSpeech": lambda client: client.audio.speech.create,
    "createTranscription": lambda client: client.audio.transcriptions.create,
    "createTranslation": lambda client: client.audio.translations.create,
    "deleteFile": lambda client: client.files.delete,
    "deleteFineTuning": lambda client: client.fine_tunings.delete,
    "deleteModel": lambda client: client.models.delete,
    "downloadFile": lambda client: client.files.content,
    "getFineTuning": lambda client: client.fine_tunings.get,
    "listBatches": lambda client: client.batches.list,
    "listFiles": lambda client: client.files.list,
    "listFineTunings": lambda client: client.fine_tunings.list,
    "listModels": lambda client: client.models.list,
    "retrieveBatch": lambda client: client.batches.retrieve,
    "retrieveFile": lambda client: client.files.info,
    "retrieveModel": lambda client: client.models.retrieve,
    "uploadFile": lambda client: client.files.create,
}
"""The method of each operation, by the operation's name. Its parameters are called as there."""

FORMS: Final = {
    "createTranscription": "a.wav",
    "createTranslation": "a.wav",
    "uploadFile": "a.jsonl",
}
"""The operations that upload a file, and what a file is called that they take."""


async def call(client: GroqClient, operation: str, params: Params) -> Any:
    """Call an operation's method.

    Args:
        client: Whose method.
        operation: The operation's name.
        params: Its parameters, those in the path among them. A file is its content, as text.

    Returns:
        What the method returns, of binary responses the content, and None for a stream, which is
        not read.
    """
    given = dict(params)
    if operation in FORMS and "file" in given:
        given["file"] = (FORMS[operation], given["file"].encode())
    answer = await CALLS[operation](client)(**given)
    if isinstance(answer, BinaryResponse):
        async with answer:
            return await answer.read()
    if isinstance(answer, ChatStream | ResponseStream):
        await answer.aclose()
        return None
    return answer
