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
# # UniToCom
#
# One causal model at the receiver understands and generates from tokens that crossed the air (arXiv 2507.01728): it
# answers questions about a picture, writes down what was said, and draws what a caption asks for. This notebook walks
# through the small system that comes with the package: its tokenizers, what noise does to them, and the three tasks.
# It takes about a minute.
#
# ```
# image ───► σ-GenIB ─► 16 tokens ─┐                              ┌─► language head ──► answer, transcript
# audio ───► σ-GenIB ─► 32 tokens ─┼─► codec ─► air ─► causal model ┤
# caption ─► embeddings of words ──┘                              └─► diffusion head ─► 16 tokens ─► picture
# ```

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Audio, display

from tokencom.linklevel import Draws
from tokencom.models.unitocom.tokenizers.diagnostics import diagnose
from tokencom.scenarios.schema import load_scenario

torch.set_num_threads(1)
scenario = load_scenario("unitocom/unified", ["task.data.num_images=20", "schemes.speech.task.data.num_utterances=20"])
tasks = {name: scenario.build(name) for name in ("questions", "speech")}
system = tasks["questions"][1].system
print(f"{sum(p.numel() for p in system.parameters()) / 1e6:.2f} million parameters")

# %% [markdown]
# ## 1. Tokens of a picture
#
# The tokenizer turns 64 x 64 pixels into 16 tokens of 16 reals, and back. In training the tokens are noisy: t = μ + σ ε
# with a σ that is drawn for each picture, so no dimension can collapse to noise of its own choice, and neighbouring
# tokens mean similar pictures.

# %%
questions, link = tasks["questions"]
pictures = [questions.data[10 * number].inputs["image"] for number in range(6)]
tokenizer = system.senders["image"].tokenizer
inputs = tokenizer.collate(pictures)
with torch.no_grad():
    posterior = tokenizer.posterior(inputs)
    means = tokenizer.contents(tokenizer.decode(posterior.mean))
    noisy = tokenizer.sample(posterior, torch.Generator().manual_seed(1))
    samples = tokenizer.contents(tokenizer.decode(noisy))
figure, axes = plt.subplots(3, 6, figsize=(8, 4.2))
for row, (name, images) in zip(axes, {"pictures": pictures, "from μ": means, "from t": samples}.items(), strict=True):
    row[0].set_ylabel(name)
    for axis, image in zip(row, images, strict=True):
        axis.imshow(image)
        axis.set(xticks=[], yticks=[])
figure.tight_layout()

# %% [markdown]
# How many of the 256 reals say something about the picture, and how the noise compares:

# %%
found = diagnose(tokenizer, tokenizer.collate([questions.data[10 * number].inputs["image"] for number in range(20)]))
print(f"active units: {found.active_units} of {found.num_units}")
print(f"variance of means {float(found.signal.mean()):.2f}, of the noise {float(found.noise.mean()):.2f}")

# %% [markdown]
# ## 2. Tokens of speech
#
# 3.2 s of sound are 32 tokens of a log-mel spectrogram. Griffin and Lim's algorithm turns the spectrogram into sound
# again; the phase is its guess.

# %%
speech, _ = tasks["speech"]
wave = speech.data[0].inputs["audio"]
hearing = system.senders["audio"].tokenizer
with torch.no_grad():
    spectrogram = hearing.collate([wave])
    rebuilt = hearing.decode(hearing.encode(spectrogram))
figure, axes = plt.subplots(1, 2, figsize=(8, 2.4), sharey=True)
for axis, (name, values) in zip(axes, {"spoken": spectrogram, "from tokens": rebuilt}.items(), strict=True):
    axis.imshow(values[0].squeeze().T, origin="lower", aspect="auto")
    axis.set(title=name, xlabel="frame")
axes[0].set_ylabel("mel band")
figure.tight_layout()
print(speech.data[0].references[0])
display(Audio(hearing.contents(rebuilt)[0], rate=hearing.config.sampling_rate))

# %% [markdown]
# ## 3. Questions and digits over the air
#
# Each token becomes 16 complex symbols. The same fades at three SNRs. The small model of three tasks hears digits well;
# of pictures it knows little more than the most common answers, which 1800 steps did not change.


