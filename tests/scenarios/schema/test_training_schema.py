"""Training blocks of schemes: what is refused, what the key depends on, what starts from what."""

import copy

import pytest
from pydantic import ValidationError

from tokencom.scenarios.schema import trained
from tokencom.scenarios.schema.canonical import canonical
from tokencom.scenarios.schema.data_identity import data_identity
from tokencom.scenarios.schema.datasets import SST2
from tokencom.scenarios.schema.scenario import Scenario
from tokencom.scenarios.schema.starting import chain
from tokencom.scenarios.schema.systems import SentenceClassifier

DATA = {"type": "text_synth", "split": "train", "num_sentences": 100}
STAGE = {"name": "a", "trainable": ["link"], "steps": 5}
JSCC = {"type": "jscc", "codec": {"type": "dense", "symbols_per_token": 2}}
GIVEN = {
    "name": "s",
    "snr_db": 3,
    "task": {"type": "classification", "data": {"type": "text_synth", "num_sentences": 20}},
    "air": {"type": "flat"},
    "schemes": [
        {
            "name": "base",
            "type": "token",
            "system": {"type": "sentence_classifier"},
            "link": {"type": "analog"},
            "train_only": True,
            "training": {"data": DATA, "stages": [{**STAGE, "trainable": ["system"], "losses": {"clean": 1}}]},
        },
        {
            "name": "joint",
            "type": "token",
            "system": {"type": "sentence_classifier"},
            "link": JSCC,
            "training": {"data": DATA, "start": "base", "stages": [STAGE]},
        },
        {
            "name": "copy",
            "type": "token",
            "system": {"type": "sentence_classifier"},
            "link": {"type": "analog"},
            "training": {"start": "base"},
        },
    ],
}


def changed(**changes):
    """The scenario with values replaced; a path's dots are double underscores."""
    data = copy.deepcopy(GIVEN)
    for path, value in changes.items():
        *keys, last = (int(key) if key.isdecimal() else key for key in path.split("__"))
        place = data
        for key in keys:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return data


def key(scheme, **changes):
    scenario = Scenario(**changed(**changes))
    return trained.key_of(scenario, scenario.scheme(scheme))


class TestRules:
    def test_the_example_is_valid(self):
        assert [scheme.trains for scheme in Scenario(**GIVEN).schemes] == [True, True, True]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"schemes__1__training__start": "bass"}, "not the name of another scheme with training or weights"),
            ({"schemes__1__training__start": "joint"}, "not the name of another scheme"),
            ({"schemes__0__training__start": "joint"}, "closes a circle: 'base' from 'joint' from 'base'"),
            ({"schemes__1__training__data": None}, "the stages need samples to train on"),
            ({"schemes__2__training__start": None}, "give at least one stage, or a scheme to start from"),
            ({"schemes__2__training__group": 3}, "is given, but there is no data"),
            ({"schemes__2__train_only": True}, "training has no data, so nothing is trained"),
            ({"schemes__2__link": JSCC}, "would stay untrained"),
            ({"schemes__0__training": None, "schemes__1__training__start": None}, "train_only"),
            ({"schemes__1__train_only": True, "schemes__2": None}, "nothing is left to compare"),
            ({"schemes__1__training__air": []}, "at least"),
            ({"schemes__1__training__stages__0__steps": 0}, "steps"),
            (
                {
                    "schemes__1__system": {"type": "hf_vlm", "model": "m", "cut": "c"},
                    "schemes__1__training__start": None,
                },
                "cannot be trained",
            ),
        ],
    )
    def test_refuses(self, changes, message):
        with pytest.raises(ValidationError, match=message):
            Scenario(**changed(**changes))

    def test_the_nearest_start_is_among_the_choices(self):
        from tokencom.scenarios.schema.explain import explain

        with pytest.raises(ValidationError) as caught:
            Scenario(**changed(schemes__1__training__start="bass"))
        ((_, problem),) = explain(caught.value, Scenario)
        assert problem.field == "schemes.1.training.start"
        assert problem.nearest == "base"

    def test_training_beside_weights_of_all_parts_does_not_count(self):
        scenario = Scenario(
            **changed(
                schemes__1__system={"type": "sentence_classifier", "weights": "sst2_joint"},
                schemes__1__link={**JSCC, "weights": "sst2_joint"},
            )
        )
        assert not scenario.scheme("joint").trains
        assert "training" not in scenario.build_key("joint")

    def test_a_single_air_is_a_list_of_one(self):
        one = Scenario(**changed(schemes__1__training__air={"type": "flat"}))
        assert (
            one.scheme("joint").training.air
            == Scenario(**changed(schemes__1__training__air=[{"type": "flat"}])).scheme("joint").training.air
        )

    def test_images_without_a_system_may_be_trained(self):
        scheme = {
            "name": "image",
            "type": "token",
            "link": {"type": "jscc", "codec": {"type": "deepjscc", "channels": 4}},
            "training": {"data": {"type": "photo_tiles"}, "stages": [{**STAGE, "trainable": ["link"]}]},
        }
        about = {"task": {"type": "pictures", "data": {"type": "photo_tiles"}}, "air": {"type": "flat"}}
        scenario = Scenario(name="s", snr_db=1, schemes=[scheme], **about)
        (stage,) = trained.stages_of(scenario.schemes[0])
        assert stage.losses == {"mse": 1.0}
        scheme["training"]["data"] = [{"type": "photo_tiles"}] * 2
        with pytest.raises(ValidationError, match="an image codec takes one"):
            Scenario(name="s", snr_db=1, schemes=[scheme], **about)


