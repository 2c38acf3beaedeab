# ruff: noqa: E501  (messages are easier to compare in one piece)
import pickle

import pytest

from tokencom.scenarios.schema import ScenarioError, load_scenario


def test_a_valid_file(write):
    scenario = load_scenario(write())
    assert scenario.task.num_bits == 1000
    assert scenario.air.channel.delay_spread == 3e-7
    assert scenario.snr_db == 0
    assert [scheme.name for scheme in scenario.schemes] == ["LDPC R=0.5", "Turbo"]
    assert len(scenario.points()) == 6


# One golden message per common mistake: file, line, field, value, what is allowed, nearest.
GOLDEN = [
    (
        ("model: A", "model: F"),
        "trial.yaml:5: air.channel.model: 'F' is not known; allowed: A, B, C, D, E; did you mean 'E'?",
    ),
    (
        ("type: tdl", "type: tdk"),
        "trial.yaml:5: air.channel.type: 'tdk' is not known; allowed: tdl, cdl, umi, uma, rma, python; did you mean 'tdl'?",
    ),
    (
        ("code: ldpc5g", "code: ldcp5g"),
        "trial.yaml:10: schemes.0.link.code.type: 'ldcp5g' is not known; allowed: uncoded, ldpc5g, turbo, polar5g, conv, "
        "ldpc, python; did you mean 'ldpc5g'?",
    ),
    (
        ("batch_size", "batchsize"),
        "trial.yaml:17: stop.batchsize: 'batchsize' is not a field here; allowed: batch_size, max_mc_iter, "
        "num_target_block_errors, target_relative_width; did you mean 'batch_size'?",
    ),
    (
        ("delay_spread: 300e-9", "speed: 3"),
        "trial.yaml:5: air.channel.delay_spread: is missing; needed: RMS delay spread (s)",
    ),
    (("num_bits: 1e3", "num_bits: many"), "trial.yaml:2: task.num_bits: 'many' is not a number"),
    (("num_bits: 1e3", "num_bits: true"), "trial.yaml:2: task.num_bits: True is not a number"),
    (("num_bits: 1e3", "num_bits: 0.5"), "trial.yaml:2: task.num_bits: 0.5 is not an integer"),
    (("num_bits: 1e3", "num_bits: -1"), "trial.yaml:2: task.num_bits: -1 must be at least 1"),
    (("300e-9", ".nan"), "trial.yaml:5: air.channel.delay_spread: nan is not finite"),
    (("300e-9", "300"), "trial.yaml:5: air.channel.delay_spread: 300 must be at most 0.001"),
    (
        ("num_bits_per_symbol: 2", "num_bits_per_symbol: 5"),
        "trial.yaml:10: schemes.0.link.num_bits_per_symbol: 5 is not a size of constellation_type 'qam'; "
        "allowed: 2, 4, 6, 8; did you mean 4?",
    ),
    (
        ("name: Turbo", "name: LDPC R=0.5"),
        "trial.yaml:11: schemes.1.name: 'LDPC R=0.5' is the name of schemes.0 too; names are unique",
    ),
    (
        ("fft_size: 76", "fft_size: 76\n  num_guard_carriers: [40, 36]"),
        "trial.yaml:7: air.num_guard_carriers: [40, 36] leaves no subcarrier of fft_size = 76",
    ),
    (
        ("fft_size: 76", "fft_size: 76\n  num_ofdm_symbols: 10"),
        "trial.yaml:3: air.pilot_ofdm_symbol_indices: [2, 11] must lie in the grid: from 0 to 9",
    ),
    (
        ("fft_size: 76", "fft_size: 76\n  num_ofdm_symbols: 2\n  pilot_ofdm_symbol_indices: [0, 1]"),
        "trial.yaml:8: air.pilot_ofdm_symbol_indices: [0, 1] leaves no room for data: all 2 OFDM symbols carry pilots",
    ),
    (
        ("fft_size: 76", "fft_size: 76\n  csi: none"),
        "trial.yaml:7: air.csi: 'none' needs the channel's phase: QAM is detected coherently",
    ),
    (
        ("fft_size: 76", "fft_size: 76\n  dc_null: no"),
        "trial.yaml:7: air.dc_null: 'no' is neither true nor false",
    ),
    (("snr_db: [0, 6, 12]", "snr_db: 6"), "trial.yaml:15: sweep.snr_db: 6 is not a list"),
    (
        ("snr_db: [0, 6, 12]", "snr_db: []"),
        "trial.yaml:15: sweep.snr_db: [] is empty; give at least one value",
    ),
    (("snr_db: [0, 6, 12]", "snr_db: [0, 6, 6.0]"), "trial.yaml:15: sweep.snr_db: 6.0 is in the list twice"),
    (
        ("snr_db: [0, 6, 12]", "seed: [0, 6, 12]"),
        "trial.yaml:15: sweep.seed: 'seed' cannot be swept; what can lies in: snr_db, ebno_db, air, task, schemes, precision",
    ),
    (
        ("snr_db: [0, 6, 12]\n", "\n"),
        "trial.yaml:1: snr_db: is missing; give snr_db or ebno_db (dB), fixed or in the sweep",
    ),
    (
        ("air.channel.speed", "air.channel.sped"),
        "trial.yaml:16: sweep.air.channel.sped: 'sped' is not a field here; allowed: type, model, delay_spread, "
        "carrier_frequency, speed; did you mean 'speed'?",
    ),
    (
        ("air.channel.speed: [0, 3]", "schemes.Trubo.link.coderate: [0.5]"),
        "trial.yaml:16: sweep.schemes.Trubo.link.coderate: 'Trubo' is neither a name in the list nor an index; "
        "allowed: LDPC R=0.5, Turbo; did you mean 'Turbo'?",
    ),
    (
        ("air.channel.speed: [0, 3]", "name.first: [a]"),
        "trial.yaml:16: sweep.name.first: 'name.first' cannot be swept; what can lies in: snr_db, ebno_db, air, task, schemes, precision",
    ),
    (
        ("air.channel.speed: [0, 3]", "air.channel.speed: [0, fast]"),
        "trial.yaml:16: sweep.air.channel.speed: 'fast' is not a number",
    ),
    (
        ("num_target_block_errors: 100", "num_target_block_errors: 100, target_relative_width: 0.1"),
        "trial.yaml:17: stop.target_relative_width: 0.1 is given beside num_target_block_errors; "
        "one of the two decides when to stop",
    ),
    (
        ("coderate: 0.5", "k: 2000, n: 1000"),
        "trial.yaml:10: schemes.0.link.k: 2000 payload bits do not fit n = 1000 coded bits; k <= n is needed",
    ),
    (
        ("coderate: 0.5", "k: 1000"),
        "trial.yaml:10: schemes.0.link.n: is missing; k is given, and the two go together",
    ),
    (
        ("coderate: 0.5", "k: 500, n: 1000"),
        "trial.yaml:10: schemes.0.link.k: 500 is not the task's num_bits = 1000",
    ),
    (
        (", coderate: 0.5", ""),
        "trial.yaml:10: schemes.0.link.coderate: is missing; give coderate, or k and n",
    ),
    (
        ("code: ldpc5g", "code: uncoded"),
        "trial.yaml:10: schemes.0.link.coderate: 0.5 is not 1, the rate of code 'uncoded'",
    ),
    (("{type: bits, num_bits: 1e3}", "bits"), "trial.yaml:2: task: 'bits' is not a mapping with a 'type'"),
    (("{type: bits, num_bits: 1e3}", "{num_bits: 1e3}"), "trial.yaml:2: task.type: is missing; allowed: "),
    (
        ("name: trial", "name: 2024"),
        "trial.yaml:1: name: 2024 is not a text; put it in quotes if it is meant as one",
    ),
    (("name: trial", "name: ''"), "trial.yaml:1: name: '' is empty; give a text"),
    (
        ("name: trial", "name: trial\nalong: air.chanel.speed"),
        "trial.yaml:2: along: 'air.chanel.speed' is not swept; allowed: snr_db, air.channel.speed; "
        "did you mean 'air.channel.speed'?",
    ),
]


