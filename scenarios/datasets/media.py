"""Images, audio and video: from bytes to arrays, or an error that names the file."""

import io
import math
import wave
from typing import Any

import numpy as np

from .stores import Store, UnreadableError

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
AUDIO = (".wav", ".flac", ".ogg", ".opus", ".mp3")
VIDEO = (".mp4", ".mkv", ".webm", ".avi", ".mov")


def read_image(store: Store, name: str) -> np.ndarray:
    """Return an image, turned upright as its EXIF says.

    Returns:
        [height, width, 3], numpy.uint8.

    Raises:
        UnreadableError: naming it, if it is missing, truncated or no image.
    """
    return image_of(store.read(name), store.where(name))


def image_of(data: bytes, where: str) -> np.ndarray:
    """Return the image in some bytes, [height, width, 3], numpy.uint8.

    Raises:
        UnreadableError: naming ``where`` they are from.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data)) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise UnreadableError(where, f"no readable image ({error})") from error
    return np.asarray(image, dtype=np.uint8)


def read_audio(store: Store, name: str, sampling_rate: int | None) -> tuple[np.ndarray, dict[str, Any]]:
    """Return a recording as one channel.

    Channels are averaged. Another rate is resampled with a polyphase filter
    (`scipy.signal.resample_poly`, Kaiser window).

    Args:
        store: where it is.
        name: its name there.
        sampling_rate: wanted, Hz; `None` keeps the file's.

    Returns:
        [num_samples], numpy.float32 in -1...1, and what was changed: ``resampled_from`` (Hz) and
        ``channels``, each only if so.

    Raises:
        UnreadableError: naming it, if it is missing, truncated or no recording.
        ImportError: if its format needs a package that is not installed.
    """
    where = store.where(name)
    return one_channel(*sound_of(store.read(name), where), sampling_rate, where)


def sound_of(data: bytes, where: str) -> tuple[np.ndarray, int]:
    """Return the samples in the bytes of an audio file, [num_samples, channels], and their rate in Hz.

    PCM WAV is read by the standard library, all else by soundfile.

    Raises:
        UnreadableError: naming ``where`` they are from.
        ImportError: if soundfile is needed and not installed.
    """
    samples = _wave(data, where) if data[:4] == b"RIFF" or where.lower().endswith(".wav") else None
    return _soundfile(data, where) if samples is None else samples


def one_channel(samples: np.ndarray, rate: int, wanted: int | None, where: str) -> tuple[np.ndarray, dict[str, Any]]:
    """Average channels and resample: [num_samples, channels] to what `read_audio` returns.

    Raises:
        UnreadableError: if there is no sample.
    """
    from scipy.signal import resample_poly

    changed: dict[str, Any] = {}
    if not len(samples):
        raise UnreadableError(where, "no audio samples")
    mono = samples[:, 0]
    if samples.shape[1] > 1:
        changed["channels"] = samples.shape[1]
        mono = samples.mean(axis=1)
    if wanted is not None and rate != wanted:
        changed["resampled_from"] = rate
        shared = math.gcd(rate, wanted)
        mono = resample_poly(mono, wanted // shared, rate // shared)
    return np.clip(mono, -1.0, 1.0).astype(np.float32), changed


def _wave(data: bytes, where: str) -> tuple[np.ndarray, int] | None:
    """Return the samples of a PCM WAV file; `None` for a kind that the standard library cannot read."""
    try:
        with wave.open(io.BytesIO(data)) as opened:
            width, channels, count = opened.getsampwidth(), opened.getnchannels(), opened.getnframes()
            rate, frames = opened.getframerate(), opened.readframes(count)
    except wave.Error as error:
        if "unknown format" in str(error):
            return None
        raise UnreadableError(where, f"no readable WAV file ({error})") from error
    except EOFError as error:
        raise UnreadableError(where, "no readable WAV file (it breaks off in its header)") from error
    if len(frames) != count * width * channels:
        raise UnreadableError(where, f"truncated: {len(frames) // (width * channels)} of {count} samples")
    if width not in {1, 2, 4}:
        return None
    if width == 1:
        values = (np.frombuffer(frames, np.uint8).astype(np.float32) - 128) / 128
    else:
        values = np.frombuffer(frames, f"<i{width}").astype(np.float32) / 2.0 ** (8 * width - 1)
    return values.reshape(-1, channels), rate


def _soundfile(data: bytes, where: str) -> tuple[np.ndarray, int]:
    try:
        import soundfile
    except ImportError as error:
        raise ImportError(f"{where}: this audio format needs soundfile: pip install soundfile") from error

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as opened:
            count, rate = opened.frames, opened.samplerate
            samples = opened.read(dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise UnreadableError(where, f"no readable recording ({error})") from error
    if len(samples) != count:
        raise UnreadableError(where, f"truncated: {len(samples)} of {count} samples")
    return samples, rate
