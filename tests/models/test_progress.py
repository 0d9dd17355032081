"""What a person sees of fit, evaluate and predict, with a terminal and without."""

import fcntl
import functools
import io
import os
import pty
import re
import struct
import sys
import termios
import time

import numba
import numpy as np
import pytest
from numba.core import event

from sora_np.callbacks import Progress, format_logs
from sora_np.common.compiling import COMPILING
from sora_np.kernels.machine.arrays import jit
from sora_np.metrics import SparseCategoricalAccuracy

TIME = r"\d+s - \d+(s|ms|us)/step"
NUMBERS = r"accuracy: \d\.\d{4} - loss: \d\.\d{4}"
VAL = r"val_accuracy: \d\.\d{4} - val_loss: \d\.\d{4}"


@pytest.fixture(autouse=True)
def told(monkeypatch):
    """Nothing is said of what these tests compile, if they are the first to do so."""
    monkeypatch.setattr(COMPILING, "told", True)


@pytest.fixture
def terminal(monkeypatch):
    """A function that does something with standard error as a terminal.

    It returns what was written there.
    """

    monkeypatch.setenv("TERM", "xterm")  # whatever runs these tests

    def watch(do, encoding="utf-8"):
        reader, writer = pty.openpty()
        size = struct.pack("4H", 24, 120, 0, 0)  # a new one is 0 characters wide
        fcntl.ioctl(writer, termios.TIOCSWINSZ, size)
        os.set_blocking(reader, False)
        with (
            os.fdopen(writer, "w", encoding=encoding) as stderr,
            monkeypatch.context() as patch,
        ):
            patch.setattr(sys, "stderr", stderr)
            do()
            stderr.flush()
            time.sleep(0.01)
            try:
                return os.read(reader, 1_000_000).decode()
            except BlockingIOError:
                return ""
            finally:
                os.close(reader)

    return watch


# --- without a terminal -------------------------------------------------------


@pytest.mark.parametrize("verbose", ["auto", 1, 2, True])
def test_one_line_an_epoch(make_model, images, capsys, verbose):
    make_model().fit(*images, 16, epochs=2, validation_data=images, verbose=verbose)
    out, err = capsys.readouterr()
    assert err == "" and out.isascii() and "\x1b" not in out and "\r" not in out
    first, second = out.splitlines()
    line = f"{TIME} - {NUMBERS} - {VAL}"
    assert re.fullmatch(f"Epoch 1/2 - 4/4 - {line}", first)
    assert re.fullmatch(f"Epoch 2/2 - 4/4 - {line}", second)


def test_one_epoch_has_no_number(make_model, images, capsys):
    make_model().fit(*images)
    assert re.fullmatch(f"2/2 - {TIME} - {NUMBERS}\n", capsys.readouterr().out)


@pytest.mark.parametrize("verbose", ["auto", 2])
def test_evaluate_writes_a_line(make_model, images, capsys, verbose):
    make_model().evaluate(*images, 16, verbose=verbose)
    assert re.fullmatch(f"4/4 - {TIME} - {NUMBERS}\n", capsys.readouterr().out)


@pytest.mark.parametrize("verbose", [0, False])
def test_silence(make_model, images, capsys, terminal, verbose):
    model = make_model()

    def work():
        model.fit(*images, epochs=2, verbose=verbose)
        model.evaluate(*images, verbose=verbose)
        model.predict(images[0], verbose=verbose)

    assert terminal(work) == "" and capsys.readouterr().out == ""


@pytest.mark.parametrize("verbose", [3, -1, "always", None, 0.5])
def test_unknown_verbose_trains_nothing(make_model, images, same_weights, verbose):
    model = make_model()
    for use in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match='verbose must be "auto", 0, 1 or 2, got'):
            use(*images, verbose=verbose)
    with pytest.raises(ValueError, match="verbose must be"):
        model.predict(images[0], verbose=verbose)
    assert same_weights(model, make_model())


def test_ascii_stdout(make_model, images, monkeypatch):
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stdout)
    make_model().fit(*images, epochs=2)
    stdout.flush()
    assert stdout.buffer.getvalue().count(b"\n") == 2


def test_metrics_with_names_that_stdout_cannot_show(make_model, images, monkeypatch):
    """Training goes on, and the line says what it can."""
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stdout)
    model = make_model()
    metric = SparseCategoricalAccuracy("accuracy_\N{GREEK SMALL LETTER ALPHA}")
    model.compile("sgd", model.loss, metrics=[metric])
    history = model.fit(*images, epochs=2)
    stdout.flush()
    assert stdout.buffer.getvalue().count(b"accuracy_\\u03b1: 0.") == 2
    assert len(history.epoch) == 2


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_without_standard_streams(make_model, images, monkeypatch, name):
    monkeypatch.setattr(sys, name, None)
    make_model().fit(*images)


# --- with one -----------------------------------------------------------------


