"""Frames and sound of video files, through PyAV."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .media import one_channel
from .stores import Store, UnreadableError

_SLACK_S = 0.5
"""How much earlier than its stated end a video may stop."""


@contextmanager
def _opened(store: Store, name: str) -> Iterator[Any]:
    try:
        import av
    except ImportError as error:
        raise ImportError(f"{store.where(name)}: video needs PyAV: pip install av") from error

    data = store.read(name)
    try:
        with av.open(io.BytesIO(data)) as container:
            yield container
    except (av.FFmpegError, EOFError) as error:
        raise UnreadableError(store.where(name), f"no readable video ({error})") from error


def read_frames(store: Store, name: str, num_frames: int) -> np.ndarray:
    """Return frames at the middles of ``num_frames`` equal parts of a video.

    Args:
        store: where it is.
        name: its name there.
        num_frames: how many.

    Returns:
        [num_frames, height, width, 3], numpy.uint8.

    Raises:
        UnreadableError: naming it, if it is missing or no video, or stops half a second or more before
            the last wanted frame.
        ImportError: if PyAV is not installed.
    """
    with _opened(store, name) as container:
        if not container.streams.video:
            raise UnreadableError(store.where(name), "no video track")
        stream = container.streams.video[0]
        duration = _duration(container, stream)
        if duration is None:
            raise UnreadableError(store.where(name), "no stated duration")
        wanted = (np.arange(num_frames) + 0.5) / num_frames * duration
        frames: list[np.ndarray] = []
        start, last, last_time = None, None, 0.0
        for frame in container.decode(stream):
            start = frame.time if start is None else start
            last, last_time = frame, frame.time - start
            while len(frames) < num_frames and last_time >= wanted[len(frames)]:
                frames.append(frame.to_ndarray(format="rgb24"))
            if len(frames) == num_frames:
                return np.stack(frames)
    if last is None or last_time + _SLACK_S < wanted[-1]:
        raise UnreadableError(store.where(name), f"video stops at {last_time:.1f} s of {duration:.1f} s")
    rest = [last.to_ndarray(format="rgb24")] * (num_frames - len(frames))
    return np.stack(frames + rest)


def _duration(container: Any, stream: Any) -> float | None:
    """Return the length of a video track in seconds, as the file states it."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / 1e6


def read_sound(store: Store, name: str, sampling_rate: int | None) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the sound of a video file, as `media.read_audio` does.

    Raises:
        UnreadableError: naming it, if it is missing, damaged or has no audio track.
        ImportError: if PyAV is not installed.
    """
    with _opened(store, name) as container:
        from av import AudioResampler

        if not container.streams.audio:
            raise UnreadableError(store.where(name), "no audio track")
        stream = container.streams.audio[0]
        convert = AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
        parts = [part.to_ndarray() for frame in container.decode(stream) for part in convert.resample(frame)]
        rate = stream.rate
    samples = np.concatenate(parts, axis=1).T if parts else np.zeros((0, 1), np.float32)
    return one_channel(samples, rate, sampling_rate, store.where(name))
