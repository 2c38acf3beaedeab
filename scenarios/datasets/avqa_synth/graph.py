"""What happens in a clip: objects, their jumps, and the sounds that some of the jumps make."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

SHAPES = ("circle", "square", "triangle", "cross")
COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 170, 60),
    "blue": (50, 80, 230),
    "yellow": (235, 215, 40),
    "purple": (150, 50, 190),
    "cyan": (50, 210, 220),
    "orange": (240, 130, 30),
    "white": (240, 240, 240),
}
"""Names and RGB values, 0...255."""

DIRECTIONS = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "up": (0.0, -1.0), "down": (0.0, 1.0)}
"""Names and unit vectors (x to the right, y down)."""

SOUNDS = ("tone", "chord", "noise burst")
NUM_LEVELS = 6
"""Pitches of tones, and of the lowest note of chords."""

COUNTS = (2, 3, 4)
"""Numbers of objects, and of sounds; drawn independently."""

JUMPS = (5, 6, 7)
"""Numbers of jumps, with and without sound."""


@dataclass(frozen=True)
class Thing:
    """An object.

    Args:
        colour: key of :data:`COLOURS`; no two objects of a clip share it.
        shape: one of :data:`SHAPES`.
        direction: key of :data:`DIRECTIONS`, in which it drifts all the time; no two share it.
        x: middle of its path, in image widths, from the left.
        y: the same, in image heights, from the top.
    """

    colour: str
    shape: str
    direction: str
    x: float
    y: float

    def __str__(self) -> str:
        """Return what the object is called: "red square"."""
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True)
class Event:
    """A jump.

    Args:
        slot: frame in which it happens; no two events share it.
        thing: number of the object that jumps.
        sound: one of :data:`SOUNDS`, heard as long as the frame is seen; empty for a silent jump.
        level: pitch, 0...5; 0 for a noise burst or silence.
    """

    slot: int
    thing: int
    sound: str
    level: int


@dataclass(frozen=True)
class EventGraph:
    """A clip.

    Args:
        things: the objects.
        events: the jumps, in order of time.
    """

    things: tuple[Thing, ...]
    events: tuple[Event, ...]

    @property
    def sounds(self) -> tuple[Event, ...]:
        """The jumps that are heard, in order of time."""
        return tuple(event for event in self.events if event.sound)

    def jumps(self, thing: int) -> tuple[Event, ...]:
        """Return the jumps of an object, in order of time."""
        return tuple(event for event in self.events if event.thing == thing)

    def as_dict(self) -> dict[str, Any]:
        """Return the same as lists, dicts, strings and numbers."""
        return asdict(self)


def draw_graph(rng: np.random.Generator, num_frames: int) -> EventGraph:
    """Draw a clip.

    The numbers of objects, jumps and sounds are independent of each other, and which jumps are
    heard is independent of everything that is seen: neither modality tells about the other.

    Args:
        rng: the only source of randomness.
        num_frames: 8 or more.
    """
    num_things = int(rng.choice(COUNTS))
    num_jumps = int(rng.choice(JUMPS))
    num_sounds = int(rng.choice(COUNTS))
    colours = rng.permutation(list(COLOURS))[:num_things]
    directions = rng.permutation(list(DIRECTIONS))[:num_things]
    cells = rng.permutation(4)[:num_things]
    jitter = rng.uniform(-0.03, 0.03, (num_things, 2))
    things = tuple(
        Thing(
            colour=str(colours[i]),
            shape=SHAPES[rng.integers(len(SHAPES))],
            direction=str(directions[i]),
            x=float(0.25 + 0.5 * (cells[i] % 2) + jitter[i, 0]),
            y=float(0.27 + 0.48 * (cells[i] // 2) + jitter[i, 1]),
        )
        for i in range(num_things)
    )
    slots = np.sort(rng.permutation(num_frames)[:num_jumps])
    extra = rng.integers(num_things, size=num_jumps - num_things)
    jumpers = rng.permutation(np.concatenate([np.arange(num_things), extra]))
    heard = np.zeros(num_jumps, dtype=bool)
    heard[rng.permutation(num_jumps)[:num_sounds]] = True
    return EventGraph(things, tuple(_event(rng, *jump) for jump in zip(slots, jumpers, heard, strict=True)))


def _event(rng: np.random.Generator, slot: int, thing: int, heard: bool) -> Event:
    if not heard:
        return Event(int(slot), int(thing), "", 0)
    sound = SOUNDS[rng.integers(len(SOUNDS))]
    level = int(rng.integers(NUM_LEVELS)) if sound != "noise burst" else 0
    return Event(int(slot), int(thing), sound, level)
