"""What the fake hears and how it sounds: made-up words for any audio, a tone for any character.

It knows no language. But the same bytes have the same words in every run, as many as fit into the
length of the audio, with times that follow one another from its beginning to its end.
"""

import hashlib
import io
import math
import re
import wave
from array import array
from collections.abc import Sequence
from math import sin
from typing import Any, Final

import attrs

__all__ = ["Word", "duration_of", "is_wave", "segments_of", "sound_of", "words_in"]

_VOCABULARY: Final = tuple(
    re.findall(
        r"\w+",
        "about again along always answer before begin better bring by call clear come could day "
        "each end even every far few find first follow found from give go good hand have hear "
        "here if in keep kind know later learn leave less long look made make many mean more move "
        "much near need never next now of often old once only other our out over part place point "
        "put read right said same say see should show small so some sound still such take tell "
        "than that the them then there these thing think this time to took turn two under until "
        "use very voice wait want was way well went were what when where which while will with "
        "word work would year you",
    )
)

# Seconds and counts: somebody who speaks calmly, in short sentences.
_WORDS_PER_SECOND: Final = 2.5
_WORDS_PER_SEGMENT: Final = 8
_MAX_WORDS: Final = 20_000  # two hours of it

# What compressed audio is taken for: 128 kbit/s.
_BYTES_PER_SECOND: Final = 16_000

# Whisper hears in windows of so many seconds, and counts them in hundredths.
_WINDOW: Final = 30

_FIRST_TOKEN: Final = 1000
_TOKENS: Final = 50_000

# The tones: so long for a character, at the normal speed, in two octaves above A3.
_SECONDS_PER_CHARACTER: Final = 0.03
_LOWEST_HERTZ: Final = 220.0
_SEMITONES: Final = 24
_AMPLITUDE: Final = 12_000


@attrs.frozen
class Word:
    """A word and when it was said.

    Attributes:
        text: The word, with a full stop where a sentence ends.
        start: Where it begins, in seconds.
        end: Where it ends, in seconds.
    """

    text: str
    start: float
    end: float


def is_wave(data: bytes) -> bool:
    """Whether the bytes begin as a WAV file does (RIFF, the form type `WAVE`)."""
    return data[:4] == b"RIFF" and data[8:12] == b"WAVE"


def _wave_seconds(data: bytes) -> float | None:
    """The length that a WAV file states; None for what is none, or is not plain PCM."""
    try:
        with wave.open(io.BytesIO(data)) as sound:
            frame_bytes = sound.getnchannels() * sound.getsampwidth()
            # A header written before the end was known states more than there is.
            frames = min(sound.getnframes(), len(data) // frame_bytes)
            return frames / sound.getframerate() if sound.getframerate() else None
    except (wave.Error, EOFError):
        return None


def duration_of(data: bytes) -> float:
    """Length of the audio in seconds: as its WAV header says, else by its size."""
    seconds = _wave_seconds(data)
    return round(len(data) / _BYTES_PER_SECOND if seconds is None else seconds, 3)


def words_in(seed: bytes, seconds: float) -> list[Word]:
    """What was said: at least one word.

    Args:
        seed: Decides which words; the audio itself.
        seconds: Length of the audio; the words fill it.
    """
    count = min(max(1, round(seconds * _WORDS_PER_SECOND)), _MAX_WORDS)
    drawn = hashlib.shake_256(seed).digest(count)
    times = [round(seconds * i / count, 2) for i in range(count)] + [seconds]
    words = []
    for index, byte in enumerate(drawn):
        text = _VOCABULARY[byte % len(_VOCABULARY)]
        if index % _WORDS_PER_SEGMENT == 0:
            text = text.capitalize()
        if index + 1 == count or (index + 1) % _WORDS_PER_SEGMENT == 0:
            text += "."
        words.append(Word(text, times[index], times[index + 1]))
    return words


def _token(word: str) -> int:
    digest = hashlib.sha256(word.encode()).digest()
    return _FIRST_TOKEN + int.from_bytes(digest[:4], "big") % _TOKENS


def _segment(index: int, words: Sequence[Word], temperature: float) -> dict[str, Any]:
    start = words[0].start
    return {
        "id": index,
        "seek": int(start // _WINDOW * _WINDOW * 100),
        "start": start,
        "end": words[-1].end,
        "text": "".join(f" {word.text}" for word in words),
        "tokens": [_token(word.text) for word in words],
        "temperature": temperature,
        "avg_logprob": -0.25,
        "compression_ratio": 1.25,
        "no_speech_prob": 0.01,
    }


def segments_of(words: Sequence[Word], temperature: float) -> list[dict[str, Any]]:
    """The segments as the API sends them: a sentence each.

    Args:
        words: All that was said.
        temperature: 0.0 to 1.0, as the request had it.
    """
    starts = range(0, len(words), _WORDS_PER_SEGMENT)
    return [
        _segment(index, words[start : start + _WORDS_PER_SEGMENT], temperature)
        for index, start in enumerate(starts)
    ]


def _tone(character: str, samples: int, sample_rate: int) -> bytes:
    """One character: silence for a space, else a note that swells and fades, so as not to click.

    In the machine's byte order, as `wave` wants it.
    """
    if character.isspace():
        return bytes(2 * samples)
    hertz = _LOWEST_HERTZ * 2 ** (ord(character) % _SEMITONES / 12)
    turn = 2 * math.pi * hertz / sample_rate
    swell = math.pi / samples
    heights = (round(_AMPLITUDE * sin(swell * i) * sin(turn * i)) for i in range(samples))
    return array("h", heights).tobytes()


def sound_of(text: str, *, sample_rate: int, speed: float) -> bytes:
    """The text as a WAV file (16 bits, mono): a tone for each character.

    Args:
        text: What is spoken; 3 hundredths of a second for each character.
        sample_rate: Samples a second.
        speed: How fast; 1.0 is normal.
    """
    samples = max(1, round(_SECONDS_PER_CHARACTER * sample_rate / speed))
    tones = {character: _tone(character, samples, sample_rate) for character in set(text)}
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(sample_rate)
        sound.writeframes(b"".join(tones[character] for character in text))
    return file.getvalue()
