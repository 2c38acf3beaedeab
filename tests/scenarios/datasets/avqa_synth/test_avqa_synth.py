"""Made clips: balance, bounds of one modality, and answers found again by another program."""

import hashlib
import pickle
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from scipy.stats import binomtest

from tokencom.scenarios.datasets.avqa_synth import FAMILIES, AvqaSynth, UnimodalOracle

CLIPS = 2500
ERROR = 1e-6  # probability that a right program fails one of the statistical bounds, each


@pytest.fixture(scope="module")
def train():
    return AvqaSynth(num_clips=CLIPS, seed=7, split="train")


@pytest.fixture(scope="module")
def test():
    return AvqaSynth(num_clips=CLIPS, seed=7, split="test")


def interval(right, total):
    return binomtest(right, total).proportion_ci(1 - 2 * ERROR)


def summed(scores, need):
    chosen = [count for family, count in scores.items() if family.startswith(need)]
    return sum(right for right, _ in chosen), sum(total for _, total in chosen)


def prior_scores(train, test):
    """Right answers and questions by family, of the most common answer on train."""
    common = {family: counts.most_common(1)[0][0] for family, counts in train.answers().items()}
    return {family: (counts[common[family]], sum(counts.values())) for family, counts in test.answers().items()}


def answer_again(question, graph):
    """Answer from the words and the plain dict; shares nothing with the generator."""
    things, events = graph["things"], graph["events"]
    heard = [e for e in events if e["sound"]]
    kinds = [e["sound"] for e in heard]

    def number(words):
        found = [i for i, t in enumerate(things) if f"{t['colour']} {t['shape']}" == words]
        assert len(found) == 1
        return found[0]

    def maker(words):
        if words.startswith("only "):
            (event,) = (e for e in heard if e["sound"] == words[5:])
        else:
            event = {"first": heard[0], "second": heard[1], "third": heard[min(2, len(heard) - 1)], "last": heard[-1]}[
                words.split()[0]
            ]
            assert words != "third sound" or len(heard) >= 3
        return things[event["thing"]]

    def first_jump(words):
        return next(e for e in events if e["thing"] == number(words))

    def pitches(kind):
        levels = [e["level"] for e in heard if e["sound"] == kind]
        assert levels[0] != levels[-1]
        return "higher" if levels[-1] > levels[0] else "lower"

    def colour(words):
        if words == "object that jumps first":
            return things[events[0]["thing"]]["colour"]
        (found,) = (t["colour"] for t in things if words in (t["shape"], f"object that moves {t['direction']}"))
        return found

    def shape(words):
        (found,) = (t["shape"] for t in things if t["colour"] == words)
        return found

    rules = [
        (r"How many sounds are heard\?", lambda: str(len(heard))),
        (r"What kind of sound is heard (first|last)\?", lambda w: kinds[0] if w == "first" else kinds[-1]),
        (r"Is the last (.+) higher or lower than the first \1\?", pitches),
        (r"Are the first and the last sound of the same kind\?", lambda: "yes" if kinds[0] == kinds[-1] else "no"),
        (r"How many objects are seen\?", lambda: str(len(things))),
        (r"What colour is the object that makes the (.+)\?", lambda w: maker(w)["colour"]),
        (r"In which direction does the object that makes the (.+) move\?", lambda w: maker(w)["direction"]),
        (r"What colour is the (.+)\?", colour),
        (r"What shape is the (\w+) object\?", shape),
        (r"In which direction does the (.+) move\?", lambda w: things[number(w)]["direction"]),
        (r"What kind of sound is heard when the (.+) first jumps\?", lambda w: first_jump(w)["sound"] or "none"),
        (r"Is there a sound when the (.+) first jumps\?", lambda w: "yes" if first_jump(w)["sound"] else "no"),
        (r"How many sounds does the (.+) make\?", lambda w: str(sum(e["thing"] == number(w) for e in heard))),
        (
            r"Is the number of sounds the same as the number of objects\?",
            lambda: "yes" if len(heard) == len(things) else "no",
        ),
    ]
    for pattern, rule in rules:
        match = re.fullmatch(pattern, question)
        if match:
            return rule(*match.groups())
    raise AssertionError(f"no rule for {question!r}")


