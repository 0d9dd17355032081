"""Nothing here is timed: what the benchmarks compute, and how they say it."""

import doctest
import json

import numpy as np
import pytest

from benchmarks import __main__ as program
from benchmarks import measure, problems, report, timing
from benchmarks.peers import numpy_im2col
from benchmarks.workers import PeerError, crew
from sora_np.kernels.conv2d import (
    conv2d_dw_reference,
    conv2d_dx_reference,
    conv2d_reference,
)
from sora_np.kernels.maxpool2d import maxpool2d_dx_reference, maxpool2d_reference
from sora_np.sora_model import create_sora_model


@pytest.mark.parametrize("module", [program, problems, report, timing])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0


def line(row, peer, value, variant="", group="ops", **more):
    name = f"{peer} {variant}".strip()
    return {
        **{"group": group, "row": row, "peer": peer, "variant": name, "unit": "s"},
        **{"value": value, "low": 0.9 * value, "high": 1.2 * value, "rounds": 5},
        **more,
    }


LINES = [
    line("conv", "sora_np", 2e-3, gflops=100.0, peak_gflops=400.0, peak_spread=0.01),
    line("conv", "PyTorch", 4e-3, "NCHW"),
    line("conv", "PyTorch", 8e-3, "NHWC"),
    line("conv", "JAX", 1e-3, "jit"),
    line("pool", "sora_np", 1e-3),
    line("pool", "PyTorch", 8e-3, "eager"),
    line("step", "sora_np", 3e-3, group="train"),
    line("step", "sora_np", 1e-3, ", tuned malloc", group="train"),
    line("step", "PyTorch", 2e-3, "eager", group="train"),
    {"group": "train", "row": "step", "peer": "JAX", "variant": "JAX jit"}
    | {"unit": "s", "failed": "ValueError: no"},
]


def ratios(row):
    return report.ratios_of([line for line in LINES if line["row"] == row])


def test_ratios_are_to_the_best_variant_of_each_framework():
    assert ratios("conv") == {"best": 2.0, "PyTorch": 0.5, "JAX": 2.0}


def test_sora_np_gets_no_help_from_a_setting():
    assert ratios("step") == {"best": 1.5, "PyTorch": 1.5}


def test_no_ratio_without_another_framework():
    assert report.ratios_of(LINES[:1]) == {}


def test_geometric_mean():
    assert report.geometric_mean([1, 4, 16]) == pytest.approx(4)


def test_table_has_the_fastest_first_and_failures_last():
    conv = report.table(LINES[:4]).splitlines()
    assert [text.split()[0] for text in conv[1:3]] == ["JAX", "sora_np"]
    assert conv[2].split() == ["sora_np", "2.00", "ms", "30", "%", "100", "25", "%"]
    assert "did not run" in report.table(LINES[6:]).splitlines()[-1]


def test_json_lines_come_back():
    text = report.json_lines(LINES)
    assert [json.loads(one) for one in text.splitlines()] == LINES


def test_results_hold_record_ratios_and_every_variant():
    run = {"CPU": "a CPU", "versions": {"Python": "3.x", "PyTorch": "2.y"}}
    text = report.results(run, LINES)
    assert "| CPU | a CPU |" in text and "Python 3.x, PyTorch 2.y" in text
    assert "### conv (FMA peak 400 GFLOP/s, spread 1 %)" in text
    assert "| conv | 2.00 ms | 2.00 | 0.50 | 2.00 |" in text
    assert "| **all 2 operations**, geometric mean |  | 0.50 | 0.25 | 2.00 |" in text
    assert "| **all 2 operations**, the worst |  | 2.00 | 0.50 | 2.00 |" in text
    assert "| step | JAX jit | ValueError: no |" in text
    for one in LINES:
        assert one["variant"] in text


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    report.plot(LINES, tmp_path / "ratios.png")
    assert (tmp_path / "ratios.png").read_bytes().startswith(b"\x89PNG")


def test_variants_are_measured_in_turn_and_slow_ones_set_aside():
    calls = []

    def sampler(name, seconds):
        return lambda: calls.append(name) or seconds

    seconds = {"fast": 1.0, "slow": 9.0, "ours": 8.0}
    samplers = {name: sampler(name, s) for name, s in seconds.items()}
    times = timing.interleaved(samplers, budget=0, least=5, keep=["ours"])
    assert {name: t.rounds for name, t in times.items()} == {
        "fast": 5,
        "slow": 3,
        "ours": 5,
    }
    assert [set(calls[n : n + 3]) for n in (0, 3, 6)] == [set(seconds)] * 3
    assert times["slow"] == timing.Times(9.0, 9.0, 9.0, 3)


