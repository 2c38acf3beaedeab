"""Makes the weights of ``asr_whisper.yaml``.

```
python -m tokencom.scenarios.tokens.train_asr --out models/weights
```

``asr_whisper``: a dense codec between Whisper's encoder and decoder, both frozen, over Rayleigh block fading,
on the squared error of tokens. The speech is made by eSpeak NG
(``speech_synth``, split train), whose sentences are others than those of the test split.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...linklevel.air import FlatAirInterface
from ...models.systems import LinkTraining, SpeechRecognizer, SystemLink
from ..datasets.speech_synth import SpeechSynth
from ..schema.token_links import JSCC, configuration

if TYPE_CHECKING:
    from ...models.training import Stage

NAME = "asr_whisper"
CODEC = {"type": "dense", "symbols_per_token": 58, "encoder_hidden": 256, "decoder_hidden": 256, "layer_norm": False}
AIR = {"type": "flat", "channel": "rayleigh", "fading": "block", "csi": "perfect"}
NUM_UTTERANCES = 200
NUM_STEPS = 400
LICENCE = (
    "Whisper tiny.en (frozen, not contained): MIT. Trained on speech that eSpeak NG (GPL-3.0) made from generated"
    " sentences; the parameters are free to use."
)


def stages(scale: float = 1.0) -> "list[Stage]":
    """Return the stages of the training; ``scale`` is a factor of the number of steps, for trials."""
    from ...models.training import Stage

    return [
        Stage(
            name="tokens", trainable=("link.codec",), steps=int(NUM_STEPS * scale), batch_size=12, learning_rate=2e-3,
            weight_decay=0.0, warmup_steps=20, snr_db=(-2.0, 20.0), losses={"mse": 1.0},
        )
    ]  # fmt: skip


def make(out: Path, work: Path, seed: int, command: str, scale: float = 1.0) -> Path:
    """Train the codec and write its weights and card; return the weights' path."""
    from safetensors.torch import save_file

    from ...models.training import train

    system = SpeechRecognizer(context=1.0)
    config = JSCC(codec={**CODEC, "seed": seed}, max_num_tokens=1500)
    link = config.build(air=FlatAirInterface(channel="rayleigh", fading="block", csi="perfect"), dim=system.dim)
    data = {"type": "speech_synth", "split": "train", "num_utterances": NUM_UTTERANCES, "seed": seed}
    model = SystemLink(system, link)
    training = LinkTraining(model, SpeechSynth(num_utterances=NUM_UTTERANCES, seed=seed), seed=seed)
    parts = {"system": system.configuration(), "link": configuration(config), "air": AIR}
    trained = train(
        training, stages(scale), seed=seed, system=parts, data=data, folder=work / NAME, device="cpu",
        command=command, licence=LICENCE, tensorboard=False,
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{NAME}.safetensors"
    save_file({key: tensor.contiguous() for key, tensor in model.state_dict().items()}, str(path))
    path.with_suffix(".json").write_text(json.dumps({"name": NAME, **trained.card}, indent=1) + "\n", encoding="utf-8")
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what the scenario needs."""
    parser = argparse.ArgumentParser(description="Train the weights of asr_whisper.yaml (minutes on one core).")
    parser.add_argument("--out", type=Path, default=Path("weights"), help="folder for weights and card")
    parser.add_argument("--work", type=Path, default=Path("asr_training"), help="folder for logs and checkpoints")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    command = f"python -m tokencom.scenarios.tokens.train_asr --seed {args.seed}"
    print(make(args.out, args.work, args.seed, command), flush=True)


if __name__ == "__main__":
    main()
