"""How metrics, swept paths and their values are written in figures and reports."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

METRICS = {
    "ber": "Bit error rate",
    "bler": "Block error rate",
    "ser": "Symbol error rate",
    "goodput": "Goodput",
    "psnr": "PSNR",
    "ssim": "SSIM",
    "ms_ssim": "MS-SSIM",
    "bleu": "BLEU",
    "wer": "Word error rate",
    "cer": "Character error rate",
    "cider": "CIDEr-D",
    "exact_match": "Exact match",
    "accuracy": "Accuracy",
    "frechet": "Fréchet distance",
    "frechet_few": "Fréchet distance, few pictures",
    "kid": "Kernel distance",
    "active_units": "Active reals of the tokens",
    "token_variance": "Variance of the tokens' means",
    "token_noise": "Variance of the tokens given the item",
    "damaged": "Share of items damaged",
    "fallback": "Share of items lost",
    "channel_uses": "Channel uses",
}
AXES = {"snr_db": r"$E_s/N_0$ (dB)", "ebno_db": r"$E_b/N_0$ (dB)"}
AXES_TEXT = {"snr_db": "Es/N0 (dB)", "ebno_db": "Eb/N0 (dB)"}
REFERENCES = {
    "clean_": "without noise and fading",
    "blind_": "receiver fed noise only",
    "prior_": "most common answer",
}
"""Prefixes of metrics that are reference lines of another metric, with what the lines are."""

NOISE = "noise_"
"""Prefix of metrics of a receiver fed noise only, where the blind line is the better of it and the prior."""

VERDICT = ("bler",)
"""Metrics that schemes lack whose receiver has no verdict on blocks."""

ACCOUNTING = ("channel_uses", "payload", "pilots", "side_information", "airtime")
"""Columns of the channel-use table; no curves."""

_LONGEST = 32


def is_curve(metric: str) -> bool:
    """Whether a metric gets a panel of its own: it is no reference line and no channel-use count.

    Example:
        >>> is_curve("psnr"), is_curve("clean_psnr"), is_curve("airtime")
        (True, False, False)
    """
    return metric not in ACCOUNTING and not metric.startswith((*REFERENCES, NOISE))


def reference_meaning(prefix: str, metrics: Iterable[str]) -> str:
    """Return what a reference line is.

    Args:
        prefix: of its metric, one of :data:`REFERENCES`.
        metrics: names of all metrics of the results.

    Example:
        >>> reference_meaning("blind_", ["accuracy", "blind_accuracy"])
        'receiver fed noise only'
        >>> reference_meaning("blind_", ["accuracy", "blind_accuracy", "noise_accuracy", "prior_accuracy"])
        'better of noise only and most common answer'
    """
    parts = prefix == "blind_" and any(name.startswith(NOISE) for name in metrics)
    return "better of noise only and most common answer" if parts else REFERENCES[prefix]


def metric_label(name: str, unit: str = "") -> str:
    """Return the label of a metric with its unit.

    Example:
        >>> metric_label("psnr", "dB"), metric_label("word_error_rate")
        ('PSNR (dB)', 'Word error rate')
    """
    label = METRICS.get(name) or name.replace("_", " ").strip().capitalize() or name
    return f"{label} ({unit})" if unit else label


def axis_label(path: str, paths: Iterable[str] = (), *, math: bool = True) -> str:
    """Return the label of a swept path: its last part, or all of it where that is not unique.

    The number of tokens of a named device is "Tokens of" it.

    Args:
        path: the swept path.
        paths: all swept paths.
        math: whether matplotlib's math text may be used.

    Example:
        >>> axis_label("air.channel.delay_spread"), axis_label("schemes.*.system.num_tokens.audio")
        ('delay spread', 'Tokens of audio')
    """
    known = AXES if math else AXES_TEXT
    if path in known:
        return known[path]
    *before, last = path.split(".")
    same = [other for other in paths if other.rsplit(".", 1)[-1] == last]
    if len(same) > 1:
        return path
    if before[-1:] == ["num_tokens"] and not last.isdecimal():
        return f"Tokens of {last}"
    return last.replace("_", " ")


def point_label(point: Mapping[str, Any]) -> str:
    """Return the values of a point, or "all" for a run without a sweep.

    Example:
        >>> point_label({"snr_db": 6.0, "air.channel": "awgn"})
        'Es/N0 (dB) = 6, channel = awgn'
    """
    parts = (f"{axis_label(path, point, math=False)} = {value_label(value)}" for path, value in point.items())
    return ", ".join(parts) or "all"


def value_label(value: Any) -> str:
    """Return a short text for a swept value.

    Example:
        >>> value_label(3e-7), value_label({"type": "tdl", "model": "A"}), value_label(True)
        ('3e-07', 'tdl, model A', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        parts = [str(v) if k in {"type", "name"} else f"{k} {value_label(v)}" for k, v in value.items()]
        text = ", ".join(parts)
    else:
        text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
