"""Data sets: readers of official formats, and generators that need no download."""

from .base import Dataset, ListDataset, Mapped, Sample, Skipped

__all__ = ["Dataset", "ListDataset", "Mapped", "Sample", "Skipped"]
