"""Speech that is made on the spot: sentences and digit strings, spoken by eSpeak NG."""

import ctypes
import os
import threading
from collections.abc import Sequence
from functools import lru_cache
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from ...linklevel.validation import check_choice, check_range
from .base import Dataset, Sample
from .text_synth import TextSynth

SPLITS = ("train", "val", "test")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
VOICES = tuple(
    f"{accent}+{variant}" for accent in ("en-us", "en-gb-x-rp", "en-us-nyc") for variant in ("m1", "m3", "m7", "f2")
)
"""Voices as eSpeak NG names them: accent, plus sign, variant."""

_ONE_AT_A_TIME = threading.Lock()

INSTALL = "pip install 'tokencom[speech]', or pip install espeakng-loader"


class SpeechSynth(Dataset):
    """Speaks sentences and digit strings with eSpeak NG, and keeps what was said as the reference.

    eSpeak NG makes speech from rules ("formant synthesis"): it sounds like a machine, and a voice
    always says a word the same way. So it shows whether words survive a link, on a machine without
    recordings; error rates on it don't compare with those on people's speech. Judge a recogniser that
    was trained on people against its own rate on clean samples. Voices differ in accent,
    timbre, pitch and speed; they are the same in all splits, unless ``voices`` are given per split.

    Samples have ``audio``; the reference is the transcript (digits as words), the family "sentence"
    or "digits", and ``extra`` names ``voice``, ``rate`` and ``pitch``. A sample depends on the
    parameters and its number only, not on the process or the order of reading.

    Args:
        num_utterances: number of samples.
        speech: "sentences", "digits" or "mixed" (turn by turn).
        sentences: to be spoken in this order, again from the first if they run out; `None` for those
            of :class:`~tokencom.scenarios.datasets.text_synth.TextSynth` with the same seed and split.
        num_digits: shortest and longest digit string.
        voices: names such as "en-us+f2", see :data:`VOICES`.
        rate: slowest and fastest speech, words a minute, 80...450.
        pitch: lowest and highest base pitch, 0...99 on eSpeak's scale, 50 is the voice's own.
        sampling_rate: Hz, 4,000...48,000; eSpeak's 22,050 Hz are resampled to it.
        seed: of everything.
        split: "train", "val" or "test"; drawn independently.

    Raises:
        ImportError: without the package espeakng-loader (an optional extra: eSpeak NG is under GPL-3).
        ValueError: for a parameter outside its range, an unknown voice or an empty sentence.
        RuntimeError: if other code of the process holds the same library, see :func:`speak`.
    """

    name = "speech_synth"

    def __init__(
        self,
        *,
        num_utterances: int = 1000,
        speech: str = "mixed",
        sentences: Sequence[str] | None = None,
        num_digits: tuple[int, int] = (3, 8),
        voices: Sequence[str] = VOICES,
        rate: tuple[int, int] = (140, 190),
        pitch: tuple[int, int] = (35, 65),
        sampling_rate: int = 16000,
        seed: int = 0,
        split: str = "train",
    ) -> None:
        super().__init__()
        self.num_utterances = check_range("num_utterances", num_utterances, 1, 10**8, integer=True)
        self.speech = check_choice("speech", speech, ("sentences", "digits", "mixed"))
        self.seed = check_range("seed", seed, 0, 2**63 - 1, integer=True)
        self.split = check_choice("split", split, SPLITS)
        self.sampling_rate: int = check_range("sampling_rate", sampling_rate, 4000, 48000, integer=True)
        self.num_digits = _check_span("num_digits", num_digits, 1, 100)
        self.rate = _check_span("rate", rate, 80, 450)
        self.pitch = _check_span("pitch", pitch, 0, 99)
        self.voices = _check_voices(voices)
        self.sentences = TextSynth(num_sentences=num_utterances, seed=seed, split=split) if sentences is None else None
        self._given = _check_sentences(sentences)

    def __len__(self) -> int:
        """Return the number of utterances."""
        return self.num_utterances

    def references_of(self, index: int) -> tuple[tuple[str, ...], str]:
        """Return the transcript and the family; nothing is spoken."""
        text, family, _ = self._draw(index)
        return (text,), family

    def cluster_of(self, index: int) -> int:
        """Return the cluster of a sample, its number, without speaking."""
        return index

    def read(self, index: int) -> Sample:
        """Return a spoken sample."""
        text, family, how = self._draw(index)
        return Sample(
            id=f"{self.name}/{self.split}/{self.seed}/{index}",
            cluster=index,
            inputs={"audio": speak(text, sampling_rate=self.sampling_rate, **how)},
            references=(text,),
            family=family,
            extra=how,
        )

    def _draw(self, index: int) -> tuple[str, str, dict[str, Any]]:
        """Return text, family and manner of an utterance."""
        key = (SPLITS.index(self.split), index)
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))
        how = {
            "voice": self.voices[rng.integers(len(self.voices))],
            "rate": int(rng.integers(*self.rate, endpoint=True)),
            "pitch": int(rng.integers(*self.pitch, endpoint=True)),
        }
        if self.speech == "digits" or (self.speech == "mixed" and index % 2):
            count = rng.integers(*self.num_digits, endpoint=True)
            return " ".join(DIGITS[d] for d in rng.integers(10, size=count)), "digits", how
        number = index // 2 if self.speech == "mixed" else index
        if self.sentences is not None:
            return self.sentences.text(number), "sentence", how
        return self._given[number % len(self._given)], "sentence", how


