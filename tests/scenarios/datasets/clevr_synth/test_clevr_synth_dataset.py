"""The generator as a data set: repeatable, disjoint splits, captions, refusals."""

import hashlib
import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tokencom.scenarios.datasets.clevr_synth import ClevrCaptions, ClevrSynth

DIGEST = """
import hashlib, json
from tokencom.scenarios.datasets.clevr_synth import ClevrCaptions, ClevrSynth
digest = hashlib.sha256()
for sample in [*ClevrSynth(num_images=3, questions_per_image=4, seed=5), *ClevrCaptions(num_images=3, seed=5)]:
    digest.update(sample.inputs["image"].tobytes())
    rest = [sample.id, sample.inputs.get("question"), sample.references, sample.extra]
    digest.update(json.dumps(rest, sort_keys=True).encode())
print(digest.hexdigest())
"""


def _digest(sample):
    rest = [sample.id, sample.inputs.get("question"), sample.references, sample.family, sample.extra]
    return hashlib.sha256(sample.inputs["image"].tobytes() + json.dumps(rest, sort_keys=True).encode()).hexdigest()


@pytest.fixture(scope="module")
def data():
    return ClevrSynth(num_images=6, questions_per_image=4, seed=5)


def test_another_process_makes_the_same_bytes(capsys):
    exec(DIGEST, {})
    here = capsys.readouterr().out.strip()
    there = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def test_order_threads_and_copies_do_not_matter(data):
    wanted = [_digest(sample) for sample in data]
    backwards = ClevrSynth(num_images=6, questions_per_image=4, seed=5)
    assert [_digest(backwards[i]) for i in reversed(range(24))][::-1] == wanted
    with ThreadPoolExecutor(2) as pool:
        shared = pickle.loads(pickle.dumps(data))
        assert list(pool.map(lambda i: _digest(shared.read(i)), range(24))) == wanted
    longer = ClevrSynth(num_images=9, questions_per_image=4, seed=5)
    assert [_digest(longer[i]) for i in range(24)] == wanted


def test_sample_layout(data):
    assert len(data) == 24
    sample = data[9]
    assert sample.cluster == 2
    assert sample.inputs["image"].shape == (64, 64, 3)
    assert sample.inputs["image"].dtype == np.uint8
    assert set(sample.inputs) == {"image", "question"}
    assert data.references_of(9) == (sample.references, sample.family)
    assert sample.extra["question_index"] == 9
    assert len({s.id for s in data}) == 24
    sample.inputs["image"][:] = 0
    assert data[9].inputs["image"].any()


def test_size_and_shadow_leave_the_questions(data):
    other = ClevrSynth(num_images=6, questions_per_image=4, seed=5, size=32, shadow="hard")
    assert other[0].inputs["image"].shape == (32, 32, 3)
    assert [s.inputs["question"] for s in other] == [s.inputs["question"] for s in data]
    assert [s.references for s in other] == [s.references for s in data]


def test_splits_and_seeds_share_nothing():
    scenes = []
    for seed in (0, 1):
        for split in ("train", "val", "test"):
            data = ClevrSynth(num_images=20, seed=seed, split=split)
            scenes += [json.dumps(data.graph(i)["objects"]) for i in range(20)]
    assert len(set(scenes)) == 120


def test_families_can_be_chosen():
    data = ClevrSynth(num_images=10, questions_per_image=3, families=["count", "query_color"], num_objects=(3, 4))
    assert set(data.answers()) == {"count", "query_color"}
    assert all(3 <= len(data.graph(i)["objects"]) <= 4 for i in range(10))


def test_many_questions_about_few_objects():
    data = ClevrSynth(num_images=12, questions_per_image=50, num_objects=(3, 3))
    assert all(len(data.questions(i)) == 50 for i in range(12))
    with pytest.raises(ValueError, match="questions_per_image: 50 asked for"):
        ClevrSynth(num_images=1, questions_per_image=50, num_objects=(2, 2), families=["query_size"]).questions(0)


def test_captions_are_true_and_complete():
    data = ClevrCaptions(num_images=40, seed=2, captions_per_image=8)
    pictures = ClevrSynth(num_images=40, seed=2)
    assert np.array_equal(data[3].inputs["image"], pictures.image(3))
    numbers = {"a": 1, "an": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
    heads = {"sphere": "sphere", "ball": "sphere", "cube": "cube", "block": "cube", "cylinder": "cylinder"}
    for i in range(40):
        objects = data.graph(i)["objects"]
        captions = data.references_of(i)[0]
        assert len(captions) == 8
        counted = {}
        words = captions[0].lower().strip(".").replace(",", "").split()
        for at, word in enumerate(words):
            if word.removesuffix("s") in heads:
                start = max(k for k in range(at) if words[k] in numbers)
                shape = heads[word.removesuffix("s")]
                counted[shape] = counted.get(shape, 0) + numbers[words[start]]
        assert counted == {s: n for s in heads.values() if (n := sum(o["shape"] == s for o in objects))}
        assert all(caption[0].isupper() and caption.endswith(".") for caption in captions)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_images": 0}, r"num_images: 0 is outside the allowed range"),
        ({"size": 31}, r"size: 31 is outside the allowed range \[32, 256\]"),
        ({"split": "valid"}, r"split: 'valid' is not known.*did you mean 'val'"),
        ({"families": ["counts"]}, r"families: 'counts' is not known.*did you mean 'count'"),
        ({"families": []}, r"families: \(\) is empty"),
        ({"shadow": "none"}, r"shadow: 'none' is not known"),
        ({"num_objects": (5, 4)}, r"num_objects\[1\]: 4 is outside"),
        ({"questions_per_image": 51}, r"questions_per_image: 51 is outside"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(ValueError, match=message):
        ClevrSynth(**{"num_images": 2, **change})
