"""Short clips of jumping shapes and sounds, with questions that need to be heard, seen, or both."""

from .dataset import AvqaSynth
from .graph import Event, EventGraph, Thing, draw_graph
from .oracles import UnimodalOracle
from .questions import FAMILIES, Question, ask

__all__ = [
    "FAMILIES",
    "AvqaSynth",
    "Event",
    "EventGraph",
    "Question",
    "Thing",
    "UnimodalOracle",
    "ask",
    "draw_graph",
]
