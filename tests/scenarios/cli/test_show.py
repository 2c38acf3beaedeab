import re

import pytest

FILE = """\
name: scenes
task: {type: vqa, data: {type: clevr_synth, num_images: 6, size: 32}, prior: false}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "task.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_a_task_alone(cli, file, tmp_path):
    pages = []
    for name in ("a", "b"):
        code, out, err = cli("show", file, "--count", 5, "--output", tmp_path / f"{name}.html")
        assert code == 0, err
        assert out.split() == [str(tmp_path / f"{name}.html"), str(tmp_path / f"{name}.png")]
        pages.append((tmp_path / f"{name}.html").read_text(encoding="utf-8"))
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    page = pages[0]
    assert pages[1] == page
    assert page.count('<li>\n<img src="data:image/png;base64,') == 5
    assert "clevr_synth, split test: 60 samples, 0 entries left out." in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)


def test_overrides_and_a_scenario(cli, file, tmp_path):
    out = tmp_path / "o.html"
    assert cli("show", file, "task.data.num_images=1", "--output", out)[0] == 0
    assert "10 samples" in out.read_text()
    code, _, err = cli("show", "ber/uncoded_qam", "--output", out)
    assert code == 2
    assert err == "tokencom: task: 'bits' has no samples to show; tasks on data have\n"


def test_a_text_task_shows_its_sentences(cli, tmp_path):
    (tmp_path / "t.yaml").write_text("task: {type: text, data: {type: alice, num_sentences: 4}}\n")
    assert cli("show", tmp_path / "t.yaml", "--output", tmp_path / "t.html")[0] == 0
    assert "Alice was beginning" in (tmp_path / "t.html").read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("clevr_synth", "clevr_snyth", "task.yaml:2: task.data.type: 'clevr_snyth' is not known; allowed: "),
        ("num_images: 6", "num_images: 0", "task.yaml:2: task.data.num_images: 0 "),
        ("task:", "tsak:", "did you mean 'task'?"),
        ("name: scenes", "name: [1]", "task.yaml:1: name: "),
        ("{type: vqa", "{type: python, target: 'os:system', options: {}} #", "runs only with --allow-code"),
    ],
)  # fmt: skip
def test_wrong_files(cli, file, old, new, message):
    file.write_text(FILE.replace(old, new))
    code, out, err = cli("show", file)
    assert (code, out) == (2, "")
    assert message in err


def test_a_wrong_override_and_a_wrong_count(cli, file, tmp_path):
    assert cli("show", file, "task.data.nmu=1") == (2, "", cli("show", file, "task.data.nmu=1")[2])
    assert "task.data" in cli("show", file, "task.data.nmu=1")[2]
    code, _, err = cli("show", file, "--count", 0, "--output", tmp_path / "x.html")
    assert code == 2
    assert "count: 0 is outside" in err
