"""Pictures of captions: what is asked for, what is read back, distances of sets, reference lines."""

from typing import Any

import numpy as np
import pytest
import torch

from tokencom.linklevel import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links import AnalogLink
from tokencom.linklevel.tokens import Tokens
from tokencom.models.systems import SystemLink
from tokencom.models.systems.base import TokenSystem
from tokencom.scenarios.datasets.clevr_synth import ClevrCaptions
from tokencom.scenarios.datasets.prompts import Prompts
from tokencom.scenarios.engine.columns import pack, unpack
from tokencom.scenarios.engine.worker import run_batch
from tokencom.scenarios.metrics.picture_sets import COLUMNS, STEP, PictureComponents, set_metrics
from tokencom.scenarios.metrics.scene_reader import agreement, asked_objects, scene_reader
from tokencom.scenarios.schema.data_tasks import TextToImage
from tokencom.scenarios.tasks import TextToImageJudge, TextToImageTask

NAMES = ("size", "color", "material", "shape")


@pytest.fixture(scope="module")
def data() -> Prompts:
    return Prompts(ClevrCaptions(num_images=80, size=64, seed=5, split="test"))


@pytest.fixture(scope="module")
def components(data: Prompts) -> PictureComponents:
    return PictureComponents([sample.extra["picture"] for sample in data], seed=1)


class Painter(TokenSystem):
    """Sends one token for each letter; paints the picture of which the number is sent, or grey if nothing arrives."""

    dim, modality = 2, "text"

    def __init__(self, data: Prompts) -> None:
        super().__init__()
        self.pictures = [sample.extra["picture"] for sample in data]
        self.numbers = {sample.inputs["text"]: number for number, sample in enumerate(data)}

    def encode(self, samples: Any) -> Tokens:
        angle = torch.tensor([self.numbers[s.inputs["text"]] * 2 * np.pi / len(self.pictures) for s in samples])
        values = torch.stack([angle.cos(), angle.sin()], -1)[:, None]
        return Tokens(values.float(), torch.ones(len(samples), 1, dtype=torch.bool))

    def answer(self, tokens: Tokens, samples: Any) -> list[Any]:
        angle = torch.atan2(tokens.values[:, 0, 1], tokens.values[:, 0, 0])
        numbers = (angle / (2 * np.pi) * len(self.pictures)).round().long() % len(self.pictures)
        return [self.pictures[int(number)] for number in numbers]


def truth(sample: Any) -> list[dict[str, str]]:
    return [{name: item[name] for name in NAMES} for item in sample.extra["scene"]["objects"]]


def test_the_caption_is_sent_and_the_picture_is_no_input(data: Prompts) -> None:
    base = data.base[3]
    sample = data[3]
    assert sample.inputs == {"text": base.references[0]}
    assert sample.references == data.references_of(3)[0] == (base.references[0],)
    assert np.array_equal(sample.extra["picture"], base.inputs["image"])
    assert Prompts(data.base, size=32)[0].extra["picture"].shape == (32, 32, 3)


def test_lists_are_read_as_the_scene_has_them(data: Prompts) -> None:
    for sample in data:
        asked = asked_objects(sample.inputs["text"])
        assert sorted(map(sorted, map(dict.items, asked))) == sorted(map(sorted, map(dict.items, truth(sample))))


def test_agreement_is_the_best_of_all_matchings() -> None:
    red, blue = {"color": "red", "shape": "cube"}, {"color": "blue", "shape": "cube"}
    full = {"size": "large", "material": "metal"}
    found = agreement([red, blue], [{**full, **blue}, {**full, **red}])
    assert (found["right_color"], found["right_shape"], found["named_color"], found["named_size"]) == (2, 2, 2, 0)
    found = agreement([red, blue], [{**full, "color": "green", "shape": "cube"}])
    assert (found["right_color"], found["right_shape"]) == (0, 1)
    assert agreement([], [red])["named_color"] == 0
    assert agreement([red], [])["right_color"] == 0


def test_the_reader_finds_what_real_pictures_show(data: Prompts) -> None:
    """The measured share of right values is 0.96; over 80 pictures of about 5.3 objects it stays above 0.92."""
    seen = scene_reader()([sample.extra["picture"] for sample in data])
    counts = [agreement(truth(sample), objects) for sample, objects in zip(data, seen, strict=True)]
    right, named = (sum(c[f"{part}_{name}"] for c in counts for name in NAMES) for part in ("right", "named"))
    assert right / named > 0.92


