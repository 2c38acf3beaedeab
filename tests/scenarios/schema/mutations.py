"""Damaged scenario files for hypothesis to draw: wrong values, names, types, places and bytes."""

import copy
import json

import yaml
from hypothesis import strategies as st

from tokencom.scenarios.schema import shipped

VALUES = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    3,
    7,
    12,
    0.5,
    -0.5,
    1e-9,
    30e3,
    1e12,
    float("nan"),
    float("inf"),
    10**25,
    "",
    " ",
    "x",
    "1e3",
    "30e3",
    "-4",
    "0x10",
    "no",
    "yes",
    "none",
    "A",
    "tdl",
    "flat",
    "ofdm",
    "qam",
    "ldpc5g",
    "estimated",
    "rician",
    "\u2028",
    "é",
    "a.b",
    [],
    [[]],
    [1, 2],
    [0, 0],
    ["a"],
    {},
    {"type": "flat"},
    {"type": "python", "target": "os:getcwd"},
    {"type": {}},
    {"a": {"b": 1}},
    [None],
    [{"name": "a"}],
]
TEXTS = [
    "\t",
    "\0",
    "{",
    "]",
    ":",
    "&a ",
    "*a",
    "- ",
    "'",
    '"',
    "#",
    "%",
    "!!set ",
    "|\n",
    "---\n",
    "\x07",
    "é",
    "\\",
    "<<: ",
    "? ",
]


def paths_of(node, path=()):
    """Yield the path of every value below a document."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from paths_of(value, (*path, key))


def value_at(node, path):
    for key in path:
        node = node[key]
    return node


TEXT_OF = {name: path.read_text(encoding="utf-8") for name, path in shipped().items()}
NAMES = sorted(TEXT_OF)
DOCUMENTS = {name: yaml.safe_load(text) for name, text in TEXT_OF.items()}


@st.composite
def damaged_documents(draw, names=NAMES):
    """Draw a document: a shipped scenario with one to four changes."""
    document = json.loads(json.dumps(DOCUMENTS[draw(st.sampled_from(names))]))
    for _ in range(draw(st.integers(1, 4))):
        paths = list(paths_of(document))
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        _change(draw, value_at(document, path[:-1]), path[-1], document, paths)
    return document


def as_yaml(document):
    """JSON is YAML but for its names of what is no number; it is written far faster."""
    text = json.dumps(document, indent=1, ensure_ascii=False)
    return text.replace("NaN", ".nan").replace("-Infinity", "-.inf").replace("Infinity", ".inf")


@st.composite
def damaged_texts(draw):
    """Draw a shipped file with lines lost, doubled, swapped, indented or glued."""
    lines = TEXT_OF[draw(st.sampled_from(sorted(TEXT_OF)))].splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["lose", "double", "swap", "indent", "outdent", "cut"]))
        if kind == "lose" and len(lines) > 1:
            del lines[at]
        elif kind == "double":
            lines.insert(at, lines[at])
        elif kind == "swap":
            lines[at], lines[at - 1] = lines[at - 1], lines[at]
        elif kind == "indent":
            lines[at] = "  " + lines[at]
        elif kind == "outdent":
            lines[at] = lines[at][2:]
        else:
            lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
    return "\n".join(lines) + "\n"


def _change(draw, parent, key, document, paths):
    kind = draw(st.sampled_from(["value", "value", "remove", "rename", "copy", "scale", "append"]))
    if kind == "value":
        parent[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    elif kind == "remove":
        del parent[key]
    elif kind == "rename" and isinstance(parent, dict):
        at = draw(st.integers(0, len(str(key))))
        parent[str(key)[:at] + draw(st.sampled_from(["", "x", ".", "_"])) + str(key)[at + 1 :]] = parent.pop(
            key
        )
    elif kind == "copy":
        parent[key] = copy.deepcopy(value_at(document, draw(st.sampled_from(paths))))
    elif kind == "scale" and isinstance(parent[key], (int, float)):
        parent[key] = parent[key] * draw(st.sampled_from([0, -1, 0.5, 2, 1000]))
    elif isinstance(parent[key], list):
        parent[key] = parent[key] + [copy.deepcopy(draw(st.sampled_from(VALUES)))]


@st.composite
def damaged_files(draw):
    """Draw the bytes of a file: a damaged document or text, sometimes with damaged characters or encoding."""
    text = as_yaml(draw(damaged_documents())) if draw(st.booleans()) else draw(damaged_texts())
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(TEXTS)) + text[at:]
    raw = text.encode("utf-8")
    if draw(st.integers(0, 29)) == 0:
        other = [
            text.encode("utf-16"),
            raw[: len(raw) // 2],
            b"\xff" + raw,
            text.encode("latin-1", "replace"),
        ]
        raw = draw(st.sampled_from(other))
    return raw
