"""Scenarios of tokens over links, and the programs that train their shipped weights."""