@pytest.mark.parametrize(
    ("change", "expected"), GOLDEN, ids=lambda value: value[:40] if isinstance(value, str) else ""
)
def test_golden_messages(refused, change, expected):
    first = refused(change).splitlines()[0]
    assert first == expected or (expected.endswith(": ") and first.startswith(expected))


def test_every_problem_is_reported_at_once(refused):
    message = refused(
        ("model: A", "model: F"), ("num_bits: 1e3", "num_bits: x"), ("max_mc_iter: 20", "max_mc_iter: 0")
    )
    assert [line.split(": ")[1] for line in message.splitlines()] == [
        "task.num_bits",
        "air.channel.model",
        "stop.max_mc_iter",
    ]


def test_a_problem_of_some_points_says_where(refused):
    message = refused(
        ("air.channel.speed: [0, 3]", "air.csi: [perfect, estimated]\n  air.pilot_pattern: [kronecker, none]")
    )
    assert message == (
        "trial.yaml:17: sweep.air.pilot_pattern: 'none' leaves nothing to estimate from; csi 'estimated' needs 'kronecker'"
        " (at snr_db = 0, air.csi = 'estimated', air.pilot_pattern = 'none')"
    )


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            ["air.channel.model=F"],
            "override air.channel.model=F: air.channel.model: 'F' is not known; allowed: A, B, C, D, E; did you mean 'E'?",
        ),
        (
            ["stop.batchsize=3"],
            "override stop.batchsize=3: stop.batchsize: 'batchsize' is not a field here; allowed: batch_size, max_mc_iter, "
            "num_target_block_errors, target_relative_width; did you mean 'batch_size'?",
        ),
        (["batch_size"], "command line: 'batch_size' is not an override; write a.b=value"),
        (
            ["name.x=1"],
            "override name.x=1: name.x: does not exist: 'trial' stands where a mapping with 'x' should",
        ),
        (["=1"], "override =1: '' is not a path; write at most 40 names joined by dots"),
        (["seed=[1"], "override seed=[1: is not YAML: "),
        (["air=\t"], "override air=\\t: is not YAML: a tab stands where YAML wants spaces"),
        (
            ["schemes.Trubo.link.coderate=1"],
            "override schemes.Trubo.link.coderate=1: schemes.Trubo.link.coderate: 'Trubo' is neither a name in the list "
            "nor an index; allowed: LDPC R=0.5, Turbo; did you mean 'Turbo'?",
        ),
        (["sweep.snr_db=[1, x]"], "override sweep.snr_db=[1, x]: sweep.snr_db: 'x' is not a number"),
        (["sweep=3"], "override sweep=3: sweep: 3 is not a mapping of names to values"),
        (["seed=1", "seed=-1"], "override seed=-1: seed: -1 must be at least 0"),
        (
            ["snr_db=3"],
            "override snr_db=3: snr_db: has no effect, since the sweep sets it; override sweep.snr_db",
        ),
        (["along=seed"], "override along=seed: along: 'seed' is not swept; allowed: snr_db, air.channel.speed"),
    ],
)
def test_a_wrong_override_names_itself(refused, overrides, expected):
    first = refused(overrides=overrides).splitlines()[0]
    assert first == expected or (expected.endswith(": ") and first.startswith(expected))


