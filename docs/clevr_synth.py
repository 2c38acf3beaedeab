"""Draws ``clevr_synth.png``: 16 scenes of `ClevrSynth`, each with a question and its answer.

Run it as ``python docs/clevr_synth.py``.
"""

import textwrap
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

from tokencom.scenarios.datasets.clevr_synth import ClevrSynth


def main() -> None:
    """Write the picture next to this file."""
    data = ClevrSynth(num_images=16, questions_per_image=16, size=192, seed=4)
    figure, axes = plt.subplots(4, 4, figsize=(11, 13.2), layout="constrained")
    for image, axis in enumerate(axes.flat):
        sample = data[image * 16 + image]
        axis.imshow(sample.inputs["image"])
        axis.set_axis_off()
        question = textwrap.fill(sample.inputs["question"], 38)
        axis.set_title(f"{question}\n{sample.references[0]}", fontsize=9, loc="left", va="bottom")
    figure.suptitle("clevr_synth: scenes, questions and answers", fontsize=12)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=75, metadata={"Software": None})


if __name__ == "__main__":
    main()
