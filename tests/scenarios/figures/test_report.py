"""The report holds what the results hold, needs nothing else, and is marked up for every reader."""

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tokencom.scenarios.engine.results import MetricInfo
from tokencom.scenarios.figures import write_report
from tokencom.scenarios.figures.curves import png

BER = MetricInfo("ber", "", "log", "low")
USES = tuple(MetricInfo(name) for name in ("channel_uses", "pilots", "side_information", "airtime"))
VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """The elements of a page with their text; fails on tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", "inside": [e["tag"] for e in self.open], **dict(attrs)}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag, **attributes):
        found = [e for e in self.elements if e["tag"] == tag]
        return [e for e in found if all(e.get(k) == v for k, v in attributes.items())]


@pytest.fixture
def report(make_results, tmp_path):
    def write(provenance=None, **options):
        results = make_results(**options)
        path = write_report(results, tmp_path / "report.html", provenance)
        return results, Page(path.read_text(encoding="utf-8")), path

    return write


def test_nothing_is_loaded_from_elsewhere(report):
    _, page, path = report(scenario={"description": "see https://example.org/paper"})
    for element in page.elements:
        assert element["tag"] not in {"script", "link", "iframe", "object", "embed", "base"}
        for name in ("src", "href", "srcset", "action", "data", "poster", "background"):
            assert element.get(name, "#").startswith(("#", "data:image/png;base64,"))
        assert not any(name.startswith("on") for name in element)
    css = "".join(e["text"] for e in page.all("style"))
    assert "url(" not in css
    assert "@import" not in css
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


def test_picture_is_the_plot_and_has_an_alternative(report):
    results, page, _ = report()
    (image,) = page.all("img")
    assert base64.b64decode(image["src"].partition(",")[2]) == png(results)
    for word in ("Bit error rate", "Es/N0", "A, B"):
        assert word in image["alt"]


def test_values_in_the_tables_are_those_of_the_results(report):
    results, page, _ = report(metrics=(BER, MetricInfo("psnr", "dB")))
    exact = [float(e["value"]) for e in page.all("data")]
    np.testing.assert_array_equal(exact, results.value.transpose(2, 1, 0).ravel())
    shown = [e["text"] for e in page.all("span", **{"class": "i"})]
    ends = np.array([[float(x) for x in re.findall(r"[-+.e\d]+", text)] for text in shown])
    np.testing.assert_allclose(ends[:, 0], results.low.transpose(2, 1, 0).ravel(), rtol=6e-3)
    np.testing.assert_allclose(ends[:, 1], results.high.transpose(2, 1, 0).ravel(), rtol=6e-3)
    counts = [e["text"] for e in page.all("span", **{"class": "c"})]
    assert counts[0] == "200 / 1\u202f000"


def test_points_without_a_number(report):
    def value(scheme, point, metric):
        return (np.nan,) * 5 if scheme == "A" else (0.0, 0.0, 0.003, 0, 1000)

    _, page, _ = report(value=value)
    assert len(page.all("span", **{"aria-label": "no value"})) == 3
    cells = [e for e in page.all("td", **{"class": "n"}) if "data" in e["text"] or "[" in e["text"]]
    assert [re.sub(r"\s+", " ", e["text"]) for e in cells] == ["0[0, 3.00e-03]0 / 1 000"] * 3


def test_schemes_without_a_verdict_are_named(report):
    def value(scheme, point, metric):
        return (np.nan,) * 5 if (scheme, metric) == ("A", "bler") else (0.1, 0.0, 0.2, 1, 1000)

    _, page, _ = report(metrics=(BER, MetricInfo("bler", "", "log", "low")), value=value)
    captions = [e["text"] for e in page.all("caption")]
    assert captions[1].endswith("no value, as their receiver has no verdict on blocks: A")
    assert sum("verdict" in caption for caption in captions) == 1


def test_tables_are_accessible(report):
    _, page, _ = report()
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    tables = page.all("table")
    assert len(page.all("caption")) == len(tables) >= 2
    for header in page.all("th"):
        assert header["scope"] in {"row", "col"}
    identifiers = {e["id"] for e in page.elements if "id" in e}
    for link in page.all("a"):
        assert link["href"][1:] in identifiers
    for section in page.all("section"):
        assert section["aria-labelledby"] in identifiers


def test_text_of_the_scenario_is_shown_and_cannot_break_the_page(report):
    _, page, _ = report(
        schemes=("<script>alert(1)</script>", "B & C"), scenario={"description": "</main><b>x</b>"}
    )
    assert not page.all("script")
    assert not page.all("b")
    headers = [e["text"] for e in page.all("th", scope="col")]
    assert "<script>alert(1)</script>" in headers
    (text,) = page.all("pre")
    assert "name: made up" in text["text"]
    assert "seed: 7" in text["text"]


def test_provenance_is_given_or_read_beside_the_report(report, tmp_path):
    record = {
        "versions": {"sionna": "2.2.0"}, "commit": "abc123", "sessions": [{"started": "monday"}], "seed": 7,
        "gain_db": [{"scheme": "A", "point": {"snr_db": 0.0}, "gain_db": -2.6123}],
        "scenario": {"name": "hidden"},
    }
    _, given, _ = report(provenance=record)
    (tmp_path / "provenance.json").write_text(json.dumps(record), encoding="utf-8")
    _, read, _ = report()
    for page in (given, read):
        text = " ".join(e["text"] for e in page.all("dd"))
        for part in ("sionna: 2.2.0", "abc123", "A at Es/N0 (dB) = 0: -2.612 dB", "monday", "f00d", "7"):
            assert part in text
        assert "hidden" not in text


def test_channel_uses_add_up(report):
    uses = {"channel_uses": 4000.0, "pilots": 380.0, "side_information": 20.0, "airtime": 5200.0}

    def value(scheme, point, metric):
        number = uses.get(metric, 0.1) + (point["snr_db"] if metric == "airtime" and scheme == "B" else 0)
        return number, number, number, 1, 1

    _, page, _ = report(metrics=(BER, *USES), value=value)
    (table,) = page.all("table", **{"class": "uses"})
    text = table["text"].replace("\u202f", " ")
    assert "PayloadPilotsSide informationTotalAirtime" in text
    assert "A3 600380204 0005 200" in text
    assert "B3 600380204 0005 205 (5 200 to 5 210)" in text
    _, page, _ = report()
    assert not page.all("table", **{"class": "uses"})


def test_lines_are_explained(report):
    theory = [
        {"type": "uncoded_ber", "name": "exact QPSK", "params": {"num_bits_per_symbol": 2}},
        {"type": "outage", "name": "limit", "params": {"rate": 1.0, "channel": "rayleigh"}},
    ]
    _, page, _ = report(
        metrics=(BER, MetricInfo("clean_ber", "", "log", "low")),
        scenario={"theory": theory, "sweep": {"snr_db": [0, 5, 10]}},
    )
    (section,) = page.all("section", id="lines")
    for part in ("receive antenna", "exact QPSK: num_bits_per_symbol = 2", "without noise and fading",
                 "limit (not drawn: no scheme reports its metric)", "A, B"):
        assert part in section["text"]


def test_same_results_give_the_same_bytes(report):
    _, _, path = report()
    first = path.read_bytes()
    _, _, path = report()
    assert path.read_bytes() == first
