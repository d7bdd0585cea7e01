"""Write down what is said in every recording of a folder, four at a time, each into a text file.

Set GROQ_API_KEY, and run it: python examples/transcribe_folder.py recordings/
Run it again after a failure or a Ctrl-C: what is written down already is not asked for again.
"""

import sys

import trio

from trio_groq import GroqClient, GroqError

SUFFIXES = {".flac", ".m4a", ".mp3", ".mp4", ".ogg", ".wav", ".webm"}
AT_ONCE = 4


async def transcribe(
    client: GroqClient, recording: trio.Path, limiter: trio.CapacityLimiter, failed: list[str]
) -> None:
    async with limiter:
        try:
            said = await client.audio.transcriptions.create(
                model="whisper-large-v3-turbo", file=recording, response_format="verbose_json"
            )
        except GroqError as error:  # the other recordings are transcribed nevertheless
            print(f"{recording.name}: {error}", file=sys.stderr)
            failed.append(recording.name)
            return
    lines = [f"[{part.start:7.1f}] {part.text.strip()}\n" for part in said.segments or ()]
    # Written under another name first: a text that is there is whole.
    unfinished = recording.with_suffix(".part")
    await unfinished.write_text("".join(lines), encoding="utf-8")
    await unfinished.rename(recording.with_suffix(".txt"))
    print(f"{recording.name}: {said.duration:.0f} s of {said.language}")


async def main(folder: trio.Path) -> None:
    limiter = trio.CapacityLimiter(AT_ONCE)
    failed: list[str] = []
    async with GroqClient() as client, trio.open_nursery() as nursery:
        for path in sorted(await folder.iterdir()):
            is_done = await path.with_suffix(".txt").exists()
            if path.suffix.lower() in SUFFIXES and not is_done:
                nursery.start_soon(transcribe, client, path, limiter, failed)
    if failed:
        sys.exit(f"{len(failed)} failed")


if __name__ == "__main__":
    trio.run(main, trio.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
