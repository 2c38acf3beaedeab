"""A scenario whose schemes are trained in a moment, and a command that is killed while it trains."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "systems"))

YAML = """\
name: small
seed: 3
task: {type: classification, data: {type: text_synth, num_sentences: 20}}
air: {type: flat, channel: awgn}
schemes:
  - name: base
    type: token
    system: &tiny {type: python, target: "tiny_system:TinySystem"}
    link: {type: analog, scale: none, max_num_tokens: 6}
    train_only: true
    training:
      data: &data {type: text_synth, split: train, num_sentences: 60}
      stages:
        - {name: first, trainable: [system], steps: 6, batch_size: 8, learning_rate: 0.05, losses: {clean: 1}}
        - {name: second, trainable: [system.head], steps: 6, batch_size: 8, losses: {clean: 1}}
  - name: "Joint, dense"
    type: token
    system: *tiny
    link: &dense
      type: jscc
      codec: {type: dense, symbols_per_token: 2, encoder_hidden: 8, decoder_hidden: 8}
      max_num_tokens: 6
    training:
      start: base
      air: [{type: flat, channel: awgn}, {type: flat, channel: rayleigh}]
      data: *data
      stages: [{name: joint, trainable: ["*"], steps: 8, batch_size: 8, losses: {task: 1, mse: 0.1}}]
  - name: analog
    type: token
    system: *tiny
    link: {type: analog, scale: none, max_num_tokens: 6}
    training: {start: base}
sweep: {snr_db: [0, 10]}
stop: {batch_size: 20}
"""


def at_step(number, do):
    """Call ``do`` in the loss of a training step, counted over all trainings of this process."""
    from tokencom.models.systems import LinkTraining

    seen, losses = [], LinkTraining.losses

    def counted(self, *arguments):
        seen.append(None)
        if len(seen) == number:
            do()
        return losses(self, *arguments)

    LinkTraining.losses = counted
    return lambda: setattr(LinkTraining, "losses", losses)


def killed(path, cache, step):
    """Run ``tokencom train`` and be killed in a step."""
    import torch

    from tokencom.scenarios.cli import main

    torch.set_num_threads(1)
    os.environ["TOKENCOM_CACHE"] = cache
    at_step(step, lambda: os.kill(os.getpid(), signal.SIGKILL))
    main(["train", path, "--allow-code", "--quiet"])
