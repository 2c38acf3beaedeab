"""Scenarios of UniToCom: the figures of arXiv 2507.01728, and one model for three tasks."""
