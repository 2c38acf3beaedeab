"""Trains in a process of its own, for tests that kill or interrupt it."""

import sys
import time

import torch
from codec_system import CodecSystem, arguments, stages

from tokencom.models.training import TrainingInterrupted, train

PRELOAD = ["torch", "sionna.phy", "accelerate", "peft", "tokencom.models.training.session"]


def run(folder, seconds, connection):
    """Train; send the number of every step, wait ``seconds`` after it, and end by sending a message if interrupted."""
    torch.set_num_threads(1)

    def show(progress):
        connection.send(progress.total_step)
        time.sleep(seconds)

    try:
        train(CodecSystem(), stages(), folder=folder, checkpoint_every=1, progress=show, **arguments())
    except TrainingInterrupted as error:
        connection.send(str(error))
        sys.exit(error.exit_code)
