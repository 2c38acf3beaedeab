# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # TaiChi
#
# A vision-language model is spread over a radio link (arXiv 2603.00482): the transmitter turns a picture into visual
# tokens, the receiver answers questions about it. This notebook walks through the small system that comes with the
# package, from the picture to the answer, looks at its parts, and ends with accuracy against SNR. It takes about a
# minute.
#
# ```
# picture ─┬─► small ─► ViT ──────────► tokens ─┐
#          └─► large ─► convolutions ─► cells ──┴─► bilateral attention ─► KAN projector ─► first layer ─► link
# link ─► other layers of the language model ─► answer;   the question enters at the receiver
# ```

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

from tokencom.linklevel import Draws
from tokencom.scenarios.schema import load_scenario

torch.set_num_threads(1)
scenario = load_scenario("taichi/fig09_multimodal", ["task.data.num_images=20", "sweep.air.channel=[rayleigh]"])
task, link = scenario.build("TaiChi")
system = link.system
print(f"{sum(p.numel() for p in system.parameters()) / 1e6:.2f} million parameters")

# %% [markdown]
# ## 1. A scene and its questions
#
# Scenes and questions are made from a seed, in the manner of CLEVR. The model has met none of these: they belong to
# the test part. Here nothing crosses the air yet.

# %%
samples = [task.data[number] for number in range(10)]
tokens = system.encode(samples)
answers = system.answer(tokens, samples)
figure, axis = plt.subplots(figsize=(2.6, 2.6))
axis.imshow(samples[0].inputs["image"])
axis.set_axis_off()
for sample, answer in zip(samples, answers, strict=True):
    mark = "+" if answer == sample.references[0] else "-"
    print(f"{mark} {sample.inputs['question']} {answer} ({sample.references[0]})")

# %% [markdown]
# ## 2. Two views of a picture
#
# The low-resolution branch sees the picture at half its size and gives 64 tokens that know of each other. The other
# branch sees all pixels and gives four cells of detail for each token. In bilateral attention every token asks its
# own four cells, and every cell asks its token, so the cost grows with the number of cells and not with its square.

# %%
pixels = torch.from_numpy(samples[0].inputs["image"]).permute(2, 0, 1)[None] / 255
with torch.no_grad():
    low, cells = system.low(pixels), system.detail(pixels)
    fused = system.bilateral(low, cells)
    visual = system.projector(fused)
for name, tensor in {"tokens": low, "cells": cells, "fused": fused, "projected": visual}.items():
    print(f"{name:10s}{list(tensor.shape)}")

# %% [markdown]
# ## 3. The KAN projector
#
# Instead of weights, the edges of a KAN layer carry functions: a SiLU and a spline each, learned from data. Four
# edges of the first layer:

