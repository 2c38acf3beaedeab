"""A system of a few thousand parameters, and samples of its three tasks."""

from dataclasses import replace

import numpy as np

from tokencom.models.unitocom.presets import preset
from tokencom.models.unitocom.system import UniToCom
from tokencom.scenarios.datasets.base import Sample

QUESTIONS = (("How many cubes are there?", "3"), ("Is there a red ball?", "yes"), ("What color is the cube?", "blue"))
CAPTIONS = ("A large red cube and a tiny blue ball on a gray plane.", "Two green spheres.", "A yellow thing.")
DIGITS = ("one two three", "nine zero", "four four four four")


def small(**changes):
    """Return a configuration; arguments as for the preset."""
    config = preset("tiny", **{"diffusion_hidden": 32, "num_steps": 3, "max_new_tokens": 5, **changes})
    sizes = {"hidden": 16, "num_layers": 1, "num_heads": 2}
    tokenizers = tuple(replace(one, **sizes) for one in config.tokenizers)
    shape = {**config.language.config, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    return replace(config, tokenizers=tokenizers, language=replace(config.language, config=shape))


def built(**changes):
    """Return a system in evaluation mode."""
    return UniToCom(small(**changes)).eval()


def pictures(count=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 64, 64, 3)).astype(np.uint8)


def questions(count=6, per_image=3):
    images = pictures(-(-count // per_image))
    return [
        Sample(
            id=f"q{number}", cluster=number // per_image,
            inputs={"image": images[number // per_image], "question": QUESTIONS[number % 3][0]},
            references=(QUESTIONS[number % 3][1],),
        )
        for number in range(count)
    ]  # fmt: skip


def spoken(lengths=(8000, 20_000)):
    rng = np.random.default_rng(1)
    waves = [rng.uniform(-0.5, 0.5, length).astype(np.float32) for length in lengths]
    return [
        Sample(id=f"a{number}", cluster=number, inputs={"audio": wave}, references=(DIGITS[number % 3],))
        for number, wave in enumerate(waves)
    ]


def captions(count=3):
    images = pictures(count, seed=2)
    return [
        Sample(id=f"c{number}", cluster=number, inputs={"text": CAPTIONS[number]}, references=(CAPTIONS[number],),
               extra={"picture": images[number]})
        for number in range(count)
    ]  # fmt: skip


SAMPLES = {"vqa": questions, "asr": spoken, "text_to_image": captions}