@pytest.mark.parametrize("questions", [6, 9])
def test_second_program_gives_the_same_answers(questions):
    data = AvqaSynth(num_clips=1000, questions_per_clip=questions, seed=11)
    families = Counter()
    for clip in range(data.num_clips):
        graph, asked = data.clip(clip)
        plain = graph.as_dict()
        assert len({question.text for question in asked}) == questions
        for question in asked:
            assert answer_again(question.text, plain) == question.answer
            families[question.family] += 1
    assert set(families) == set(FAMILIES)


def test_every_need_has_a_third():
    families = Counter(
        question.family.split("/")[0]
        for clip in range(300)
        for question in AvqaSynth(num_clips=300, seed=5).clip(clip)[1]
    )
    assert families == {"audio": 600, "video": 600, "both": 600}


def test_prior_is_under_45_percent(train, test):
    scores = prior_scores(train, test)
    assert interval(*summed(scores, "")).high < 0.45
    for family, (right, total) in scores.items():
        assert interval(right, total).low < 0.52, family


@pytest.mark.parametrize(("modality", "other", "both"), [("audio", "video", 0.45), ("video", "audio", 0.58)])
def test_one_modality_is_bounded(train, test, modality, other, both):
    scores = UnimodalOracle(modality, train).score(test)
    prior = prior_scores(train, test)
    right, total = summed(scores, modality)
    assert right == total
    assert interval(*summed(scores, "both")).high < both
    for family in scores:
        if family.startswith(other):  # no better than the prior, but for the noise of two counts
            blind, seen = interval(*prior[family]), interval(*scores[family])
            assert seen.low <= blind.high, family
    difference = np.subtract(summed(scores, other), summed(prior, other))[0] / summed(prior, other)[1]
    assert abs(difference) < 0.05


def test_media_follow_the_graph():
    data = AvqaSynth(num_clips=40, seed=2, questions_per_clip=1, size=48)
    for sample in data:
        video, audio = sample.inputs["video"].astype(float), sample.inputs["audio"]
        graph = sample.extra["graph"]
        assert np.abs(audio).max() <= 1
        slots = audio.reshape(data.num_frames, -1)
        loud = set(np.flatnonzero(slots.std(axis=1) > 0.05))
        assert loud == {event["slot"] for event in graph["events"] if event["sound"]}
        for event in graph["events"]:
            if event["sound"] == "tone":
                tone = slots[event["slot"]][: int(0.8 * slots.shape[1])]
                peak = np.abs(np.fft.rfft(tone, 2**15)).argmax() * data.sampling_rate / 2**15
                assert peak == pytest.approx(220 * 2 ** (event["level"] / 3), rel=0.02)
        bright = (video.max(axis=-1) > 110).sum(axis=(1, 2))  # a jumping object is larger
        jumps = {event["slot"] for event in graph["events"]}
        rest = set(range(data.num_frames)) - jumps
        assert not rest or bright[list(rest)].max() < bright[list(jumps)].min()


def test_same_bytes_in_another_process_and_any_order():
    code = (
        "import hashlib; from tokencom.scenarios.datasets.avqa_synth import AvqaSynth\n"
        "h = hashlib.sha256(); d = AvqaSynth(num_clips=6, seed=4, split='val')\n"
        "for i in range(len(d)):\n"
        "    s = d[i]\n"
        "    h.update(s.inputs['video'].tobytes() + s.inputs['audio'].tobytes())\n"
        "    h.update(repr((s.id, s.inputs['question'], s.references, s.family, s.extra)).encode())\n"
        "print(h.hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    data = pickle.loads(pickle.dumps(AvqaSynth(num_clips=60, seed=4, split="val")))
    samples = [data[i] for i in reversed(range(36))][::-1]
    here = hashlib.sha256()
    for s in samples:
        here.update(s.inputs["video"].tobytes() + s.inputs["audio"].tobytes())
        here.update(repr((s.id, s.inputs["question"], s.references, s.family, s.extra)).encode())
    assert other.stdout.strip() == here.hexdigest()


def test_seeds_and_splits_differ():
    first = [AvqaSynth(num_clips=1, seed=s, split=p)[0] for s in (0, 1) for p in ("train", "val", "test")]
    assert len({sample.inputs["audio"].tobytes() for sample in first}) == 6
    assert len({sample.id for sample in first}) == 6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_clips", 0),
        ("questions_per_clip", 10),
        ("size", 8),
        ("num_frames", 7),
        ("duration", 0.2),
        ("sampling_rate", 1000),
        ("split", "trian"),
    ],
)
def test_bad_input_is_named(name, value):
    with pytest.raises(ValueError, match=f"{name}: .*(allowed|known)"):
        AvqaSynth(**{name: value})
