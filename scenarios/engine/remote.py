"""What an executor is asked to call; the coordinator itself never imports torch."""

from .messages import Chunk, Reply


def run_chunk(chunk: Chunk) -> Reply:
    """Run a chunk in this process; see :func:`tokencom.scenarios.engine.worker.run_chunk`."""
    from . import worker

    return worker.run_chunk(chunk)
