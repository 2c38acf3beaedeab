"""Losses of a system and its link, which samples a step takes, and statistics taken before training."""

import itertools
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import AnalogLink, JSCCLink, QuantizedLink
from tokencom.linklevel.quantizers import VectorQuantizer
from tokencom.linklevel.tokens import Tokens
from tokencom.models.systems import LinkTraining, SentenceClassifier, SystemLink, TokenSystem
from tokencom.models.systems.training_items import ItemsInTurn, TrainingItems
from tokencom.models.training import Stage, train
from tokencom.scenarios.datasets.base import ListDataset, Sample
from tokencom.scenarios.datasets.clevr_synth import ClevrSynth
from tokencom.scenarios.datasets.text_synth import TextSynth

sys.path.insert(0, str(Path(__file__).parent))
from tiny_system import TinySystem

AIRS = [FlatAirInterface(channel="awgn"), FlatAirInterface(channel="rayleigh")]
SNR = torch.linspace(0.0, 15.0, 9)
DRAWS = Draws(seed=3, batch=2)
SEED = 5


def make_link(air=AIRS[0], **options):
    codec = DenseCodec(dim=4, symbols_per_token=3, encoder_hidden=8, decoder_hidden=8, seed=1)
    return JSCCLink(air, codec, max_num_tokens=6, **options)


def make_training(link=None, data=None, **options):
    model = SystemLink(TinySystem(), link or make_link()).eval()
    return LinkTraining(model, TextSynth(num_sentences=40) if data is None else data, seed=SEED, **options)


def families(sizes):
    """A data set with a cluster of each size, whose samples are scattered."""
    samples = [
        Sample(id=f"{cluster}-{place}", cluster=cluster, inputs={"text": f"word{cluster}"}, references=("positive",))
        for place in range(max(sizes))
        for cluster, size in enumerate(sizes)
        if place < size
    ]
    return ListDataset(name="families", samples=samples)


def ids(items, numbers):
    return [sample.id for sample in items.samples(numbers)]


class TestLosses:
    def test_each_loss_is_what_its_definition_says(self):
        training = make_training()
        system, link = training.model.system, training.model.link
        batch = training.batch(range(9))
        wanted = ("clean", "task", "mse", "size")
        found = training.losses(batch, SNR, DRAWS, wanted)
        sent = Tokens(system.vectors[batch["words"]] * batch["mask"][..., None], batch["mask"])
        arrived = link(sent, SNR, DRAWS).payload
        assert set(found) == set(wanted)
        for name, tokens in (("clean", sent), ("task", arrived)):
            rows = zip(tokens.values, tokens.mask, strict=True)
            scores = torch.stack([system.head(row[mask].mean(0)) for row, mask in rows])
            loss = -torch.log_softmax(scores, 1)[range(9), batch["label"]].mean()
            torch.testing.assert_close(found[name], loss)
        rows = zip(arrived.values, sent.values, sent.mask, strict=True)
        differences = [(a[m] - s[m]).square() for a, s, m in rows]
        torch.testing.assert_close(found["mse"], torch.cat(differences).mean())
        torch.testing.assert_close(found["size"], system.vectors.square().mean())

    @pytest.mark.parametrize("name", ["clean", "task", "mse", "size", "link"])
    def test_only_what_is_wanted_is_computed(self, name):
        training = make_training()
        assert set(training.losses(training.batch(range(9)), SNR, DRAWS, (name,))) == {name}

    def test_the_encoder_runs_once_in_a_step(self):
        training = make_training()
        training.losses(training.batch(range(9)), SNR, DRAWS, ("clean", "task", "mse", "size"))
        assert training.system.num_encoded == 1
        training.losses(training.batch(range(9)), SNR, DRAWS, ("size",))
        assert training.system.num_encoded == 1

    def test_the_target_of_the_squared_error_gets_no_gradient(self):
        training = make_training()
        batch = training.batch(range(9))
        training.losses(batch, SNR, DRAWS, ("mse",))["mse"].backward()
        found, training.system.vectors.grad = training.system.vectors.grad, None
        sent = training.system.tokens(batch)
        arrived = training.model.link(sent, SNR, DRAWS).payload.values
        (arrived - sent.values.detach())[sent.mask].square().mean().backward()
        torch.testing.assert_close(found, training.system.vectors.grad)

    def test_gradients_reach_system_and_codec_through_the_link(self):
        training = make_training()
        training.losses(training.batch(range(9)), SNR, DRAWS, ("task",))["task"].backward()
        for name, parameter in training.model.named_parameters():
            assert parameter.grad is not None, name
            assert bool(parameter.grad.isfinite().all()), name

    def test_a_system_without_training_is_refused(self):
        class Fixed(TokenSystem):
            dim, modality = 4, "text"

            def encode(self, samples):
                return Tokens(torch.zeros(len(samples), 1, 4))

            def answer(self, tokens, samples):
                return [""] * len(samples)

        with pytest.raises(TypeError, match="Fixed cannot be trained"):
            LinkTraining(SystemLink(Fixed(), make_link()), TextSynth(num_sentences=2))

    def test_a_wrong_number_of_items_is_told(self):
        training = make_training()
        with pytest.raises(ValueError, match="9 items of tokens made of 8 items"):
            training.losses(training.batch(range(9)), SNR[:8], DRAWS, ("task",))


