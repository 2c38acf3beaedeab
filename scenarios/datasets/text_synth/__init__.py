"""Sentences with an opinion, made by a grammar in which counting words doesn't help much."""

from .dataset import LABELS, TextSynth
from .grammar import FORMS, write_sentence

__all__ = ["FORMS", "LABELS", "TextSynth", "write_sentence"]
