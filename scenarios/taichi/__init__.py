"""Scenarios of TaiChi: one for each figure and table of arXiv 2603.00482, and some beyond."""
