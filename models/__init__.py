"""Tokens: what is built between a PyTorch model and a link of :mod:`tokencom.linklevel`."""