class TestKey:
    def test_it_does_not_depend_on_what_training_does_not(self):
        first = key("joint")
        assert first == key("joint", name="other", snr_db=9, stop={"batch_size": 7})
        assert first == key("joint", schemes__1__name="joint") == key("joint", schemes__1__training__licence="MIT")
        assert first == key("joint", schemes__1__training__air=[{"type": "flat", "channel": "awgn"}])
        assert first == key("joint", schemes__1__training__data=[DATA])
        assert first == key("joint", task={"type": "classification", "data": {"type": "text_synth"}})
        assert first == key("joint", schemes__1__system={"type": "sentence_classifier", "hidden": 64, "path": "x"})
        assert key("base") == key("base", air={"type": "flat", "channel": "rayleigh"}), "nothing crosses the air"

    @pytest.mark.parametrize(
        "changes",
        [
            {"seed": 2},
            {"air": {"type": "flat", "channel": "rayleigh"}},
            {"schemes__1__training__seed": 5},
            {"schemes__1__training__group": 4},
            {"schemes__1__training__stages__0__steps": 6},
            {"schemes__1__training__stages__0__losses": {"mse": 1}},
            {"schemes__1__training__data__num_sentences": 101},
            {"schemes__1__training__data": [DATA, {**DATA, "seed": 4}]},
            {"schemes__1__training__air": [{"type": "flat"}, {"type": "flat", "channel": "rayleigh"}]},
            {"schemes__1__training__start": None},
            {"schemes__0__training__stages__0__steps": 7},
            {"schemes__1__link__codec__symbols_per_token": 3},
            {"schemes__1__link__codec__seed": 3},
            {"schemes__1__system": {"type": "sentence_classifier", "hidden": 8}},
            {"schemes__1__system": {"type": "sentence_classifier", "seed": 8}},
            {"schemes__1__link__weights": "sst2_joint"},
        ],
    )
    def test_it_changes_with_everything_that_counts(self, changes):
        assert key("joint", **changes) != key("joint")

    def test_the_default_loss_is_that_of_the_task(self):
        assert key("joint", schemes__1__training__stages__0__losses={"task": 1}) == key("joint")

    def test_the_key_of_a_batch_contains_it(self):
        scenario = Scenario(**GIVEN)
        assert trained.key_of(scenario, scenario.scheme("joint")) in scenario.build_key("joint")
        assert trained.key_of(scenario, scenario.scheme("base")) in scenario.build_key("copy")

    def test_files_count_by_what_they_say_not_by_where_they_are(self, tmp_path):
        found = []
        for folder, label in (("a", 1), ("b", 1), ("c", 0)):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "train.tsv").write_text(f"sentence\tlabel\nfine\t{label}\nbad\t0\n")
            found.append(data_identity(SST2(type="sst2", path=str(tmp_path / folder), split="train")))
        assert found[0] == found[1] != found[2]
        assert str(tmp_path) not in str(found)

    def test_a_system_that_tells_its_identity_is_not_built_for_it(self, monkeypatch):
        config = SentenceClassifier(hidden=5)
        built = config.build().configuration()
        monkeypatch.setattr(SentenceClassifier, "build", None)
        assert trained.system_identity(SentenceClassifier(hidden=5))["configuration"] == built


class TestChains:
    def test_a_scheme_comes_before_what_it_starts_from(self):
        scenario = Scenario(**GIVEN)
        names = [[one.name for one in chain(scheme, scenario.schemes)] for scheme in scenario.schemes]
        assert names == [["base"], ["joint", "base"], ["copy", "base"]]

    def test_weights_of_a_copy_are_those_of_its_start(self):
        scenario = Scenario(**GIVEN)
        assert trained.source_of(scenario, scenario.scheme("copy")).name == "base"
        assert trained.source_of(scenario, scenario.scheme("joint")).name == "joint"


def test_defaults_leave_no_trace():
    scheme = Scenario(**GIVEN).scheme("joint")
    assert canonical(scheme.link) == JSCC
    assert canonical(scheme.link, ("codec",)) == {"type": "jscc"}