class TestSeveralAirs:
    def test_equal_shares_cross_each_air(self):
        training = make_training(airs=AIRS)
        system, codec = training.model.system, training.model.link.codec
        batch = training.batch(range(9))
        found = training.losses(batch, SNR, DRAWS, ("mse",))["mse"]
        sent, errors = system.tokens(batch), []
        for number, (air, rows) in enumerate(zip(AIRS, (slice(0, 5), slice(5, 9)), strict=True)):
            part = Tokens(sent.values[rows], sent.mask[rows])
            draws = Draws(seed=3, batch=2 * 2 + number)
            arrived = JSCCLink(air, codec, max_num_tokens=6).eval()(part, SNR[rows], draws).payload
            errors.append((arrived.values - part.values)[part.mask].square())
        torch.testing.assert_close(found, torch.cat(errors).mean())

    def test_one_air_beside_the_links_own_is_the_only_one(self):
        fading = make_training(airs=AIRS[1:])
        plain = make_training(link=make_link(AIRS[1]))
        batch = fading.batch(range(9))
        losses = [training.losses(batch, SNR, DRAWS, ("mse",))["mse"] for training in (fading, plain)]
        torch.testing.assert_close(*losses, rtol=0, atol=0)

    def test_a_link_through_another_air_has_the_same_parameters(self):
        link = make_link()
        other = link.through(AIRS[1])
        assert other.air is AIRS[1]
        assert link.air is AIRS[0]
        assert all(a is b for a, b in zip(link.codec.parameters(), other.codec.parameters(), strict=True))

    def test_a_quantised_link_sends_through_the_other_air(self):
        quantizer = VectorQuantizer(dim=4, codebook_size=4, num_groups=1)
        link = QuantizedLink(AIRS[0], quantizer, code="conv", num_bits_per_symbol=2, coderate=0.5, max_num_tokens=6)
        link.eval()
        tokens = Tokens(torch.randn(64, 6, 4, generator=torch.Generator().manual_seed(1)))
        assert bool(link(tokens, 12.0, DRAWS).ok.all())
        faded = link.through(AIRS[1])(tokens, 12.0, DRAWS)
        own = QuantizedLink(AIRS[1], quantizer, code="conv", num_bits_per_symbol=2, coderate=0.5, max_num_tokens=6)
        assert torch.equal(faded.payload.values, own(tokens, 12.0, DRAWS).payload.values)
        assert not bool(faded.ok.all())

    def test_an_air_that_the_link_cannot_use_is_refused(self):
        with pytest.raises(ValueError, match="needs a header"):
            make_link().through(FlatAirInterface(channel="rayleigh", csi="none"))
        with pytest.raises(ValueError, match="precision 'double' given"):
            make_link().through(FlatAirInterface(channel="awgn", precision="double"))
        with pytest.raises(TypeError, match="AirInterface is needed"):
            make_link().through("awgn")


