import pytest

from tokencom.scenarios.schema import FlatAir
from tokencom.scenarios.schema.paths import with_value
from tokencom.scenarios.schema.rules import RuleError

DATA = {
    "air": {"csi": "perfect"},
    "name": "x",
    "schemes": [{"name": "R=0.5"}, {"name": "2", "link": {"k": 1}}, {"name": "c"}],
}


def test_only_the_path_is_copied():
    changed, keys = with_value(DATA, "air.csi", "none")
    assert keys == ("air", "csi")
    assert changed["air"] == {"csi": "none"}
    assert DATA["air"] == {"csi": "perfect"}
    assert changed["schemes"] is DATA["schemes"]


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("schemes.R=0.5.link.k", ("schemes", 0, "link", "k")),
        ("schemes.2.link.k", ("schemes", 1, "link", "k")),  # a name goes before an index
        ("schemes.0.link.k", ("schemes", 0, "link", "k")),
        ("new.deep.path", ("new", "deep", "path")),
    ],
)
def test_elements_by_name_or_index(path, keys):
    assert with_value(DATA, path, 7)[1] == keys


def test_a_star_is_all_elements_that_have_what_follows():
    changed, keys = with_value({"schemes": [{"a": 1}, {"link": {"k": 1}}, {"link": {}}]}, "schemes.*.link.k", 7)
    assert changed == {"schemes": [{"a": 1}, {"link": {"k": 7}}, {"link": {"k": 7}}]}
    assert keys == ("schemes", 1, "link", "k")


def test_a_star_without_any_such_element_is_refused():
    with pytest.raises(RuleError, match=r"no element of the list has 'code\.x'"):
        with_value(DATA, "schemes.*.code.x.y", 1)


def test_models_along_the_path_become_what_was_given():
    changed, _ = with_value({"air": FlatAir(channel="rayleigh")}, "air.csi", "none")
    assert changed == {"air": {"type": "flat", "channel": "rayleigh", "csi": "none"}}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("name.x", "'x' stands where a mapping with 'x' should"),
        ("schemes.3.link", "past the end of the list; it has 3 elements"),
        ("schemes.99999999999.link", "neither a name in the list nor an index"),
        ("schemes.d.link", "neither a name in the list nor an index"),
        ("", "is not a path"),
        ("a..b", "is not a path"),
        (".".join(["a"] * 41), "is not a path"),
    ],
)
def test_paths_that_lead_nowhere(path, message):
    with pytest.raises(RuleError, match=message):
        with_value(DATA, path, 1)
