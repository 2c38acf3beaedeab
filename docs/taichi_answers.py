"""Writes ``taichi_answers.md`` and ``taichi_answers.png``: 20 questions, and TaiChi's answers over Rayleigh fading.

Run it as ``python docs/taichi_answers.py``.
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

from tokencom.linklevel import Draws
from tokencom.scenarios.schema import load_scenario

SNRS_DB = (0.0, 6.0, 12.0)
SCENES, QUESTIONS = 5, 4
HEAD = """# Twenty answers of TaiChi

The shipped `tiny` system of `taichi/fig09_multimodal` on the first five scenes of the test part, four questions each:
without an air interface (clean), and over Rayleigh block fading, each question with one fade that is the same at all
SNRs. Wrong answers are in bold. Twenty answers show what it says, not how good it is; for that run the scenario.
Written by `docs/taichi_answers.py`.

![Five scenes](taichi_answers.png)
"""


def main() -> None:
    """Write both next to this file."""
    scenario = load_scenario("taichi/fig09_multimodal", ["sweep.air.channel=[rayleigh]"])
    task, link = scenario.build("TaiChi")
    each = scenario.task.data.questions_per_image
    samples = [task.data[scene * each + number] for scene in range(SCENES) for number in range(QUESTIONS)]
    columns = [task.reference("clean", samples, link, 0.0)]
    columns += [link(samples, snr_db, Draws(seed=1)).payload for snr_db in SNRS_DB]
    names = ["clean", *(f"{snr_db:.0f} dB" for snr_db in SNRS_DB)]
    lines = [HEAD, "| scene | question | answer | " + " | ".join(names) + " |", "|" + "---|" * (3 + len(names))]
    for number, sample in enumerate(samples):
        said = [column[number] for column in columns]
        marked = [answer if answer == sample.references[0] else f"**{answer}**" for answer in said]
        cells = [str(number // QUESTIONS + 1), sample.inputs["question"], sample.references[0], *marked]
        lines.append("| " + " | ".join(cells) + " |")
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    figure, axes = plt.subplots(1, SCENES, figsize=(10, 2.3), layout="constrained")
    for scene, axis in enumerate(axes):
        axis.imshow(samples[scene * QUESTIONS].inputs["image"])
        axis.set_axis_off()
        axis.set_title(f"scene {scene + 1}", fontsize=9)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=75, metadata={"Software": None})


if __name__ == "__main__":
    main()
