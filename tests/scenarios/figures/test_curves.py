"""What is drawn, and that it is drawn the same every time."""

import io

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.colors import to_hex, to_rgb
from matplotlib.path import Path
from PIL import Image

from tokencom.linklevel.theory import qam_ber_awgn
from tokencom.scenarios.engine.results import MetricInfo
from tokencom.scenarios.figures import plot_results
from tokencom.scenarios.figures.curves import draw, png
from tokencom.scenarios.figures.style import COLOURS, RC, scheme_style

BER = MetricInfo("ber", "", "log", "low")
PSNR = MetricInfo("psnr", "dB")
NAN = (np.nan,) * 5


def axes_of(results):
    with rc_context(RC):
        return draw(results).axes


def lines_of(axes, colour=None, marker=None):
    return [
        line for line in axes.get_lines()
        if (colour is None or to_hex(line.get_color()) == to_hex(colour))
        and (marker is None or line.get_marker() == marker)
    ]


def curve_of(axes, index):
    """The line that joins the marks of a scheme."""
    style = scheme_style(index)
    found = lines_of(axes, style["color"], style["marker"])
    assert len(found) == 1
    return found[0]


def test_file_is_a_png_of_two_thousand_pixels_and_the_same_every_time(make_results, tmp_path):
    results = make_results(metrics=(BER, PSNR))
    first = plot_results(results, tmp_path / "a.png").read_bytes()
    second = plot_results(results, tmp_path / "b.png").read_bytes()
    assert first == second
    image = Image.open(io.BytesIO(first))
    assert image.format == "PNG"
    assert image.width == 2000
    assert not image.info.keys() - {"dpi"}  # neither a date nor a version
    colours = {to_hex(np.array(rgb) / 255) for _, rgb in image.convert("RGB").getcolors(2**24)}
    assert {c.lower() for c in COLOURS[:2]} <= colours
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_settings_of_the_user_change_nothing(make_results):
    results = make_results()
    with rc_context({"font.size": 30, "lines.linewidth": 9, "axes.grid": False}):
        assert png(results) == png(results)
        bold = png(results)
    assert bold == png(results)


def test_points_lie_where_the_results_say(make_results):
    results = make_results()
    (axes,) = axes_of(results)
    assert axes.get_yscale() == "log"
    for scheme in range(2):
        line = curve_of(axes, scheme)
        np.testing.assert_array_equal(line.get_xdata(), [0, 5, 10])
        np.testing.assert_array_equal(line.get_ydata(), results.value[scheme, :, 0])
    bars = axes.containers[0]
    segments = bars.lines[2][0].get_segments()
    ends = np.stack([results.low, results.high], -1)[0, :, 0]
    np.testing.assert_allclose([s[:, 1] for s in segments], ends)


@pytest.mark.parametrize(("count", "every"), [(1, 1), (24, 1), (25, 2), (120, 5)])
def test_curves_of_many_points_have_fewer_marks_but_all_points(make_results, count, every):
    results = make_results(points=[{"snr_db": 0.1 * n} for n in range(count)])
    line = curve_of(axes_of(results)[0], 0)
    assert line.get_markevery() == every
    assert len(line.get_xdata()) == count


def test_zero_errors_are_bounds_and_never_simulated_points_are_absent(make_results):
    def value(scheme, point, metric):
        if point["snr_db"] == 0.0:
            return 0.1, 0.05, 0.2, 10, 100
        return NAN if point["snr_db"] == 5.0 else (0.0, 0.0, 0.036, 0, 100)

    (axes,) = axes_of(make_results(value=value))
    np.testing.assert_array_equal(curve_of(axes, 0).get_ydata(), [0.1, np.nan, np.nan])
    bounds = [line for line in axes.get_lines() if isinstance(line.get_marker(), Path)]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in bounds] == [(10.0, 0.036)] * 2
    assert to_hex(bounds[0].get_markeredgecolor()) == to_hex(COLOURS[0])
    low, high = axes.get_ylim()
    assert low <= 0.01
    assert high >= 0.1
    legend = axes.figure.legends[0]
    assert "no error seen: upper bound" in [text.get_text() for text in legend.get_texts()]


