"""The sound of a clip: tones, chords and noise bursts, each as long as the frame of its jump."""

import numpy as np

from .graph import EventGraph

LOWEST = 220.0
"""Pitch of level 0, Hz; each level is four semitones (a major third) higher."""

CHORD = (1.0, 5 / 4, 3 / 2)
"""A major triad, as multiples of its lowest note."""

FADE = 0.01
"""Of every sound at its start and end, seconds."""

FLOOR = 0.002
"""Standard deviation of the noise behind everything."""


def pitch(level: int) -> float:
    """Return the frequency of a level, Hz.

    Example:
        >>> pitch(0), pitch(3)
        (220.0, 440.0)
    """
    return LOWEST * 2.0 ** (level / 3)


def make_waveform(
    rng: np.random.Generator, graph: EventGraph, *, num_frames: int, duration: float, sampling_rate: int
) -> np.ndarray:
    """Make the sound of a clip.

    Args:
        rng: of noise, phases and loudness.
        graph: what is heard.
        num_frames: slots into which the clip is divided.
        duration: of the clip, seconds.
        sampling_rate: Hz.

    Returns:
        [round(duration * sampling_rate)], numpy.float32, in -1...1.
    """
    num_samples = round(duration * sampling_rate)
    wave = rng.standard_normal(num_samples, dtype=np.float32) * np.float32(FLOOR)
    length = int(0.8 * num_samples / num_frames)
    time = np.arange(length) / sampling_rate
    edge = np.minimum(time, time[::-1])
    envelope = 0.5 - 0.5 * np.cos(np.pi * np.clip(edge / FADE, 0, 1))
    for event in graph.sounds:
        start = round(event.slot * num_samples / num_frames)
        loudness = rng.uniform(0.7, 1.0)
        wave[start : start + length] += loudness * envelope * _sound(rng, event.sound, event.level, time)
    return np.clip(wave, -1, 1)


def _sound(rng: np.random.Generator, kind: str, level: int, time: np.ndarray) -> np.ndarray:
    if kind == "noise burst":
        return 0.2 * rng.standard_normal(len(time))
    notes = np.array(CHORD if kind == "chord" else (1.0,)) * pitch(level)
    phases = rng.uniform(0, 2 * np.pi, len(notes))
    waves = np.sin(2 * np.pi * notes[:, None] * time + phases[:, None])
    return 0.3 * waves.sum(axis=0) / np.sqrt(len(notes))