# %%
def answers(task, own):
    """Print what is answered at three SNRs, the question and what is right."""
    batch = [task.data[number] for number in range(6)]
    print(f"{int(own(batch[:1], 12.0, Draws(seed=1)).channel_uses.total[0])} channel uses for the first")
    rows = {snr_db: own(batch, snr_db, Draws(seed=1)).payload for snr_db in (0.0, 6.0, 18.0)}
    for number, sample in enumerate(batch):
        said = " | ".join(f"{row[number]:>24s}" for row in rows.values())
        print(f"{said} | {sample.inputs.get('question', '')} ({sample.references[0]})")


for task, own in tasks.values():
    answers(task, own)

# %% [markdown]
# One that was trained for questions alone, in more tokens and more steps, knows more. Its training was also told what
# lies in the patch of each token, and which objects each phrase of a question speaks of (`scenes: true`).

# %%
answers(*load_scenario("unitocom/fig2a_vqa", ["task.data.num_images=2"]).build("UniToCom"))

# %% [markdown]
# ## 4. Pictures from captions
#
# The caption's words cross; the receiver draws 16 tokens one after the other, each by 20 steps of denoising, and the
# tokenizer's decoder makes a picture of them. The small model has seen few captions: it draws scenes with about as
# many objects as are asked for, but their colours and shapes are hardly those of the caption.

# %%
small = ["schemes.pictures.task.data.captions.num_images=66"]
reference = "schemes.pictures.task.reference={type: prompts, captions: {type: clevr_captions, split: train, num_images: 70}}"
drawing, painter = load_scenario("unitocom/unified", [*small, reference]).build("pictures")
captions = [drawing.data[number] for number in range(4)]
columns = {"real": [caption.extra["picture"] for caption in captions]}
columns |= {f"{snr_db:.0f} dB": painter(captions, snr_db, Draws(seed=2)).payload for snr_db in (18.0, 0.0)}
figure, axes = plt.subplots(3, 4, figsize=(6, 4.6))
for row, (name, images) in zip(axes, columns.items(), strict=True):
    row[0].set_ylabel(name)
    for axis, image in zip(row, images, strict=True):
        axis.imshow(image)
        axis.set(xticks=[], yticks=[])
figure.tight_layout()
for caption in captions:
    print(caption.inputs["text"])

# %% [markdown]
# ## 5. Word error rate against SNR
#
# 60 strings of two to five digits. The dotted line is what the receiver writes when it hears noise only.

# %%
more = load_scenario("unitocom/unified", ["schemes.speech.task.data.num_utterances=60"])
task, own = more.build("speech")
batch = task.batch(0, 60, Draws(seed=2))


def errors(answers):
    """Return the share of words that are wrong."""
    columns = task.judge.columns(batch, answers)
    return float(columns["word_errors"].sum() / columns["num_words"].sum())


snrs_db = [-6.0, 0.0, 6.0, 12.0, 18.0]
figure, axis = plt.subplots(figsize=(6.5, 4.2))
axis.plot(snrs_db, [errors(own(batch, snr_db, Draws(seed=3)).payload) for snr_db in snrs_db], "o-", label="UniToCom")
for kind, style in (("clean", "--"), ("blind", ":")):
    axis.axhline(errors(task.reference(kind, batch, own, 18.0)), color="k", linestyle=style, label=kind)
axis.set(xlabel="Es/N0 (dB)", ylabel="word error rate", title="Rayleigh block fading, 544 channel uses")
axis.grid(alpha=0.3)
axis.legend(framealpha=0.9)
figure.tight_layout()

# %% [markdown]
# ## 6. From here
#
# * `tokencom run unitocom/unified` draws all three tasks, with intervals and reference lines.
# * `tokencom run unitocom/fig2a_vqa` puts questions beside MU-DeepSC and JPEG with LDPC and 16-QAM,
#   `tokencom run unitocom/fig2c_asr` speech beside DeepSC-ST and Opus.
# * `tokencom run unitocom/adaptive` puts one codec for all SNRs beside those that were trained for one.
# * `tokencom train unitocom/unified` makes the weights again, where they are not shipped.