def speak(text: str, *, voice: str, rate: int = 165, pitch: int = 50, sampling_rate: int = 16000) -> np.ndarray:
    """Speak a text.

    The library keeps state from one text to the next. So it is loaded afresh for each (0.3 ms), and
    its random numbers (breath, whisper) start from a fixed seed: the same text gives the same bytes.

    Args:
        text: English.
        voice: see :data:`VOICES`.
        rate: words a minute.
        pitch: 0...99.
        sampling_rate: of the result, Hz.

    Returns:
        [num_samples], numpy.float32, in -1...1.

    Raises:
        ImportError: without the package espeakng-loader.
        RuntimeError: if eSpeak NG fails, or if other code of the process has loaded the same library.
    """
    from scipy.signal import resample_poly

    with _ONE_AT_A_TIME:
        wave, own_rate = _synthesise(text, voice, rate, pitch)
    if own_rate != sampling_rate:
        common = gcd(own_rate, sampling_rate)
        wave = resample_poly(wave, sampling_rate // common, own_rate // common)
    return np.clip(wave, -1, 1).astype(np.float32)


def _synthesise(text: str, voice: str, rate: int, pitch: int) -> tuple[np.ndarray, int]:
    """Return the wave, numpy.float32, and its sampling rate in Hz."""
    pieces: list[np.ndarray] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    def collect(samples: Any, count: int, _: Any) -> int:
        if samples and count > 0:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    library, sampling_rate = _load()
    try:
        library.espeak_SetSynthCallback(collect)
        failed = library.espeak_SetVoiceByName(voice.encode())
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        for parameter, value in ((1, rate), (3, pitch)):  # espeakRATE, espeakPITCH
            failed = failed or library.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        size = ctypes.c_size_t(len(data) + 1)
        # from the first character to the end, UTF-8
        failed = failed or library.espeak_Synth(data, size, 0, 1, 0, 1, None, None)
        library.espeak_Synchronize()
        library.espeak_Terminate()
    finally:
        _unload(library)
    if failed or not pieces:
        raise RuntimeError(f"eSpeak NG can't speak {text!r} with voice {voice!r}: error {failed}")
    return np.concatenate(pieces).astype(np.float32) / np.float32(32768), sampling_rate


@lru_cache(maxsize=1)
def _paths() -> tuple[str, Path]:
    """Return the library and its folder of data."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise ImportError(f"speech_synth needs eSpeak NG: {INSTALL}") from error
    return espeakng_loader.get_library_path(), Path(espeakng_loader.get_data_path())


def _load() -> tuple[ctypes.CDLL, int]:
    """Return the library, ready for synchronous use, and its sampling rate in Hz."""
    path, data = _paths()
    if hasattr(os, "RTLD_NOLOAD"):
        try:
            ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
        except OSError:
            pass
        else:
            raise RuntimeError(f"{path} is in use by other code of this process; speak in a process of its own")
    library = ctypes.CDLL(path)
    sampling_rate = library.espeak_Initialize(2, 0, os.fsencode(data), 0x8000)  # synchronous, never exit
    if sampling_rate <= 0:
        raise RuntimeError(f"eSpeak NG doesn't start with the data in {data}")
    return library, sampling_rate


def _unload(library: ctypes.CDLL) -> None:
    import _ctypes

    close = getattr(_ctypes, "dlclose", None) or _ctypes.FreeLibrary  # type: ignore[attr-defined]
    close(library._handle)


def _check_span(name: str, value: tuple[int, int], low: int, high: int) -> tuple[int, int]:
    first, last = value
    check_range(f"{name}[0]", first, low, high, integer=True)
    return first, check_range(f"{name}[1]", last, first, high, integer=True)


def _check_voices(voices: Sequence[str]) -> tuple[str, ...]:
    data = _paths()[1]
    accents = [p.name.lower() for p in (data / "lang" / "gmw").iterdir() if p.name.lower().startswith("en")]
    variants = [p.name for p in (data / "voices" / "!v").iterdir()]
    if not voices or isinstance(voices, str):
        raise ValueError(f"voices: {voices!r}; at least one name is needed, such as {VOICES[:2]}")
    for voice in voices:
        accent, _, variant = voice.partition("+")
        check_choice("voices: accent", accent, sorted(accents))
        if variant:
            check_choice("voices: variant", variant, sorted(variants))
    return tuple(voices)


def _check_sentences(sentences: Sequence[str] | None) -> tuple[str, ...]:
    if sentences is None:
        return ()
    if isinstance(sentences, str) or not sentences:
        raise ValueError(f"sentences: {sentences!r}; a list of one or more sentences is needed")
    for number, sentence in enumerate(sentences):
        if not any(map(str.isalnum, sentence)):
            raise ValueError(f"sentences: number {number} ({sentence!r}) has nothing to say")
    return tuple(sentences)