def test_interval_that_reaches_zero_runs_out_of_the_panel(make_results):
    (axes,) = axes_of(make_results(value=lambda *_: (0.01, 0.0, 0.05, 1, 100)))
    bottom = min(segment[:, 1].min() for segment in axes.containers[0].lines[2][0].get_segments())
    assert 0 < bottom < axes.get_ylim()[0]


def test_theory_is_dashed_on_the_closed_form_in_the_colour_of_its_scheme(make_results):
    theory = [
        {"type": "uncoded_ber", "name": "A (exact)", "params": {"num_bits_per_symbol": 2}},
        {"type": "uncoded_ber", "name": "other", "params": {"num_bits_per_symbol": 4}},
    ]
    (axes,) = axes_of(make_results(scenario={"theory": theory, "sweep": {"snr_db": [0, 5, 10]}}))
    dashed = [line for line in axes.get_lines() if line.is_dashed()]
    assert len(dashed) == 2
    for line, num_bits in zip(dashed, (2, 4), strict=True):
        np.testing.assert_allclose(line.get_ydata(), qam_ber_awgn(line.get_xdata(), num_bits))
    assert to_hex(dashed[0].get_color()) == to_hex(COLOURS[0])
    assert to_hex(dashed[1].get_color()) not in {c.lower() for c in COLOURS[:6]}


def test_reference_lines_have_the_colour_of_their_scheme_and_no_panel(make_results):
    names = ("clean_psnr", "blind_psnr", "channel_uses")
    metrics = (PSNR, *(MetricInfo(name) for name in names))
    heights = {"psnr": 20.0, "clean_psnr": 30.0, "blind_psnr": 10.0, "channel_uses": 500.0}

    def value(scheme, point, metric):
        return heights[metric], heights[metric] - 1, heights[metric] + 1, 1, 1

    (axes,) = axes_of(make_results(metrics=metrics, value=value))
    for colour in COLOURS[:2]:
        drawn = {line.get_ydata()[0] for line in lines_of(axes, colour, "None") if len(line.get_ydata()) == 3}
        assert {30.0, 10.0} <= drawn
    low, high = axes.get_ylim()
    assert low < 10
    assert 30 < high < 100
    texts = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert sum("clean" in text for text in texts) == 1
    assert sum("blind" in text for text in texts) == 1


def test_other_swept_paths_get_panels_with_common_limits(make_results):
    points = [{"snr_db": s, "air.channel": c} for c in ("awgn", "rayleigh") for s in (0.0, 10.0)]
    params = {"num_bits_per_symbol": 2, "channel": "awgn"}
    theory = [{"type": "uncoded_ber", "name": "exact", "params": params}]
    scenario = {"theory": theory, "sweep": {"snr_db": [0, 10], "air.channel": ["awgn", "rayleigh"]}}
    results = make_results(points=points, metrics=(BER, PSNR), scenario=scenario)
    axes = axes_of(results)
    assert [a.get_title(loc="left") for a in axes] == ["channel = awgn", "channel = rayleigh"] * 2
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert [sum(line.is_dashed() for line in a.get_lines()) for a in axes] == [1, 0, 0, 0]
    np.testing.assert_array_equal(curve_of(axes[1], 0).get_ydata(), results.value[0, 2:, 0])


def test_a_chosen_path_is_on_the_x_axis_and_the_snr_gets_panels(make_results):
    points = [{"link.rate": r, "snr_db": s} for r in (2, 4, 8) for s in (0.0, 10.0)]
    axes = axes_of(make_results(points=points, scenario={"along": "link.rate"}))
    assert len(axes) == 2
    np.testing.assert_array_equal(curve_of(axes[1], 0).get_xdata(), [2, 4, 8])
    assert len(axes_of(make_results(points=points))) == 3


def test_values_that_are_no_numbers_are_not_joined(make_results):
    (axes,) = axes_of(make_results(points=[{"air.channel.model": m} for m in "ABC"]))
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["A", "B", "C"]
    first, second = curve_of(axes, 0), curve_of(axes, 1)
    assert first.get_linestyle() == second.get_linestyle() == "None"
    assert (first.get_xdata() < second.get_xdata()).all()


def test_run_without_a_sweep_shows_the_schemes_side_by_side(make_results):
    (axes,) = axes_of(make_results(points=[{}]))
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["A", "B"]
    assert curve_of(axes, 1).get_xdata().tolist() == [1.0]


