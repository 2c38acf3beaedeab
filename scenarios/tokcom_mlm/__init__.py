"""Scenarios of task-oriented token communication: the figures of arXiv 2505.07841, several users, unequal devices."""
