"""Data sets and tasks of scenario files: fields are the constructors', and tasks are built from them."""

import importlib
import inspect

import pytest
from pydantic import TypeAdapter, ValidationError

from tokencom.scenarios.schema import data_tasks, datasets
from tokencom.scenarios.schema import tasks as task_configs
from tokencom.scenarios.schema.union import members_of, types_of
from tokencom.scenarios.tasks import DatasetTask

CONFIGS = [config for config in members_of(datasets.Data) if types_of(config) != ("python",)]
TASKS = TypeAdapter(task_configs.Task)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.__name__)
def test_fields_are_the_constructors(config):
    module, _, name = config.target.partition(":")
    found = getattr(importlib.import_module(f"tokencom.scenarios.datasets.{module}"), name)
    parameters = set(inspect.signature(found).parameters)
    fields = set(config.model_fields) - {"type"}
    if config is datasets.Clevr:
        fields = fields - {"path"} | {"root"}
    assert fields <= parameters
    required = {p.name for p in inspect.signature(found).parameters.values() if p.default is p.empty}
    assert required <= fields
    assert types_of(config)[0] == found.name or found.name in {"", "image_folder"}


@pytest.mark.parametrize("name", [name for name in dir(datasets) if name.endswith("Data") and name != "Data"])
def test_every_union_is_part_of_all_data(name):
    assert set(types_of(getattr(datasets, name))) <= set(types_of(datasets.Data))


def test_a_task_is_built_with_its_prior():
    data = {"type": "text_synth", "num_sentences": 40}
    task = TASKS.validate_python({"type": "classification", "data": data}).build()
    assert isinstance(task, DatasetTask)
    assert (task.name, task.num_items, task.data.split) == ("classification", 40, "test")
    assert task.references == ("clean", "blind", "prior")
    assert task.prior is not None
    bare = TASKS.validate_python({"type": "classification", "data": data, "prior": False, "num_items": 7}).build()
    assert (bare.references, bare.num_items) == (("clean", "blind"), 7)


@pytest.mark.parametrize(
    ("task", "data"),
    [
        ("vqa", "clevr_synth"),
        ("captioning", "clevr_captions"),
        ("pictures", "clevr_synth"),
        ("sentences", "text_synth"),
    ],
)
def test_tasks_on_generated_data(task, data):
    given = {"num_sentences": 20} if data == "text_synth" else {"num_images": 2}
    built = TASKS.validate_python({"type": task, "data": {"type": data, **given}}).build()
    assert built.reference_metrics
    assert set(built.reference_metrics) <= set(built.metrics)


def test_what_does_not_fit_is_refused():
    for task, data in (("vqa", "kodak"), ("yes_no", "mmbench"), ("transcription", "sst2")):
        with pytest.raises(ValidationError, match=f"'{data}' found using 'type' does not match"):
            TASKS.validate_python({"type": task, "data": {"type": data, "path": "x"}})
    with pytest.raises(ValueError, match="nowhere"):
        TASKS.validate_python({"type": "yes_no", "data": {"type": "mme", "path": "/nowhere"}}).build()


def test_every_task_on_data_says_what_it_sends():
    for config in vars(data_tasks).values():
        if isinstance(config, type) and issubclass(config, data_tasks._OnData):
            assert config.payload == "sample"
