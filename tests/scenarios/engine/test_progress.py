import io

from tokencom.scenarios.engine import Progress, TextProgress
from tokencom.scenarios.engine.progress import hook_of


def _moment(**changes):
    values = {
        "points_done": 1, "points_total": 4, "batches_done": 20, "batches_left": 60, "errors": 7,
        "seconds": 5.0, "seconds_left": 15.0, "working_on": "scheme 'QPSK'",
    }
    return Progress(**{**values, **changes})


def test_line():
    line = TextProgress.line
    assert "0:05, about 0:15 left" in line(_moment())
    assert "1:00:05, about 2:03:20 left" in line(_moment(seconds=3605, seconds_left=7400))
    assert "left" not in line(_moment(seconds_left=None))
    assert line(_moment(points_done=4, batches_left=0, working_on="")).endswith("100 %  0:05")


def test_one_line_is_kept_up_to_date():
    stream = io.StringIO()
    show = TextProgress(stream, interval=1000)
    show(_moment())
    show(_moment(batches_done=30))  # too soon
    show(_moment(points_done=4, batches_left=0, working_on=""))
    text = stream.getvalue()
    assert text.count("\r") == 2
    assert text.endswith("\n")
    first, last = text.rstrip("\n").split("\r")[1:]
    assert len(last) >= len(first)  # nothing of the longer line is left on the screen


def test_a_log_gets_whole_lines_and_none_of_short_work():
    for interval, lines in ((1000, 0), (0, 2)):
        stream = io.StringIO()
        show = TextProgress(stream, interval=interval, log=True)
        show(_moment())
        show(_moment(points_done=4, batches_left=0, working_on=""))
        show.close()
        assert stream.getvalue().count("\n") == lines
        assert "\r" not in stream.getvalue()


def test_hooks(monkeypatch):
    assert hook_of(False) is None
    assert hook_of(print) is print
    assert isinstance(hook_of(True), TextProgress)
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert hook_of(None) is None  # no terminal