def test_components_are_those_of_the_singular_values(data: Prompts, components: PictureComponents) -> None:
    rows = np.stack([sample.extra["picture"] for sample in data]).reshape(80, -1) / 255
    values = np.linalg.svd(rows - rows.mean(0), full_matrices=False)[1][:64] ** 2
    scores = STEP * components.real
    assert scores.var(axis=0, ddof=1).mean() == pytest.approx(1.0, rel=0.01)
    # a randomised solver is loose in the last components
    assert scores.var(axis=0, ddof=1)[:20] == pytest.approx(values[:20] / values.mean(), rel=0.02)
    assert np.abs(scores.mean(axis=0)).max() < 0.01


def test_distances_of_real_pictures_vanish_and_of_one_picture_are_large(components: PictureComponents) -> None:
    metrics = set_metrics(components.real, 80, allow_few=True)
    assert set(metrics) == {"frechet_few", "kid"}
    same = dict(zip(COLUMNS, components.real.T, strict=True))
    mean = {name: np.zeros(80, np.int64) for name in COLUMNS}
    assert metrics["frechet_few"].estimate(same).value == pytest.approx(0.0, abs=1e-6)
    assert metrics["frechet_few"].estimate(mean).value == pytest.approx(64.0, rel=0.01)
    x = STEP * components.real
    pairs = (x @ x.T / 64 + 1) ** 3  # the kernel is 1 wherever one of the two is the mean
    within = (pairs.sum() - np.trace(pairs)) / (80 * 79)
    assert metrics["kid"].estimate(mean).value == pytest.approx(within + 1 - 2, rel=1e-6)


def test_few_pictures_are_refused_unless_they_are_declared(components: PictureComponents) -> None:
    with pytest.raises(ValueError, match=r"num_items: 4999 produced and 80 real pictures.*5000.*allow_few"):
        set_metrics(components.real, 4999, allow_few=False)
    enough = set_metrics(np.zeros((5000, 64), np.int64), 5000, allow_few=False)
    assert set(enough) == {"frechet", "kid"}
    with pytest.raises(ValueError, match="no function of sums"):
        enough["frechet"].value(np.zeros(64))


def test_an_answer_that_is_no_picture_is_refused(data: Prompts, components: PictureComponents) -> None:
    judge = TextToImageJudge(components, 80, reader=False, allow_few=True)
    for answer in (np.zeros((64, 64, 3)), np.zeros((32, 64, 3), np.uint8), "a picture"):
        with pytest.raises(ValueError, match=r"pictures: .* expected"):
            judge.columns([data[0]], [answer])


def test_all_lines_over_a_link(data: Prompts, components: PictureComponents) -> None:
    """Without noise every caption gets its picture: clean equals sent, and is better than blind and prior."""
    train = Prompts(ClevrCaptions(num_images=80, seed=5, split="train"))
    judge = TextToImageJudge(components, 80, allow_few=True)
    task = TextToImageTask(pictures=train, name="text_to_image", data=data, judge=judge, instruction="")
    assert task.references == ("clean", "blind", "prior")
    link = SystemLink(Painter(data), AnalogLink(FlatAirInterface(channel="awgn"), dim=2))
    columns = unpack(pack(run_batch(task, link, 60.0, Draws(seed=1), 80)))
    values = {
        kind: {
            name: metric.estimate(
                {key.removeprefix(kind): column for key, column in columns.items() if key.startswith(kind)}
            ).value
            for name, metric in judge.metrics.items()
        }
        for kind in ("clean_", "blind_", "prior_")
    }
    sent = {name: metric.estimate(columns).value for name, metric in judge.metrics.items()}
    assert sent == values["clean_"]
    assert sent["attribute_accuracy"] > 0.92
    assert sent["frechet_few"] == pytest.approx(0.0, abs=1e-6)
    for kind in ("blind_", "prior_"):
        assert values[kind]["attribute_accuracy"] < 0.75
    assert np.array_equal(columns["cluster"], np.arange(80))


def test_the_scenario_schema_builds_the_task_and_names_what_does_not_fit() -> None:
    captions = {"type": "clevr_captions", "num_images": 70}
    config = TextToImage.model_validate(
        {"data": {"type": "prompts", "captions": captions}, "allow_few": True, "reader": "none"}
    )
    task = config.build()
    assert set(task.metrics) == {"frechet_few", "kid", "bler"}
    assert task.num_items == 70
    with pytest.raises(ValueError, match="reader: 'taichi' reads lists"):
        TextToImage.model_validate({"data": {"type": "prompts", "captions": captions, "caption": 1}})