def test_unequal_results_are_refused():
    task = problems.network_task("train", "train", problems.REFERENCE, 1)
    good = [[2.0, 1.0], np.ones(3)]
    measure.compare("other", task, good, good)
    with pytest.raises(measure.Disagreement, match="result 1 of other"):
        measure.compare("other", task, [good[0], np.array([1, 1, 1.03])], good)
    with pytest.raises(measure.Disagreement, match="result 0 of other"):
        measure.compare("other", task, [[2.0, 1.03], good[1]], good)


def test_reference_network_is_the_source_document_s():
    ours = create_sora_model((28, 28, 1)).get_weights()
    shapes = [w.shape for w in problems.weights(problems.REFERENCE)]
    assert shapes == [w.shape for w in ours]


def test_flops_worked_by_hand():
    first, second = 26 * 26 * 32 * 9, 11 * 11 * 64 * 9 * 32
    total = first + second + 1600 * 128 + 1280
    network = problems.REFERENCE
    assert problems.network_flops(network, 2, training=False) == 2 * 2 * total
    step = 2 * 2 * (3 * total - first)
    assert problems.network_flops(network, 2, training=True) == step


def test_rows_have_names_of_their_own():
    names = [task.name for task in problems.op_tasks()]
    assert len(set(names)) == len(names) == 32


@pytest.mark.parametrize(
    "more",
    [{}, {"pad": 1}, {"pad": 1, "stride": 2}, {"pad": 2, "dilation": 2}],
    ids=str,
)
def test_im2col_is_the_formula(more):
    op = problems.ConvOp((2, 6, 5, 3), (3, 3, 3, 4), **more)
    a = problems.operands(problems.Task("ops", "conv", "conv2d", op))
    strides, dilation = (op.stride,) * 2, (op.dilation,) * 2
    window = strides, ((op.pad, op.pad),) * 2, dilation
    x, w, b, dy = a["x"], a["w"], a["b"], a["dy"]
    close = {"rtol": 1e-4, "atol": 1e-4}
    y = conv2d_reference(x, w, b, *window)
    assert y.shape == op.y
    np.testing.assert_allclose(numpy_im2col.conv2d(x, w, b, **more), y, **close)
    dw = conv2d_dw_reference(x, dy, op.w, *window)
    np.testing.assert_allclose(numpy_im2col.conv2d_dw(x, dy, 3, **more), dw, **close)
    dx = conv2d_dx_reference(dy, w, op.x, *window)
    np.testing.assert_allclose(numpy_im2col.conv2d_dx(dy, w, op.x, **more), dx, **close)


def test_numpy_max_pooling_is_the_formula():
    op = problems.ShapeOp((2, 5, 4, 3))
    a = problems.operands(problems.Task("ops", "pool", "maxpool2d", op))
    y, argmax = maxpool2d_reference(a["x"], (2, 2), (2, 2))
    ours, at = numpy_im2col.maxpool2d(a["x"])
    np.testing.assert_array_equal(ours, y)
    dx = maxpool2d_dx_reference(a["dy"], argmax, op.x, (2, 2), (2, 2))
    np.testing.assert_array_equal(numpy_im2col.maxpool2d_dx(a["dy"], at, op.x), dx)


def test_a_worker_answers_and_is_started_anew_after_its_death():
    task = problems.op_tasks(batch=1)[0]
    with crew([("NumPy", True)], threads=1) as (worker,):
        for _ in range(2):
            assert worker.ask("prepare", task) == ["im2col"]
            (y,) = worker.ask("check", "im2col")
            assert y.shape == (1, 26, 26, 32)
            assert worker.ask("run", "im2col", 0) > 0
            with pytest.raises(PeerError, match="KeyError"):
                worker.ask("check", "no such variant")
            worker._process.kill()
            with pytest.raises(PeerError, match="died"):
                worker.ask("version")


def test_results_are_written_from_a_full_run_alone(capsys):
    for part in (["--quick"], ["--only", "ops"], ["--peers", "PyTorch"]):
        with pytest.raises(SystemExit):
            program.parse(["--results", *part])
    with pytest.raises(SystemExit):
        program.parse(["--only", "opts"])
    assert "not opts" in capsys.readouterr().err