# %%
layer = system.projector.layers[0]
x = torch.linspace(-3, 3, 200)
figure, axes = plt.subplots(1, 4, figsize=(9, 2.1), sharey=True)
for place, axis in enumerate(axes):
    inputs = torch.zeros(len(x), layer.in_features)
    inputs[:, place] = x
    with torch.no_grad():
        curve = layer(inputs)[:, 0]
    axis.plot(x, curve - curve[len(x) // 2])
    axis.set(xlabel=f"input {place}")
    axis.grid(alpha=0.3)
figure.tight_layout()

# %% [markdown]
# ## 4. What a question looks at
#
# In training, one head of some layers also learned to look at what the words speak of: a noun, in the receiver's first
# layer, at the objects that it names; the last token, in the last layers, at what each step of the question leaves. Here
# is a question that goes from one object to another; brighter is more attention.

# %%
sample = next(one for one in samples if one.family.endswith("_relate"))
batch = system.collate([sample])
words = system.texts.words(batch["ids"][0].tolist())
with torch.no_grad():
    sent = system.tokens(batch)
    made = system.language.reception(sent.values, sent.mask, batch["ids"], batch["segment"])
    last = len(made.inputs) - 1
    looks = [
        (
            0 if step < 0 else last - step,
            place,
            words[place] if step < 0 else "last step" if not step else f"{step} before it",
        )
        for place, step in zip(batch["referent_place"].tolist(), batch["referent_step"].tolist(), strict=True)
    ]
    maps = [
        system.language.attention(made, layer, torch.tensor([0]), torch.tensor([place]), heads=1).exp()[0, 0]
        for layer, place, _ in looks
    ]
print(sample.inputs["question"], sample.references[0])
figure, axes = plt.subplots(1, 1 + len(looks), figsize=(2.2 * (1 + len(looks)), 2.5))
axes[0].imshow(sample.inputs["image"])
for axis, seen, (layer, _, told) in zip(axes[1:], maps, looks, strict=True):
    axis.imshow(sample.inputs["image"])
    axis.imshow(seen.reshape(8, 8), extent=(-0.5, 63.5, 63.5, -0.5), cmap="magma", alpha=0.75)
    axis.set_title(f"{told} (layer {layer})", fontsize=8)
for axis in axes:
    axis.set_axis_off()
figure.tight_layout()

# %% [markdown]
# ## 5. Over the air
#
# Each token becomes 16 complex symbols; a picture takes 1024 channel uses. The same questions after Rayleigh fading,
# at three SNRs, each with the same fades:

# %%
print(f"channel uses: {int(link(samples[:1], 12.0, Draws(seed=1)).channel_uses.total[0])}")
rows = {snr_db: link(samples, snr_db, Draws(seed=1)).payload for snr_db in (0.0, 6.0, 12.0)}
for number, sample in enumerate(samples):
    said = "  ".join(f"{row[number]:>9s}" for row in rows.values())
    print(f"{said}   {sample.inputs['question']} ({sample.references[0]})")

# %% [markdown]
# ## 6. Accuracy against SNR
#
# 200 questions about 20 scenes. *Clean* is the system without an air interface, *blind* its answers from noise alone,
# and *prior* the most common answer of each kind of question. Questions about one scene stand or fall together, so
# the intervals draw scenes, not questions; with 20 scenes they are wide. What is left wrong is mostly relations: what
# lies left of what, about three of four right.

# %%
batch = task.batch(0, 200, Draws(seed=2))


def right(answers):
    """Return which answers are right, [scenes, questions]."""
    found = [answer == sample.references[0] for answer, sample in zip(answers, batch, strict=True)]
    return np.reshape(found, (20, 10))


def interval(found):
    """Return the middle 95 % of means over scenes that are drawn with replacement."""
    draws = np.random.default_rng(0).integers(20, size=(2000, 20))
    return np.percentile(found.mean(1)[draws].mean(1), [2.5, 97.5])


snrs_db = [-2.0, 2.0, 6.0, 10.0, 14.0, 18.0]
found = [right(link(batch, snr_db, Draws(seed=3)).payload) for snr_db in snrs_db]
means, ends = [one.mean() for one in found], np.array([interval(one) for one in found]).T
lines = {kind: right(task.reference(kind, batch, link, 18.0)).mean() for kind in ("clean", "blind", "prior")}
figure, axis = plt.subplots(figsize=(6.5, 4.2))
axis.errorbar(snrs_db, means, np.abs(ends - means), marker="o", capsize=3, label="TaiChi")
for (kind, value), style in zip(lines.items(), ("--", ":", "-."), strict=True):
    axis.axhline(value, color="k", linestyle=style, label=kind)
axis.set(xlabel="Es/N0 (dB)", ylabel="accuracy", ylim=(0, 1), title="Rayleigh block fading, 1024 channel uses")
axis.grid(alpha=0.3)
axis.legend(loc="lower right", framealpha=0.9)
figure.tight_layout()

# %% [markdown]
# ## 7. From here
#
# * `tokencom run taichi/fig09_multimodal` draws the whole figure, with baselines, both channels and more scenes.
# * `tokencom run taichi/beyond_38901` takes the same weights over TDL and CDL channels with estimated CSI.
# * `tokencom train taichi/fig09_multimodal` makes the weights again, where they are not shipped.
