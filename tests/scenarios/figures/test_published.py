"""Published values beside our own curves."""

import numpy as np
import pytest
from matplotlib import rc_context

from tokencom.scenarios.engine.results import MetricInfo
from tokencom.scenarios.figures import write_report
from tokencom.scenarios.figures.curves import draw
from tokencom.scenarios.figures.published import PUBLICATIONS, published_lines
from tokencom.scenarios.figures.style import RC
from tokencom.scenarios.schema import load_scenario

ACCURACY = MetricInfo("accuracy", "")
MUSIC = {"task": {"type": "vqa", "data": {"type": "music_avqa", "split": "test", "path": "MUSIC-AVQA"}}}


@pytest.fixture
def results(make_results):
    return make_results(
        metrics=(ACCURACY,), value=lambda *_: (0.5, 0.45, 0.55, 500, 1000),
        scenario=MUSIC | {"sweep": {"snr_db": [0, 5, 10]}},
    )  # fmt: skip


def test_lines_of_the_paper_are_drawn_where_its_data_is_asked_about(results):
    with rc_context(RC):
        figure = draw(results)
    (axes,) = figure.axes
    levels = [float(line.get_ydata()[0]) for line in axes.get_lines() if len(set(line.get_ydata())) == 1]
    assert {0.476, 0.43} <= set(levels)
    low, high = axes.get_ylim()
    assert low < 0.43
    assert high > 0.55
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"OneLLM-7B", "ChatBridge-13B"} <= set(legend)


def test_the_report_says_what_they_are(results, tmp_path):
    page = write_report(results, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "OneLLM-7B: level, dashed" in page
    assert "0.476, published for music_avqa, test (arXiv 2505.07841, fig. 3), without a channel; not measured" in page


@pytest.mark.parametrize("data", [{"type": "avqa_synth", "split": "test"}, {"type": "music_avqa", "split": "val"}, {}])
def test_there_are_none_for_other_data(data):
    assert published_lines({"task": {"type": "vqa", "data": data}}) == []


def test_the_figure_has_them_with_music_avqa_by_path():
    """The published scenario, its data set replaced as its header says."""
    scenario = load_scenario("tokcom_mlm/fig3_snr", ["task.data={type: music_avqa, path: /music}"])
    assert [line.name for line in published_lines(scenario)] == ["OneLLM-7B", "ChatBridge-13B"]
    assert published_lines(load_scenario("tokcom_mlm/fig3_snr")) == []


def test_values_are_shares():
    values = [value for one in PUBLICATIONS for value in one.values.values()]
    assert np.all((np.array(values) > 0) & (np.array(values) < 1))
