import pytest

from tokencom.scenarios.schema.document import DEEPEST, LARGEST_FILE, parse, read_document
from tokencom.scenarios.schema.problems import ScenarioError


def _message(text):
    with pytest.raises(ScenarioError) as caught:
        parse(text, "a.yaml")
    return str(caught.value)


def test_scalars_follow_yaml_1_2():
    data = parse(
        "[30e3, 1e-9, 12, 0x10, 0o17, 010, -.5, no, yes, on, true, False, ~, null, '1', 1:30, 2001-01-01]"
    ).data
    assert data == [
        30000.0,
        1e-9,
        12,
        16,
        15,
        10,
        -0.5,
        "no",
        "yes",
        "on",
        True,
        False,
        None,
        None,
        "1",
        "1:30",
        "2001-01-01",
    ]


def test_every_value_has_its_line():
    document = parse("a: 1\nb:\n  - x\n  - {c: 2,\n     d: 3}\n")
    assert document.data == {"a": 1, "b": ["x", {"c": 2, "d": 3}]}
    assert {key: document.lines[key] for key in [("a",), ("b",), ("b", 0), ("b", 1, "c"), ("b", 1, "d")]} == {
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 1, "c"): 4,
        ("b", 1, "d"): 5,
    }
    assert document.line_of(("b", 1, "missing")) == 4


def test_anchors_and_merge_keys():
    data = parse("base: &b {x: 1, y: 2}\nother: {<<: *b, y: 3}\nmany: {<<: [{x: 7}, *b]}\n").data
    assert data["other"] == {"x": 1, "y": 3}
    assert data["many"] == {"x": 7, "y": 2}
    assert data["base"] is not data["other"]


def test_an_alias_is_a_copy():
    data = parse("a: &a {x: [1]}\nb: *a\n").data
    data["a"]["x"].append(2)
    assert data["b"] == {"x": [1]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3: a: is given twice; the first is in line 1"),
        ("a:\n\tb: 1\n", "a.yaml:2: is not YAML: a tab stands where YAML wants spaces"),
        ("a: [1, 2\nb: 3\n", "a.yaml:2: is not YAML: "),
        ("a: *nowhere\n", "a.yaml:1: is not YAML: found undefined alias 'nowhere'"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2: is not YAML: "),
        ("a: !!python/object/apply:os.system [ls]\n", "a.yaml:1: a: has the tag "),
        ("a: !secret x\n", "a.yaml:1: a: has the tag '!secret'; scenarios use no tags"),
        ("? [1, 2]\n: 3\n", "a.yaml:1: has a key that is not plain text"),
        ("a: &a\n  b: *a\n", "a.yaml:2: a.b: refers to itself"),
        ("a: {<<: 5}\n", "a.yaml:1: a: merges (<<) something that is not a mapping"),
        ("a: \x07\n", "a.yaml:1: holds the character"),
        ("a: " + "9" * 5000 + "\n", "a.yaml:1: a: is a number of 5000 characters"),
        ("[" * 5000, f"a.yaml:1: is not YAML: values nest deeper than {DEEPEST} levels"),
        ("- " * 3000 + "x", f"a.yaml:1: is not YAML: values nest deeper than {DEEPEST} levels"),
    ],
)
def test_messages(text, expected):
    assert _message(text).startswith(expected)


def test_an_alias_bomb_is_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    assert "expands to more than 50000 values" in _message("\n".join(lines))


def test_empty_text_holds_nothing():
    assert parse("").data is None
    assert parse("# only a comment\n").data is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"name: a\nb: caf\xe9\n", ":2: is not UTF-8 text: byte 0xe9 at position 14"),
        ("name: x".encode("utf-16"), ":1: is not UTF-8 text: byte 0xff at position 0"),
        (b"a" * (LARGEST_FILE + 1), ": holds more than 1000000 bytes; a scenario is far smaller"),
        (b"\x00\x01", ":1: holds the character"),
    ],
)
def test_files_that_are_no_text(tmp_path, raw, expected):
    path = tmp_path / "a.yaml"
    path.write_bytes(raw)
    with pytest.raises(ScenarioError) as caught:
        read_document(path)
    assert str(caught.value).startswith(f"{path}{expected}")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes("name: x".encode("utf-8-sig"))
    assert read_document(path).data == {"name": "x"}


def test_folders_and_missing_files(tmp_path):
    with pytest.raises(ScenarioError, match="is a folder; a scenario is a YAML file"):
        read_document(tmp_path)
    with pytest.raises(ScenarioError, match="cannot be read: No such file"):
        read_document(tmp_path / "none.yaml")