@pytest.mark.parametrize("verbose", ["auto", 1])
def test_bar_on_a_terminal(make_model, images, capsys, terminal, verbose):
    """A bar that is wiped away at the end of every epoch, then the line."""
    pytest.importorskip("tqdm")  # the extra [progress]
    fit = functools.partial(make_model().fit, *images, 16, epochs=2, verbose=verbose)
    bar = terminal(fit)
    assert "Epoch 1/2:   0%|" in bar and "Epoch 2/2:" in bar and "0/4 [" in bar
    assert re.search(r"\r +\r$", bar), "the last one is wiped away"
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(f"Epoch 1/2 - 4/4 - {TIME} - {NUMBERS}", first)
    assert re.fullmatch(f"Epoch 2/2 - 4/4 - {TIME} - {NUMBERS}", second)


def test_predict_shows_a_bar_and_no_line(make_model, images, capsys, terminal):
    pytest.importorskip("tqdm")
    bar = terminal(lambda: make_model().predict(images[0]))
    assert "predict:   0%|" in bar and capsys.readouterr().out == ""


def test_bar_in_a_notebook(make_model, images, capsys, monkeypatch):
    """A widget where ipywidgets is installed; else a line that is written over.

    Not on standard error, which notebooks show on red, and without a word of
    ipywidgets, of which tqdm.auto would warn; see tests/test_notebook.py.
    """
    pytest.importorskip("tqdm")
    monkeypatch.setitem(sys.modules, "ipykernel", sys)  # as in a notebook's process
    monkeypatch.setitem(sys.modules, "ipywidgets", None)  # as if not installed
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    make_model().fit(*images, epochs=2)
    out, err = capsys.readouterr()
    assert "Epoch 1/2:   0%|" in out and "Epoch 2/2:   0%|" in out
    assert out.count("\n") == 2 and err == ""


def test_no_bar_on_a_dumb_terminal(make_model, images, capsys, terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert terminal(lambda: make_model().fit(*images, verbose=1)) == ""
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("no_color", ["", "1"])
def test_no_colours(make_model, images, terminal, monkeypatch, no_color):
    """NO_COLOR or not: a bar of plain text."""
    pytest.importorskip("tqdm")
    monkeypatch.setenv("NO_COLOR", no_color)
    bar = terminal(lambda: make_model().fit(*images, verbose=1))
    assert "0/2 [" in bar and "\x1b[" not in bar


def test_a_terminal_that_knows_ascii_alone(make_model, images, terminal):
    pytest.importorskip("tqdm")
    bar = terminal(lambda: make_model().fit(*images, verbose=1), encoding="ascii")
    assert "0/2 [" in bar and bar.isascii()


def test_no_bar_for_verbose_2(make_model, images, capsys, terminal):
    assert terminal(lambda: make_model().fit(*images, verbose=2)) == ""
    assert capsys.readouterr().out.count("\n") == 1


def test_no_bar_without_tqdm(make_model, images, capsys, terminal, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)  # importing it fails
    assert terminal(lambda: make_model().fit(*images, verbose=1)) == ""
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("use", ["fit", "evaluate", "predict"])
def test_bar_is_wiped_away_by_an_exception(
    make_model, images, terminal, monkeypatch, use
):
    pytest.importorskip("tqdm")
    model = make_model()
    monkeypatch.setattr(model.layers[2], "forward", lambda x, training: 1 / 0)
    given = images[:1] if use == "predict" else images

    def fail():
        with pytest.raises(ZeroDivisionError) as caught:
            getattr(model, use)(*given)
        assert caught.traceback, "it holds the frames, so no bar is freed by chance"
        gone.append(caught)

    gone = []
    assert re.search(r"\r +\r$", terminal(fail))


# --- while something compiles -------------------------------------------------

TOLD = "sora_np: compiling for this CPU, usually 5 to 20 seconds; kept for the next "
compiles = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1 compiles nothing"
)


@pytest.fixture
def compile_two(told, monkeypatch, tmp_path):
    """A function that compiles two others, with nothing in the cache."""
    monkeypatch.setattr(COMPILING, "told", False)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def double(x):
        x[0] *= 2

    def use():
        double.__module__ = "sora_np.kernels.activations.relu"
        for dtype in (np.float32, np.float64):
            jit(from_python=True)(double)(np.ones(1, dtype))

    return use