def test_overrides_are_yaml_and_later_ones_win(write):
    overrides = [
        "seed=3",
        "seed=0x10",
        "stop.max_mc_iter=1e2",
        "schemes.LDPC R=0.5.link.coderate=0.25",
        "schemes.1.name=T=1",
        "sweep={snr_db: [1]}",
        "sweep.air.channel.model=[A, B]",
        "air.channel={type: cdl, model: C, delay_spread: 1e-7}",
    ]
    scenario = load_scenario(write(), overrides)
    assert (scenario.seed, scenario.stop.max_mc_iter) == (16, 100)
    assert scenario.schemes[0].link.coderate == 0.25
    assert scenario.schemes[1].name == "T=1"
    assert [dict(point.values) for point in scenario.points()] == [
        {"snr_db": 1, "air.channel.model": "A"},
        {"snr_db": 1, "air.channel.model": "B"},
    ]
    assert scenario.air.channel.type == "cdl"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "trial.yaml: None is not a scenario: names and values are needed, such as 'name: my_run'"),
        (
            "- a\n- b\n",
            "trial.yaml:1: ['a', 'b'] is not a scenario: names and values are needed, such as 'name: my_run'",
        ),
        (
            "just text\n",
            "trial.yaml:1: 'just text' is not a scenario: names and values are needed, such as 'name: my_run'",
        ),
    ],
)
def test_files_that_hold_no_mapping(refused, text, expected):
    assert refused(text=text) == expected
    assert "is not a scenario" in refused(text=text, overrides=["sweep.snr_db=[1]"])


def test_a_missing_file_names_the_nearest_shipped(tmp_path):
    with pytest.raises(
        ScenarioError,
        match=r"'ber/uncoded_qan' is neither a file nor a shipped scenario; shipped: .*; "
        r"did you mean 'ber/uncoded_qam'\?",
    ):
        load_scenario("ber/uncoded_qan")
    with pytest.raises(ScenarioError, match="is a folder; a scenario is a YAML file"):
        load_scenario(tmp_path)
    for odd in ("\0", "x" * 5000, ""):
        with pytest.raises(ScenarioError, match="neither a file nor a shipped scenario"):
            load_scenario(odd)


def test_a_file_goes_before_a_shipped_scenario(write, monkeypatch):
    path = write(name="quickstart")
    monkeypatch.chdir(path.parent)
    assert load_scenario("quickstart").name == "trial"


def test_errors_survive_pickling(write):
    with pytest.raises(ScenarioError) as caught:
        load_scenario(write(("model: A", "model: F")))
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    problem = again.problems[0]
    assert (problem.field, problem.line, problem.value, problem.nearest) == (
        "air.channel.model",
        5,
        "'F'",
        "E",
    )
