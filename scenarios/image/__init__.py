"""Scenarios that send images."""
