"""Sounds like speech, made from harmonics."""

import numpy as np


def sound(seconds: float, sampling_rate: int = 16_000, seed: int = 0) -> np.ndarray:
    """Harmonics of a gliding pitch with three formants and syllables, and a little noise: [num_samples]."""
    time = np.arange(round(seconds * sampling_rate)) / sampling_rate
    phase = 2 * np.pi * np.cumsum(110 + 20 * np.sin(2 * np.pi * 1.3 * time)) / sampling_rate
    wave = np.zeros(len(time))
    for number in range(1, 30):
        level = sum(np.exp(-(((110 * number - place) / 150) ** 2)) for place in (600, 1200, 2400))
        wave += level * np.sin(number * phase) * (110 * number < sampling_rate / 2)
    wave *= 0.5 + 0.5 * np.sin(2 * np.pi * 3 * time)
    noise = np.random.default_rng(seed).normal(size=len(time))
    return (0.15 * wave + 0.002 * noise).astype(np.float32).clip(-1, 1)
