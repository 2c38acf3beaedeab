"""What results have of reference lines, and of metrics that rest on a verdict."""

import numpy as np
import pytest
import torch

from tokencom.linklevel.accounting import ChannelUses
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links.base import Reception
from tokencom.scenarios.datasets import ListDataset, Sample
from tokencom.scenarios.engine.journal import Tally
from tokencom.scenarios.engine.stop import Reader
from tokencom.scenarios.engine.tabulate import estimate_all
from tokencom.scenarios.engine.worker import describe, run_batch
from tokencom.scenarios.schema.stop import Stop
from tokencom.scenarios.tasks import AnswerJudge, DatasetTask, TextTask, TranscriptJudge

SIZE = 20


class Fixed:
    """A link and a receiver that is always right; from noise it has a fixed answer."""

    def __init__(self, noise, has_verdict=True):
        self.noise, self.has_verdict = noise, has_verdict

    def __call__(self, payload, snr_db, draws):
        ones = torch.ones(len(payload), dtype=torch.int64)
        uses = ChannelUses(payload=ones, pilots=ones, side_information=ones, airtime=ones)
        return Reception(self.clean(payload, snr_db), ones > 0, uses, torch.zeros(len(payload)))

    def clean(self, payload, snr_db):
        return [sample.references[0] for sample in payload]

    def blind(self, payload):
        return [self.noise] * len(payload)


def data(answers):
    samples = [
        Sample(id=str(i), cluster=i, inputs={"question": "?"}, references=(answer,), family=f"family {i % 2}")
        for i, answer in enumerate(answers)
    ]
    return ListDataset(name="toy", samples=samples)


def estimates(task, link):
    """What the engine makes of all items."""
    columns = run_batch(task, link, 0.0, Draws(seed=1, batch=0), SIZE)
    reader = Reader(Stop(batch_size=SIZE), describe(task, link), lambda start, stop: [columns])
    reader.advance({0: Tally(SIZE, 0, 0.0, 0.0)})
    return estimate_all(reader, columns)


# Half of the answers of each family are "a"; 4 of 20 are "b".
ANSWERS = ("a", "a", "c", "c", "a", "a", "d", "d", "b", "b") * 2
TRAIN = ("a", "b") * 10


class TestBlind:
    def test_it_is_the_better_of_noise_and_of_the_most_common_answer(self):
        # On train, family 0 always has "a" and family 1 always "b".
        task = DatasetTask(name="vqa", data=data(ANSWERS), judge=AnswerJudge(data(ANSWERS)), train=data(TRAIN))
        prior = np.mean([("a", "b")[i % 2] == answer for i, answer in enumerate(ANSWERS)])
        for answer in ("a", "b", "nothing"):
            found = estimates(task, Fixed(answer))
            noise = np.mean([answer == given for given in ANSWERS])
            assert found["noise_accuracy"].value == pytest.approx(noise)
            assert found["prior_accuracy"].value == pytest.approx(prior)
            best = found["noise_accuracy" if noise > prior else "prior_accuracy"]
            assert found["blind_accuracy"] == best
        assert prior == pytest.approx(0.3)  # so "a" is better, and "b" is not

    def test_it_is_so_for_each_metric_by_itself(self):
        task = DatasetTask(name="vqa", data=data(ANSWERS), judge=AnswerJudge(data(ANSWERS)), train=data(TRAIN))
        found = estimates(task, Fixed("b"))
        assert found["noise_accuracy_family_0"].value == found["prior_accuracy_family_1"].value == 0.2
        assert found["blind_accuracy_family_0"] == found["prior_accuracy_family_0"]
        assert found["blind_accuracy_family_0"].value == 0.4

    def test_low_is_better_for_error_rates(self):
        words = ("one two", "one two", "one", "two") * 5
        task = DatasetTask(name="transcription", data=data(words), judge=TranscriptJudge(), train=data(("one",)))
        for heard, best in (("", "prior_wer"), ("one two", "noise_wer")):
            found = estimates(task, Fixed(heard))
            assert found["blind_wer"] == found[best]
            assert found["blind_wer"].value == min(found["noise_wer"].value, found["prior_wer"].value)

    def test_without_a_prior_it_is_noise_only(self):
        task = DatasetTask(name="vqa", data=data(ANSWERS), judge=AnswerJudge(data(ANSWERS)))
        found = estimates(task, Fixed("b"))
        assert found["blind_accuracy"].value == 0.2
        assert not any(name.startswith(("noise_", "prior_")) for name in found)


class TestVerdict:
    def test_links_without_one_have_no_block_error_rate(self):
        task = DatasetTask(name="vqa", data=data(ANSWERS), judge=AnswerJudge(data(ANSWERS)))
        assert estimates(task, Fixed("a"))["bler"].value == 0.0
        found = estimates(task, Fixed("a", has_verdict=False))
        assert "bler" not in found
        assert found["accuracy"].value == 1.0

    def test_nor_shares_of_damaged_items(self):
        task = TextTask(num_sentences=3)
        assert {"bler", "damaged", "fallback"} <= set(describe(task, Fixed("")).metrics)
        kept = set(describe(task, Fixed("", has_verdict=False)).metrics)
        assert not {"bler", "damaged", "fallback"} & kept
        assert {"bleu", "exact_match", "clean_bleu"} <= kept
