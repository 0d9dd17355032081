"""Nothing here is timed: what the benchmarks compute, and how they say it."""

import doctest
import itertools
import json

import numpy as np
import pytest

from benchmarks import __main__ as program
from benchmarks import (
    graphs,
    layer_ops,
    measure,
    networks,
    problems,
    report,
    results,
    timing,
    whole,
)
from benchmarks.images import batches, one_hot, samples, shuffled
from benchmarks.peers import Variant, missing, numpy_im2col, sora, trained_state
from benchmarks.workers import PeerError, Setting, crew
from sora_np import applications, recipes
from sora_np.kernels.convolutional.conv2d import (
    conv2d_dw_reference,
    conv2d_dx_reference,
    conv2d_reference,
)
from sora_np.kernels.pooling.maxpool2d import (
    maxpool2d_dx_reference,
    maxpool2d_reference,
)
from sora_np.sora_model import create_sora_model


@pytest.mark.parametrize("module", [program, networks, report, results, timing])
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
    run = {
        "CPU": "a CPU",
        "vector": "128 bits",
        "versions": {"Python": "3.x", "PyTorch": "2.y"},
    }
    text = results.results(run, LINES)
    assert "| CPU | a CPU |" in text and "Python 3.x, PyTorch 2.y" in text
    assert "#### conv (FMA peak 400 GFLOP/s, spread 1 %)" in text
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
    task = networks.network_task("train", "train", networks.REFERENCE, 1)
    good, other = [np.ones(3)], [np.array([1, 1, 1.03])]
    for gradients in (True, False):
        measure.compare("other", task, good, good, gradients)
    with pytest.raises(measure.Disagreement, match="gradient 0 of other"):
        measure.compare("other", task, other, good, gradients=True)
    with pytest.raises(measure.Disagreement, match="result 0 of other"):
        measure.compare("other", task, other, good)


def test_reference_network_is_the_source_document_s():
    ours = create_sora_model((28, 28, 1)).get_weights()
    shapes = [w.shape for w in networks.weights(networks.REFERENCE)]
    assert shapes == [w.shape for w in ours]


def test_flops_worked_by_hand():
    first, second = 26 * 26 * 32 * 9, 11 * 11 * 64 * 9 * 32
    total = first + second + 1600 * 128 + 1280
    network = networks.REFERENCE
    assert networks.network_flops(network, 2, training=False) == 2 * 2 * total
    step = 2 * 2 * (3 * total - first)
    assert networks.network_flops(network, 2, training=True) == step


def test_rows_have_names_of_their_own():
    names = [task.name for task in problems.op_tasks() + layer_ops.layer_op_tasks()]
    assert len(set(names)) == len(names) == 35 + 20


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
    with crew([Setting("NumPy", True)], threads=1) as (worker,):
        for _ in range(2):
            assert worker.ask("prepare", task) == ["im2col"]
            worker.ask("build", "im2col")
            (y,) = worker.ask("check", "im2col")
            assert y.shape == (1, 26, 26, 32)
            assert worker.ask("run", "im2col", 0) > 0
            with pytest.raises(PeerError, match="KeyError"):
                worker.ask("build", "no such variant")
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


# --- results: one section a machine ---------------------------------------------------

MACHINES = [{"CPU": cpu, "vector": f"{n} bits"} for cpu, n in (("a", 256), ("a", 512))]


def test_a_run_on_another_machine_adds_its_section():
    one = results.results(MACHINES[0], LINES[:4])
    both = results.results(MACHINES[1], LINES[4:6], before=one)
    found = results.sections_of(both)
    assert list(found) == ["a, vectors of 512 bits", "a, vectors of 256 bits"]
    assert found["a, vectors of 256 bits"] == results.section(MACHINES[0], LINES[:4])


def test_a_run_on_the_same_machine_replaces_its_section():
    one = results.results(MACHINES[0], LINES)
    both = results.results(MACHINES[1], LINES[:4], before=one)
    text = results.results(MACHINES[1], LINES[4:6], before=both)
    assert "conv" not in results.sections_of(text)["a, vectors of 512 bits"]
    assert results.sections_of(text)["a, vectors of 256 bits"] == results.section(
        MACHINES[0], LINES
    )
    assert results.results(MACHINES[1], LINES[4:6], before=text) == text


def test_the_written_results_hold_the_section_that_was_there_first():
    assert "AMD EPYC, vectors of 256 bits" in results.sections_of(
        program.RESULTS.read_text()
    )


