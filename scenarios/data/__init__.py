"""Texts that ship with the tasks; sources and terms are in README.md."""
