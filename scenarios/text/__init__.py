"""Scenarios that send text."""
