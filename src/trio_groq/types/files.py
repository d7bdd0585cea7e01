"""Files that the API keeps, such as the input of a batch. Source: API reference, "Files".

The official SDK has a name for what each call returns, though it is always the same `File`; so
here those names are aliases.
"""

from typing import TypeAlias

from trio_groq.types._base import Response, sent

__all__ = [
    "File",
    "FileCreateResponse",
    "FileDeleteResponse",
    "FileInfoResponse",
    "FileListResponse",
]


class File(Response):
    """A file that the API keeps.

    Attributes:
        id: Its id (`file_...`).
        bytes: Its size, in bytes.
        created_at: When it was uploaded or made, in seconds of Unix time.
        filename: Its name.
        object: `file`.
        purpose: What it is for: `batch`, `batch_output`, or new.
    """

    id: str = sent(str)
    bytes: int = sent(int)
    created_at: int = sent(int)
    filename: str = sent(str)
    object: str = sent(lambda: "file")
    purpose: str = sent(str)


FileCreateResponse: TypeAlias = File
FileInfoResponse: TypeAlias = File


class FileListResponse(Response):
    """The files of an organization.

    Attributes:
        data: The files.
        object: `list`.
    """

    data: list[File] = sent(list[File])
    object: str = sent(lambda: "list")


class FileDeleteResponse(Response):
    """What became of a file that was to be deleted.

    Attributes:
        id: The file.
        deleted: Whether it is gone.
        object: `file`.
    """

    id: str = sent(str)
    deleted: bool = sent(bool)
    object: str = sent(lambda: "file")