class TestItems:
    def test_an_epoch_has_every_sample_once(self):
        items = TrainingItems(TextSynth(num_sentences=10), seed=SEED)
        first, second = ids(items, range(10)), ids(items, range(10, 20))
        assert sorted(first) == sorted(second) == sorted(sample.id for sample in TextSynth(num_sentences=10))
        assert first != second

    def test_the_samples_of_a_number_do_not_depend_on_what_came_before(self):
        data = families([7, 1, 4, 9])
        fresh = [ids(TrainingItems(data, group=3, seed=SEED), [number]) for number in range(12)]
        items = TrainingItems(data, group=3, seed=SEED)
        assert [ids(items, [number]) for number in reversed(range(12))] == fresh[::-1]

    @pytest.mark.parametrize("max_bytes", [0, 1500, 10**6])
    def test_the_memory_changes_nothing(self, max_bytes):
        data = families([7, 1, 4, 9])
        whole = TrainingItems(data, group=3, seed=SEED)
        small = TrainingItems(data, group=3, seed=SEED, max_bytes=max_bytes)
        assert ids(small, range(20)) == ids(whole, range(20))

    def test_kept_samples_are_read_once(self):
        class Counted(TextSynth):
            count = 0

            def read(self, index):
                self.count += 1
                return super().read(index)

        data = Counted(num_sentences=10)
        items = TrainingItems(data, seed=SEED)
        ids(items, range(50))
        assert data.count == 10

    def test_a_group_draws_others_in_every_epoch(self):
        items = TrainingItems(families([20]), group=4, seed=SEED)
        drawn = [ids(items, [epoch]) for epoch in range(30)]
        assert all(len(set(own)) == 4 for own in drawn)
        # A sample is missed by all 30 with probability 0.8^30 = 1.2e-3, one of the 20 in less than 2.5 % of seeds.
        assert len(set(itertools.chain(*drawn))) == 20
        assert len({tuple(own) for own in drawn}) > 25

    def test_a_cluster_is_an_item_even_twice_in_a_batch(self):
        items = TrainingItems(families([2, 3]), group=8, seed=SEED)
        samples = items.samples(range(4))
        assert sorted(Counter(sample.cluster for sample in samples).values()) == [2, 2, 3, 3]
        batch = TinySystem().collate(samples)
        assert len(batch["words"]) == 4
        assert len(batch["label"]) == 10

    def test_questions_share_their_image(self):
        items = TrainingItems(ClevrSynth(num_images=2, questions_per_image=3, size=32), group=3, seed=SEED)
        samples = items.samples([0])
        assert len(samples) == 3
        assert samples[0].inputs["image"] is samples[2].inputs["image"]

    def test_data_sets_in_turn_are_each_read_in_their_own_order(self):
        data = [TextSynth(num_sentences=10), families([1] * 7)]
        single = [TrainingItems(one, seed=SEED) for one in data]
        both = ItemsInTurn([TrainingItems(one, seed=SEED) for one in data])
        batches = [ids(both, range(start, start + 4)) for start in range(0, 48, 4)]
        for place, items in enumerate(single):
            own = [number for batch in batches[place::2] for number in batch]
            assert own == ids(items, range(24))

    def test_data_sets_in_turn_are_all_among_the_spread(self):
        both = ItemsInTurn([TrainingItems(families([size] * 5), seed=SEED) for size in (1, 2)])
        found = [len(batch) for batch in both.spread(8, 3)]
        assert found == [3, 1, 3, 1]

    def test_nothing_to_train_on_is_refused(self):
        with pytest.raises(ValueError, match="no samples to train on"):
            TrainingItems(families([0]))
        with pytest.raises(ValueError, match="group"):
            TrainingItems(families([2]), group=0)