@compiles
def test_a_notebook_is_told_once(compile_two, capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    compile_two()
    assert capsys.readouterr() == (f"{TOLD}time in {tmp_path}\n", "")


@compiles
@pytest.mark.parametrize("stderr", ["a pipe", None])
def test_pipes_and_logs_are_told_nothing(compile_two, capsys, monkeypatch, stderr):
    if stderr is None:
        monkeypatch.setattr(sys, "stderr", None)
    compile_two()
    assert capsys.readouterr() == ("", "")


@compiles
def test_where_machine_code_cannot_be_kept(compile_two, terminal, monkeypatch):
    def nowhere(function):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr("sora_np.kernels.machine.arrays.Cache", nowhere)
    said = terminal(compile_two)
    assert said.count("\n") == 1 and said.endswith("no folder can keep the result\r\n")


@compiles
def test_functions_of_others_are_theirs_to_speak_of(compile_two, terminal):
    assert terminal(lambda: numba.njit(lambda: 1)()) == ""


def pretend_to_compile(seconds=0):
    """Tell who listens to numba what it would tell them."""
    with event.trigger_event("numba:compile", data={"dispatcher": None}):
        time.sleep(seconds)


@pytest.mark.parametrize("use", ["fit", "evaluate", "predict"])
def test_bar_says_that_it_compiles(make_model, images, terminal, monkeypatch, use):
    """In the first batch and in the last, which is a smaller one; and then no more."""
    pytest.importorskip("tqdm")
    model = make_model()
    forward, sizes = model.layers[2].forward, []

    def compiling(x, training=False):
        if len(x) not in sizes:
            sizes.append(len(x))
            pretend_to_compile()
        return forward(x, training=training)

    model.compile("sgd", model.loss, fuse=False)
    monkeypatch.setattr(model.layers[2], "forward", compiling)
    given = images[:1] if use == "predict" else images
    bar = terminal(lambda: getattr(model, use)(*given, batch_size=15))
    assert sizes == [15, len(images[0]) % 15]
    assert {*re.findall(r"(\d)/4 \[[^]]*compiling\]", bar)} == {"0", "3"}
    assert COMPILING.called == []


def test_bar_says_that_validation_compiles(make_model, images, terminal, monkeypatch):
    pytest.importorskip("tqdm")
    model = make_model()
    test = model._steps.test

    def compiling(*batch):
        pretend_to_compile()
        return test(*batch)

    monkeypatch.setattr(model._steps, "test", compiling)
    bar = terminal(lambda: model.fit(*images, validation_data=images))
    assert re.search(r"2/2 \[[^]]*compiling\].*2/2 \[[^]]* loss: \d\.\d+\]", bar)


def test_time_left_is_of_steps_that_compile_nothing(terminal):
    """The first step and the third take 1 s, three others 0.12 s; 1000 are left."""
    pytest.importorskip("tqdm")

    def work():
        with Progress(1, 1000, "") as progress:
            for step in range(5):
                if step in (0, 2):
                    pretend_to_compile(1)
                else:
                    time.sleep(0.12)
                progress.update({"loss": 0.5})

    left = re.findall(r"(\d+)/1000 \[\d\d:\d\d<(\?|[\d:]+), [^]]*\]", terminal(work))
    assert left[:2] == [("0", "?"), ("0", "?")] and ("1", "?") in left
    assert {count for count, _ in left} == {*"012345"}
    minutes = [int(time.split(":")[0]) for _, time in left if ":" in time]
    assert len(minutes) >= 3 and 1 <= min(minutes) <= max(minutes) <= 5  # 2; else 8


# --- the text -----------------------------------------------------------------


@pytest.mark.parametrize(
    "value, text",
    [
        (0.25, "0.2500"),
        (1234.5, "1234.5000"),
        (0.00101, "0.0010"),
        (1e-3, "1.0000e-03"),
        (-1e-4, "-1.0000e-04"),
        (0, "0.0000e+00"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_numbers_are_written_as_keras_does(value, text):
    assert format_logs({"loss": value}) == f"loss: {text}"


def test_first_step_is_left_out_of_the_rate(capsys, monkeypatch):
    """It compiles: 30 s, then two steps of 20 ms."""
    clock = iter([0.0, 30.0, 30.04])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    progress = Progress(2, 3, "")
    for _ in range(3):
        progress.update({})
    progress.close({"loss": 0.5})
    assert capsys.readouterr().out == "3/3 - 30s - 20ms/step - loss: 0.5000\n"


def test_steps_that_compile_are_left_out_of_the_rate(capsys, monkeypatch):
    """Steps of 30 s, 20 ms, 5 s, 20 ms and 60 ms, and a validation of 7 s."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    with Progress(2, 5, "") as progress:
        for seconds, counts in (
            *((30, True), (0.02, True), (5, True), (0.02, True), (0.06, True)),
            *((7, False), (0.01, False)),
        ):
            if seconds > 1:
                pretend_to_compile()
            now[0] += seconds
            (progress.update if counts else progress.validated)({})
        progress.close({"loss": 0.5})
    expected = "5/5 - 42s - 37ms/step - loss: 0.5000\n"  # 110 ms / 3
    assert capsys.readouterr().out == expected


def test_rate_of_a_single_step(capsys, monkeypatch):
    clock = iter([0.0, 2.0, 2.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    progress = Progress(2, 1, "")
    progress.update({})
    progress.close({"loss": 0.5})
    assert capsys.readouterr().out == "1/1 - 2s - 2s/step - loss: 0.5000\n"
