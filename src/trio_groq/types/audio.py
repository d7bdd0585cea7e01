"""What was said, as text. Source: API reference, "Audio"."""

from trio_groq.types._base import Record, Response, sent
from trio_groq.types.chat import XGroq
from trio_groq.types.usage import CompletionUsage

__all__ = [
    "Transcription",
    "TranscriptionSegment",
    "TranscriptionVerbose",
    "TranscriptionWord",
    "Translation",
    "TranslationVerbose",
]


class TranscriptionWord(Record, gc=False):
    """A word and when it was said.

    Attributes:
        word: The word, with the punctuation that follows it.
        start: Where it begins, in seconds of the audio.
        end: Where it ends, in seconds of the audio.
    """

    word: str = sent(str)
    start: float = sent(float)
    end: float = sent(float)


class TranscriptionSegment(Record):
    """A stretch of the audio, what was said in it, and how sure the model is.

    Attributes:
        id: Its number, from 0.
        seek: Where the model's window began, in hundredths of a second.
        start: Where it begins, in seconds of the audio.
        end: Where it ends, in seconds of the audio.
        text: What was said; begins with a space, as a rule.
        tokens: Ids of the text's tokens.
        temperature: The temperature at which this text was found.
        avg_logprob: Mean log probability of the tokens; below -1, distrust the text.
        compression_ratio: How far the text can be compressed; above 2.4 it repeats itself, and
            should be distrusted.
        no_speech_prob: Probability that nobody spoke. High beside a low `avg_logprob`, it means
            silence.
        audio_text: The text of the whole piece of audio that the segment is of.
        chunk_start: Where that piece begins.
        chunk_end: Where that piece ends.
        token_scores: A score for each token.
    """

    id: int = sent(int)
    seek: int = sent(int)
    start: float = sent(float)
    end: float = sent(float)
    text: str = sent(str)
    tokens: list[int] = sent(list[int])
    temperature: float | None = None
    avg_logprob: float | None = None
    compression_ratio: float | None = None
    no_speech_prob: float | None = None
    audio_text: str | None = None
    chunk_start: int | None = None
    chunk_end: int | None = None
    token_scores: list[float] | None = None


class Transcription(Response):
    """What was said, in the language it was said in.

    Attributes:
        text: The text; begins with a space, as a rule.
        usage: What it cost in tokens, where the server says so.
        x_groq: What Groq adds.
    """

    text: str = sent(str)
    usage: CompletionUsage | None = None
    x_groq: XGroq | None = None


class TranscriptionVerbose(Response):
    """What was said, in the language it was said in, and when.

    Attributes:
        text: The text; begins with a space, as a rule.
        task: `transcribe`.
        language: The audio's language, by its English name.
        duration: Length of the audio, in seconds.
        segments: The text in segments; None unless `timestamp_granularities` has `segment`, as
            it has when left out.
        words: The text in words; None unless `timestamp_granularities` has `word`.
        usage: What it cost in tokens, where the server says so.
        x_groq: What Groq adds.
    """

    text: str = sent(str)
    task: str | None = None
    language: str = sent(str)
    duration: float = sent(float)
    segments: list[TranscriptionSegment] | None = None
    words: list[TranscriptionWord] | None = None
    usage: CompletionUsage | None = None
    x_groq: XGroq | None = None


class Translation(Response):
    """What was said, in English.

    Attributes:
        text: The text; begins with a space, as a rule.
        usage: What it cost in tokens, where the server says so.
        x_groq: What Groq adds.
    """

    text: str = sent(str)
    usage: CompletionUsage | None = None
    x_groq: XGroq | None = None


class TranslationVerbose(Response):
    """What was said, in English, and when.

    Attributes:
        text: The text; begins with a space, as a rule.
        task: `translate`.
        language: The language of the text: English.
        duration: Length of the audio, in seconds.
        segments: The text in segments.
        usage: What it cost in tokens, where the server says so.
        x_groq: What Groq adds.
    """

    text: str = sent(str)
    task: str | None = None
    language: str = sent(str)
    duration: float = sent(float)
    segments: list[TranscriptionSegment] | None = None
    usage: CompletionUsage | None = None
    x_groq: XGroq | None = None
