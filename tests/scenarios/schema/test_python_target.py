from importlib.metadata import EntryPoint

import pytest
from pydantic import ValidationError

from tokencom.scenarios.schema import PythonTarget, ScenarioError, load_scenario, union

SOURCE = """\
name: own
snr_db: 3
task: {type: bits, num_bits: 8}
air: {type: %s}
schemes: [{name: a, type: digital, link: {type: digital, code: uncoded, num_bits_per_symbol: 2}}]
"""


def test_a_file_that_names_code_is_refused_unless_allowed(write, capsys):
    path = write(text=SOURCE % "python, target: 'this:s'")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert str(caught.value) == (
        f"{path}:4: air.target: 'this:s' is code that this file names; it runs only with --allow-code"
    )
    assert load_scenario(path, allow_code=True).air.target == "this:s"
    assert capsys.readouterr().out == ""  # nothing was imported


def test_code_in_a_sweep_or_an_override_is_refused_too(write):
    path = write(text=SOURCE % "flat")
    target = "{type: python, target: 'os:system'}"
    with pytest.raises(ScenarioError, match=r"override air=.*air.target: 'os:system' is code"):
        load_scenario(path, [f"air={target}"])
    with pytest.raises(ScenarioError, match=r"sweep.air.0.target: 'os:system' is code"):
        load_scenario(path, [f"sweep.air=[{target}]"])


@pytest.mark.parametrize("target", ["a:", ":b", "a b:c", "a:b()", "a..b:c", "1a:b", "a:b;c", "os.system"])
def test_targets_of_another_form_are_refused(target):
    with pytest.raises(ValidationError):
        PythonTarget(target=target)


def test_build_imports_and_calls():
    target = PythonTarget(target="collections:OrderedDict", options={"b": 1})
    assert dict(target.build(a=2)) == {"a": 2, "b": 1}


@pytest.mark.parametrize(
    ("target", "message"),
    [("nowhere.at_all:X", "cannot be imported"), ("collections:OrderedDic", "did you mean 'OrderedDict'")],
)
def test_what_is_not_there_is_named(target, message):
    with pytest.raises(ValueError, match=message):
        PythonTarget(target=target).build()


@pytest.fixture
def plugin(monkeypatch):
    point = EntryPoint(name="mine", value="fractions:Fraction", group=union.PLUGIN_GROUP)
    monkeypatch.setattr(union, "plugins", lambda: {"mine": point})
    monkeypatch.setattr("tokencom.scenarios.schema.python_target.plugins", lambda: {"mine": point})


@pytest.mark.usefixtures("plugin")
def test_an_installed_plugin_is_a_type_of_its_own(write):
    scenario = load_scenario(write(text=SOURCE % "mine, numerator: 3"))
    assert scenario.air == PythonTarget(target="mine", options={"numerator": 3})
    assert scenario.air.build(denominator=4) == 0.75


@pytest.mark.usefixtures("plugin")
def test_an_unknown_plugin_names_the_nearest():
    with pytest.raises(ValidationError, match=r"neither 'package\.module:Class' nor an installed plug-in"):
        PythonTarget(target="mien")


def test_a_code_of_ones_own_runs(write):
    own = "{type: python, target: 'tokencom.linklevel.codes.conv:Conv', options: {generators: [7, 5]}}"
    text = SOURCE.replace("code: uncoded", f"code: {own}, coderate: 0.4") % "flat"
    scenario = load_scenario(write(text=text), allow_code=True)
    _, link = scenario.build("a")
    named = load_scenario(write(text=text.replace(own, "{type: conv, generators: [7, 5]}")))
    assert link.num_channel_uses() == named.build("a")[1].num_channel_uses()
