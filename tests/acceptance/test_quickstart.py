"""The main job, much reduced, through the command line."""

import json
import os
import re
import subprocess
import sys

import numpy as np

from tokencom.scenarios import Results, load_scenario

FILES = ("results.h5", "summary.json", "provenance.json", "curves.png", "report.html")


def reduced():
    """Return overrides that keep every scheme and need seconds."""
    changes = ["sweep.snr_db=[4, 20]", "stop={batch_size: 4, max_mc_iter: 1, num_target_block_errors: 50}"]
    for index, scheme in enumerate(load_scenario("quickstart").schemes):
        if scheme.task.type == "image":
            changes.append(f"schemes.{index}.task={{type: image, data: {{type: photos, size: 48, num_images: 2}}}}")
            if scheme.type == "digital":
                changes.append(f"schemes.{index}.link.num_channel_uses=4256")
        elif scheme.task.type == "text":
            changes.append(f"schemes.{index}.task.data.num_sentences=3")
    return changes


def test_quickstart_runs_end_to_end(tmp_path):
    folder = tmp_path / "out"
    command = [sys.executable, "-m", "tokencom.scenarios.cli", "run", "quickstart", *reduced()]
    done = subprocess.run(
        [*command, "--workers", "1", "--output", str(folder), "--quiet"], cwd=tmp_path, check=False,
        capture_output=True, text=True, timeout=600, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [folder]
    for name in FILES:
        assert (folder / name).stat().st_size > 100, name
    names = [scheme.name for scheme in load_scenario("quickstart").schemes]
    for name in names:
        assert name in done.stdout
    check_results(folder, names)
    check_texts(folder, names)


def check_results(folder, names):
    results = Results.load(folder)
    metrics = [info.name for info in results.metrics]
    assert list(results.schemes) == names
    assert [point["snr_db"] for point in results.points] == [4, 20]
    assert {"ber", "bler", "psnr", "bleu", "exact_match", "clean_psnr", "blind_psnr"} <= set(metrics)
    assert np.isfinite(results.value[:, :, metrics.index("channel_uses")]).all()
    psnr = metrics.index("psnr")
    pictured = [names.index(name) for name in names if "JPEG" in name or "WebP" in name or "JSCC" in name]
    assert len(pictured) == 5
    clean, blind = (results.value[pictured][:, :, metrics.index(f"{kind}_psnr")] for kind in ("clean", "blind"))
    assert (results.value[pictured][:, :, psnr] <= clean + 1e-9).all()
    assert (clean > blind).all()
    uses = results.value[pictured][:, :, metrics.index("channel_uses")]
    assert (uses <= 4256).all()


def check_texts(folder, names):
    summary = json.loads((folder / "summary.json").read_text())
    provenance = json.loads((folder / "provenance.json").read_text())
    assert all(name in json.dumps(summary) for name in names)
    assert "quickstart" in json.dumps(provenance)
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in report
    # Self-contained: nothing is loaded from elsewhere.
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", report)
    assert "<script src" not in report