class TestBegin:
    @staticmethod
    def stages(**second):
        first = Stage(name="a", trainable=("system",), losses={"clean": 1.0}, steps=1)
        return [first, Stage(name="b", steps=1, **second)]

    def test_the_codec_is_fitted_before_the_first_stage_that_uses_it(self):
        training = make_training()
        stages = self.stages(trainable=("link.codec",), losses={"mse": 1.0})
        training.begin(stages, 0)
        assert bool((training.model.link.codec.mean == 0).all())
        assert training.begin(stages, 1) == [f"link.{n}" for n, _ in training.model.link.named_parameters()]
        tokens = training.system.tokens(training.system.collate(list(TextSynth(num_sentences=40))))
        values = tokens.values[tokens.mask].detach()
        torch.testing.assert_close(training.model.link.codec.mean, values.mean(0))
        torch.testing.assert_close(training.model.link.codec.deviation, values.std(0))

    def test_the_codec_is_fitted_to_several_data_sets_alike(self):
        data = TextSynth(num_sentences=40)
        training = make_training(data=(data, families([1] * 7)))
        training.begin([Stage(name="b", steps=1, trainable=("link",), losses={"mse": 1.0})], 0)
        samples = [*data, *families([1] * 7)]
        parts = [training.system.tokens(training.system.collate(some)) for some in (samples[:40], samples[40:])]
        values = torch.cat([tokens.values[tokens.mask] for tokens in parts]).detach()
        torch.testing.assert_close(training.model.link.codec.mean, values.mean(0))
        assert training.batch(range(4, 8)) is not None

    def test_a_link_that_begins_with_trained_weights_is_left_alone(self):
        training = make_training(started=(True, True))
        training.begin(self.stages(trainable=("link",), losses={"task": 1.0}), 1)
        assert bool((training.model.link.codec.mean == 0).all())

    def test_a_quantiser_that_no_stage_uses_is_fitted_at_the_end(self, tmp_path):
        quantizer = VectorQuantizer(dim=4, codebook_size=4, num_groups=1)
        before = quantizer.codebook.detach().clone()
        link = QuantizedLink(AIRS[0], quantizer, code="conv", num_bits_per_symbol=2, coderate=0.5, max_num_tokens=6)
        training = make_training(link=link)
        about = {"seed": 1, "system": {}, "data": {}, "folder": tmp_path, "device": "cpu", "tensorboard": False}
        train(training, self.stages(trainable=("system",), losses={"clean": 1.0}), **about)
        assert not torch.equal(before, quantizer.codebook)
        assert not bool((quantizer.mean == 0).any())


class TestSentences:
    """The classifier of sentences, whose encoder is pretrained and frozen."""

    DATA = TextSynth(num_sentences=24)

    @pytest.fixture(scope="class")
    def samples(self):
        return list(self.DATA)

    def test_training_sees_the_tokens_of_a_run(self, samples):
        system = SentenceClassifier()
        tokens, expected = system.tokens(system.collate(samples)), SystemLink(system, AnalogLink(AIRS[0], 384))
        assert torch.equal(tokens.values, expected.tokens(samples).values)
        assert torch.equal(tokens.mask, expected.tokens(samples).mask)

    def test_an_epoch_encodes_each_sentence_once(self, samples, monkeypatch):
        system = SentenceClassifier(max_num_tokens=40)  # whose tokens no other test has kept
        count, whole = [], SentenceClassifier.whole
        monkeypatch.setattr(
            SentenceClassifier, "whole", lambda self, some: count.append(len(some)) or whole(self, some)
        )
        training = LinkTraining(SystemLink(system, AnalogLink(AIRS[0], 384)), self.DATA)
        for step in range(6):
            training.batch(range(8 * step, 8 * step + 8))
        assert count == [1] * 24

    def test_the_loss_is_the_cross_entropy_of_the_classes(self, samples):
        system = SentenceClassifier(seed=2)
        batch = system.collate(samples)
        tokens = system.tokens(batch)
        scores = torch.stack(
            [system.head(row[mask].mean(0)) for row, mask in zip(tokens.values, tokens.mask, strict=True)]
        )
        right = torch.log_softmax(scores, 1)[range(24), [system.classes.index(s.references[0]) for s in samples]]
        torch.testing.assert_close(system.loss(tokens, batch), -right.mean())

    def test_principal_components_come_from_the_training_data(self, samples):
        system, direct = SentenceClassifier(dim=3), SentenceClassifier(dim=3)
        LinkTraining(SystemLink(system, AnalogLink(AIRS[0], 3)), self.DATA).begin(
            [Stage(name="head", trainable=("system.head",), steps=1, losses={"clean": 1.0})], 0
        )
        whole = SentenceClassifier().encode(samples)
        direct.fit(whole.values[whole.mask])
        torch.testing.assert_close(system.mean, direct.mean, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(system.basis, direct.basis, rtol=1e-3, atol=1e-4)

    def test_a_reference_that_is_no_class_is_refused(self, samples):
        with pytest.raises(ValueError, match="reference of sample"):
            SentenceClassifier(classes=("good", "bad")).collate(samples)