def test_scheme_without_the_metric_is_not_drawn(make_results):
    def value(scheme, point, metric):
        return NAN if (scheme == "B") == (metric == "ber") else (0.5, 0.4, 0.6, 1, 2)

    axes = axes_of(make_results(metrics=(BER, PSNR), value=value))
    assert np.isnan(curve_of(axes[0], 1).get_ydata()).all()
    assert np.isfinite(curve_of(axes[1], 1).get_ydata()).all()


def test_panel_names_the_schemes_without_a_verdict(make_results):
    bler = MetricInfo("bler", "", "log", "low")

    def value(scheme, point, metric):
        return NAN if (scheme, metric) == ("B", "bler") else (0.5, 0.4, 0.6, 1, 2)

    axes = axes_of(make_results(metrics=(BER, bler), value=value))
    note = "no block error rate, as their receiver has no\nverdict: B"
    assert [[text.get_text() for text in a.texts] for a in axes] == [[], [note]]
    # Where it is the only metric there is nothing to draw.
    with pytest.raises(ValueError, match="no metric has a value"):
        png(make_results(metrics=(bler,), value=lambda *_: NAN))


def test_blind_line_says_what_it_is(make_results):
    for names, meaning in (((), "receiver fed noise only"), (("noise_psnr", "prior_psnr"), "better of noise only and")):
        metrics = tuple(MetricInfo(name) for name in ("psnr", "blind_psnr", *names))
        (axes,) = axes_of(make_results(metrics=metrics, value=lambda *_: (1.0, 0.5, 1.5, 1, 2)))
        texts = [text.get_text() for text in axes.figure.legends[0].get_texts()]
        assert sum(text.startswith(f"blind: {meaning}") for text in texts) == 1


def test_run_without_any_value_is_refused(make_results):
    with pytest.raises(ValueError, match="no metric has a value"):
        png(make_results(value=lambda *_: NAN))


def test_many_schemes_have_different_looks():
    styles = {(s["color"], s["marker"]) for s in map(scheme_style, range(63))}
    assert len(styles) == 63


@pytest.mark.parametrize("matrix", [
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
], ids=["protanopia", "deuteranopia"])
def test_colours_stay_apart_for_colour_blind_readers(matrix):
    """Machado, Oliveira and Fernandes (2009), severity 1; distance in CIELAB."""
    from skimage.color import rgb2lab

    rgb = np.array([to_rgb(c) for c in COLOURS])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(matrix).T, 0, 1)
    encoded = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    lab = rgb2lab(encoded[None])[0]
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[np.triu_indices(len(COLOURS), 1)]
    assert distance.min() > 12


def test_airtime_is_drawn_where_a_swept_length_changes_it(make_results):
    metrics = (MetricInfo("accuracy"), MetricInfo("airtime", "resource elements/item"))
    lengths, path = (16, 32, 64), "schemes.*.system.num_tokens.audio"

    def labels(along, values, longer):
        def value(scheme, point, metric):
            number = 0.5 if metric == "accuracy" else 100.0 + longer * point[along]
            return number, number, number, number, 1.0

        results = make_results(points=tuple({along: one} for one in values), metrics=metrics, value=value)
        return [(axes.get_xlabel(), axes.get_ylabel()) for axes in axes_of(results)]

    accuracy, airtime = ("Tokens of audio", "Accuracy"), ("Tokens of audio", "Airtime (resource elements/item)")
    assert labels(path, lengths, 8.0) == [accuracy, airtime]
    assert labels(path, lengths, 0.0) == [accuracy]
    assert [label for _, label in labels("snr_db", (0.0, 6.0, 12.0), 8.0)] == ["Accuracy"]


@pytest.mark.parametrize(("groups", "panels"), [(3, 4), (40, 1)])
def test_groups_of_items_have_panels_if_they_are_few(make_results, groups, panels):
    names = ["accuracy", *(f"accuracy_kind_{number}" for number in range(groups))]
    results = make_results(metrics=tuple(MetricInfo(name, "") for name in names))
    shown = [axes for axes in axes_of(results) if lines_of(axes)]
    assert len(shown) == panels
