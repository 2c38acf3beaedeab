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
# # Task-oriented tokens from several devices
#
# A camera, a microphone and a keyboard send tokens to one server, whose language model answers a question about what
# was seen and heard (arXiv 2505.07841). This notebook walks through the small system that comes with the package: a
# clip, what Slide takes of it, three links with fades of their own, and what happens when devices send at once or one
# of them is silent. It takes about a minute.
#
# ```
# video ─► ViViT ─► Slide ─► F_V ─► link ─► G_V ─┐
# audio ─► AST ───► Slide ─► F_A ─► link ─► G_A ─┼─► language model ─► answer
# question ─► embedding ──────────► link ─► G_T ─┘
# ```

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

from tokencom.linklevel import Draws
from tokencom.scenarios.schema import load_scenario

torch.set_num_threads(1)
scenario = load_scenario("tokcom_mlm/fig3_snr", ["task.data.num_clips=30"])
task, link = scenario.build("aligned")
system = link.system
print(f"{sum(p.numel() for p in system.parameters()) / 1e6:.2f} million parameters")

# %% [markdown]
# ## 1. A clip and its questions
#
# Shapes jump at moments that a tone, a chord or a burst of noise may go with. Some questions need eyes, some ears, and
# some both. The clip belongs to the test part. Here tokens pass the links without fading and noise.

# %%
samples = [task.data[number] for number in range(6)]
video, audio = samples[0].inputs["video"], samples[0].inputs["audio"]
figure, axes = plt.subplots(2, 8, figsize=(9, 2.6), gridspec_kw={"height_ratios": [3, 1]})
for axis, frame in zip(axes[0], video, strict=True):
    axis.imshow(frame)
    axis.set_axis_off()
for axis, part in zip(axes[1], np.array_split(audio, 8), strict=True):
    axis.plot(part, linewidth=0.4)
    axis.set(ylim=(-1, 1), xticks=[], yticks=[])
answers = task.reference("clean", samples, link, 18.0)
for sample, answer in zip(samples, answers, strict=True):
    mark = "+" if answer == sample.references[0] else "-"
    print(f"{mark} {sample.inputs['question']} {answer} ({sample.references[0]})")

# %% [markdown]
# ## 2. Slide: which tokens are sent
#
# The encoders give 129 tokens of video and 130 of audio. Slide takes 32 of each, evenly (eq 3).

# %%
for name in ("video", "audio"):
    device = system.devices[name]
    inputs = device.collate(samples[:1])
    print(f"{name}: {list(inputs[f'{name}_features'].shape)} after Slide, {list(device.send(inputs).shape)} are sent")

# %% [markdown]
# ## 3. Three links, three fades
#
# Each device has a codec and a fade of its own; its tokens fit 8 channel uses each. The question's length is sent with
# it, 32 uses more. Devices take turns, so an item's airtime is the sum.

# %%
reception = link(samples, 12.0, Draws(seed=1))
uses = reception.channel_uses
print("channel uses:", uses.total.tolist())
print("of these side information:", uses.side_information.tolist())
rows = {snr_db: link(samples, snr_db, Draws(seed=1)).payload for snr_db in (0.0, 6.0, 12.0)}
for number, sample in enumerate(samples):
    said = "  ".join(f"{row[number]:>9s}" for row in rows.values())
    print(f"{said}   {sample.inputs['question']} ({sample.references[0]})")

# %% [markdown]
# ## 4. A silent device
#
# What a device does not send, the server masks. Without sound, questions about sounds become guesses; without video,
# those about shapes.

# %%
batch = task.batch(0, 180, Draws(seed=2))


def accuracy(name, snr_db):
    """Return the share of right answers of a scheme."""
    _, other = scenario.build(name)
    answers = other(batch, snr_db, Draws(seed=3)).payload
    return float(np.mean([answer == sample.references[0] for answer, sample in zip(answers, batch, strict=True)]))


for name in ("aligned", "aligned, without audio", "aligned, without video"):
    print(f"{name:25s}{accuracy(name, 18.0):.2f}")

# %% [markdown]
# ## 5. Accuracy against SNR
#
# Aligned: stage 1 has taught the devices what a description of the clip says, before stage 2 trained for answers.
# Unaligned: stage 2 alone. 180 questions about 30 clips are few; the scenario has more, and intervals. Noise alone loses
# the question as well, so it answers worse than the most common answer of each kind.

# %%
snrs_db = [0.0, 6.0, 12.0, 18.0]
figure, axis = plt.subplots(figsize=(6.5, 4.2))
for name in ("aligned", "unaligned"):
    axis.plot(snrs_db, [accuracy(name, snr_db) for snr_db in snrs_db], marker="o", label=name)
for kind, style, label in (("blind", ":", "noise only"), ("prior", "-.", "prior")):
    found = task.reference(kind, batch, link, 18.0)
    value = np.mean([answer == sample.references[0] for answer, sample in zip(found, batch, strict=True)])
    axis.axhline(float(value), color="k", linestyle=style, label=label)
axis.set(xlabel="Es/N0 (dB)", ylabel="accuracy", ylim=(0, 1), title="Rayleigh block fading, a fade for each device")
axis.grid(alpha=0.3)
axis.legend(loc="lower right", framealpha=0.9)
figure.tight_layout()

# %% [markdown]
# ## 6. All at once
#
# Three devices in the same resource elements, told apart by the base station's antennas: a third of the airtime of
# taking turns. The joint LMMSE detector and the same weights; nothing is trained again.

# %%
users = load_scenario("tokcom_mlm/users", ["task.data.num_clips=30"])
for name in ("three devices in turn, 8 antennas", "three devices at once, 8 antennas"):
    _, other = users.build(name)
    reception = other(batch, 6.0, Draws(seed=4))
    right = np.mean([a == s.references[0] for a, s in zip(reception.payload, batch, strict=True)])
    airtime = float(reception.channel_uses.airtime.float().mean())
    print(f"{name:38s} accuracy {right:.2f}, airtime {airtime:.0f} channel uses a question")

# %% [markdown]
# ## 7. From here
#
# * `tokencom run tokcom_mlm/fig3_snr` draws accuracy against SNR with intervals and reference lines.
# * `tokencom run tokcom_mlm/users` compares turns and uplink MIMO, `tokcom_mlm/asymmetric` has a weak device.
# * `tokencom train tokcom_mlm/fig3_snr` makes the weights again, where they are not shipped.