def test_the_late_step_is_the_headline_and_the_early_one_has_a_table_below():
    lines = [
        line(f"step, {phase}", peer, value, group="train", phase=phase)
        for phase, ours in (("early", 1.0), ("late", 2.0))
        for peer, value in (("sora_np", ours), ("PyTorch", 4.0))
    ]
    late, early = results.headline(lines).split("at their beginning")
    assert "| step, late | 2.00 s | 0.50 | 0.50 |" in late and "early" not in late
    assert "| step, early | 1.00 s | 0.25 | 0.25 |" in early and "late" not in early


# --- timing ---------------------------------------------------------------------------


def sampler(values, now):
    """Return a sampler whose calls take a second of a clock each."""
    values = itertools.cycle(values)

    def sample():
        now[0] += 1
        return next(values)

    return sample


@pytest.mark.parametrize(
    ("rivals", "repeats"),
    [(["ours"], 3), (["ours", "peer"], 2), (["peer"], 1)],
    ids=str,
)
def test_rivals_that_spread_are_measured_again_for_half_as_long(
    monkeypatch, rivals, repeats
):
    now = [0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    values = {"ours": [1.0, 2.0], "peer": [1.0], "slow": [2.0, 1.0]}
    samplers = {name: sampler(v, now) for name, v in values.items()}
    times = timing.interleaved(samplers, 0, least=4, rivals=lambda times: rivals)
    for name, t in times.items():
        assert t.repeats == (repeats if name in rivals else 1)
        assert t.rounds == 4 * t.repeats


def test_a_row_is_measured_five_times_at_most(monkeypatch):
    now = [0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    samplers = {n: sampler([1.0], now) for n in range(20)}
    samplers["ours"] = sampler([1.0, 2.0], now)
    times = timing.interleaved(samplers, 0, 4, rivals=lambda times: ["ours"])
    assert times["ours"].repeats == 5 and times["ours"].rounds == 20


def test_the_spread_says_how_often_a_row_was_measured():
    assert report.spread(line("row", "sora_np", 1.0)) == "30 %"
    said = report.spread(line("row", "sora_np", 1.0, repeats=3))
    assert said == "30 %, measured 3 times"


# --- training, early and late ---------------------------------------------------------

TINY = networks.Network(
    "tiny",
    (28, 28, 1),
    (networks.Conv(2, 3), networks.Pool(), networks.Dense(4), networks.Dense(10)),
)


@pytest.fixture(scope="module")
def state():
    return trained_state.train(TINY, batch=4, steps=3)


def test_a_training_step_makes_an_early_and_a_late_row(state):
    task = networks.network_task("train", "train", TINY, 4)
    (early, first), (late, second) = measure.rows(task, state)
    assert early.name == "tiny, train, batch 4, early" and first.step == 0
    assert late.name == "tiny, train, batch 4, after 3 steps" and second is state
    assert [early.phase, late.phase] == ["early", "late"]


def test_the_late_state_is_that_of_training(state):
    model = sora.build(TINY, networks.weights(TINY))
    for x, y in shuffled(TINY, 4, 3):
        model.train_on_batch(x, one_hot(y))
    slots = model.optimizer.slots
    for name, wanted in (("m", slots["m"]), ("v", slots["v"])):
        found = np.concatenate([a.ravel() for a in getattr(state, name)])
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-9, err_msg=name)
    for found, wanted in zip(state.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def test_moments_of_the_late_state_are_subnormal_where_gradients_are_0():
    adam, p, g = trained_state.PlainAdam(0.001), np.ones(2, "f4"), np.zeros(2, "f4")
    adam.step(p, g + 1)
    for _ in range(1000):
        adam.step(p, g)
    m = adam.slots["m"]
    assert np.all(m > 0) and np.all(m < np.finfo("f4").tiny)


@pytest.mark.parametrize("peer", [sora, numpy_im2col], ids=["sora_np", "NumPy"])
def test_a_slice_begins_at_the_state_of_its_row_again(peer, state):
    task = networks.network_task("train", "train", TINY, 4)
    (make,) = peer.variants(task).values()
    variant, (x, y) = make(), batches(task)[0]
    losses = []
    for _ in range(2):
        variant.load(state)
        losses.append([float(variant.run()) for _ in range(3)])
    assert losses[0] == losses[1]
    p = sora.build(TINY, state.weights).predict(x)[np.arange(4), y]
    assert losses[0][0] == pytest.approx(-np.log(p).mean(), rel=1e-4)


def test_a_prediction_begins_with_trained_weights(state):
    task = networks.network_task("predict", "predict", TINY, 2)
    task = task._replace(start=state.weights)
    ours, others = (
        variant()
        for peer in (sora, numpy_im2col)
        for variant in peer.variants(task).values()
    )
    np.testing.assert_allclose(ours.run(), others.run(), rtol=1e-4, atol=1e-6)


def test_the_recipe_s_network_is_the_recipe_s():
    recipe = recipes.fashion_93((28, 28, 1), 10, seed=0, steps=10)
    shapes = [w.shape for w in networks.weights(networks.FASHION_93)]
    assert shapes == [w.shape for w in recipe.get_weights()]
    kinds = [type(layer) for layer in recipe.layers if layer.name != "random_flip"]
    ours = sora.build(networks.FASHION_93, networks.weights(networks.FASHION_93))
    assert [type(layer) for layer in ours.layers][1:] == kinds[1:]
    assert ours.optimizer.weight_decay == recipe.optimizer.weight_decay
    assert ours.loss.label_smoothing == recipe.loss.label_smoothing


def test_pytorch_flushes_in_a_process_of_its_own():
    settings = program.all_settings(["sora_np", "PyTorch", "JAX"], quick=False)
    assert settings[0] == Setting("sora_np")
    assert Setting("PyTorch", tuned_malloc=True, flush=True) in settings
    assert len(settings) == len(set(settings)) == 6


# --- networks that branch -------------------------------------------------------------

BLOCK = networks.Network(  # with a projection, whose layers a graph puts elsewhere
    "block",
    (28, 28, 1),
    (
        *(*graphs._conv(4, 3), networks.Relu(), *graphs._residual(6, 2)),
        *(networks.Depthwise(3), networks.Norm(), networks.Relu(6.0)),
        *(networks.Keep("large"), networks.Pool(), networks.Transposed(3)),
        *(networks.Concat("large"), networks.GlobalAverage(), networks.Dense(10)),
    ),
    noise=0.5,
)
APPLICATIONS = [
    (graphs.RESNET, lambda: applications.resnet20((32, 32, 3), 10)),
    (
        graphs.MOBILENET,
        lambda: applications.mobilenet(
            (32, 32, 3), 10, 0.5, graphs.BLOCKS, (1, 32), rate=0.0
        ),
    ),
    (graphs.UNET, lambda: applications.unet((64, 64, 1))),
]


@pytest.mark.parametrize(("network", "made"), APPLICATIONS, ids=lambda v: str(v)[15:25])
def test_networks_that_branch_are_the_applications(network, made):
    ours, theirs = sora.build(network, networks.weights(network)), made()

    def described(model):
        skipped = ("InputLayer", "Dropout")
        kinds = [type(la).__name__ for la in model.layers]
        shapes = [w.shape for w in model.get_weights()]
        return sorted(k for k in kinds if k not in skipped), sorted(shapes)

    assert described(ours) == described(theirs)
    assert ours.output_shape == theirs.output_shape


def test_shapes_and_flops_of_a_network_that_branches():
    shapes = {type(layer): shape for layer, _, _, shape in networks.walk(BLOCK)}
    assert shapes[networks.Add] == shapes[networks.Depthwise] == (14, 14, 6)
    assert shapes[networks.Concat] == (14, 14, 3 + 6)
    residual = 14 * 14 * (4 * 6 + 9 * 4 * 6 + 9 * 6 * 6)
    up = 7 * 7 * 4 * 6 * 3
    total = 28 * 28 * 9 * 4 + residual + 14 * 14 * 9 * 6 + up + 9 * 10
    assert networks.network_flops(BLOCK, 2, training=False) == 2 * 2 * total


def test_the_state_of_a_graph_is_in_the_order_of_the_network():
    state = trained_state.train(BLOCK, batch=4, steps=1)
    model = sora.build(BLOCK, networks.weights(BLOCK))
    ((x, y),) = shuffled(BLOCK, 4, 1)
    model.train_on_batch(x, one_hot(y))
    layers = sora.in_order(model)
    assert layers != [layer for layer in model.layers if layer in layers]
    grads = [g for layer in layers for g in layer.grads.values()]
    for number, (m, g) in enumerate(zip(state.m, grads, strict=True)):
        wanted = 0.1 * g.reshape(m.shape)
        np.testing.assert_allclose(m, wanted, rtol=1e-5, err_msg=f"m {number}")
    assert [m.shape for m in state.m] == networks.trained_shapes(BLOCK)


@pytest.mark.parametrize("kind", ["train", "predict"])
@pytest.mark.parametrize("peer", ["PyTorch", "TensorFlow", "ONNX Runtime", "OpenVINO"])
def test_frameworks_agree_about_a_network_that_branches(peer, kind):
    task = networks.network_task("graphs", kind, BLOCK, 4)
    if missing(peer) or (kind == "train" and peer.startswith("O")):
        pytest.skip(f"{peer} does not {kind} here")
    with crew([Setting("sora_np"), Setting(peer)], threads=1) as workers:
        made, failed = measure.built(task, workers, True, lambda text: None)
        state = networks.initial(BLOCK) if kind == "train" else None
        agreed, also_failed = measure.checked(task, state, made)
    assert {one.worker.peer for one in agreed} == {"sora_np", peer}
    assert not failed + also_failed


def test_labels_of_pixels_say_where_the_piece_of_clothing_is():
    task = networks.network_task("graphs", "train", graphs.UNET, 2)
    x, y = samples(task)
    assert x.shape == y.shape == (2, 64, 64, 1)
    clean = samples(task._replace(what=graphs.UNET._replace(noise=0.0)))[0]
    np.testing.assert_array_equal(y, clean > 0)
    assert 0.05 < y.mean() < 0.2  # of 28x28 in 64x64, a part


# --- operations of layers -------------------------------------------------------------


@pytest.mark.parametrize(
    "task", layer_ops.layer_op_tasks(1), ids=lambda task: task.kind
)
def test_tasks_of_a_layer_s_operation_do_what_its_function_does(task):
    prepared, public = (make() for make in sora.variants(task).values())
    ours, theirs = (v.result(v.run()) for v in (prepared, public))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


# --- a whole run ----------------------------------------------------------------------


class FakeWorker:
    """Answers as a worker does, in no time."""

    def __init__(self, peer, seconds, accuracy):
        self.peer, self.setting = peer, Setting(peer)
        self.seconds, self.accuracy, self.runs = seconds, accuracy, []

    def ask(self, command, *message):
        if command == "prepare":
            return list(self.seconds)
        if command == "trial":
            return self.seconds[message[0]]
        if command == "whole":
            self.runs.append(message[0])
            return self.seconds[message[0]], self.accuracy
        return None


def whole_lines(monkeypatch, *workers):
    monkeypatch.setattr(whole, "SILENCE", 0)
    task = whole.whole_run_task(quick=False)
    return whole.measure_whole(task, workers, 2, False, lambda text: None)


def test_a_whole_run_measures_the_fastest_of_each_kind(monkeypatch):
    torch = {"tensors NCHW": 4.0, "tensors NHWC": 3.0, "DataLoader NHWC": 5.0}
    ours = FakeWorker("sora_np", {"": 1.0}, 0.9)
    theirs = FakeWorker("PyTorch", torch, 0.91)
    monkeypatch.setattr(whole, "LIMIT", 4.0)
    lines = whole_lines(monkeypatch, ours, theirs)
    assert [(one["variant"], one["rounds"]) for one in lines] == [
        ("sora_np", 5),
        ("PyTorch tensors NHWC", 5),
        ("PyTorch DataLoader NHWC", 1),  # longer than the limit allows
    ]
    assert lines[0]["ratio"] == pytest.approx(1 / 3)
    assert report.texts_of(lines)[0][-1] == "accuracy"
    assert report.texts_of(lines)[1][-1] == "0.9000"


def test_a_whole_run_that_learns_less_is_refused(monkeypatch):
    ours, theirs = (
        FakeWorker("sora_np", {"": 1.0}, 0.9),
        FakeWorker("PyTorch", {"tensors": 1.0}, 0.87),
    )
    with pytest.raises(measure.Disagreement, match="0.8700"):
        whole_lines(monkeypatch, ours, theirs)


def test_a_whole_run_of_sora_np():
    run = networks.WholeRun(TINY, 1, 64)
    (make,) = sora.variants(problems.Task("fit", "fit", "fit", run)).values()
    variant = make()
    assert isinstance(variant, Variant)
    variant.load(networks.initial(TINY))
    assert 0 <= variant.trial() <= 1 and 0 <= variant.run() <= 1
