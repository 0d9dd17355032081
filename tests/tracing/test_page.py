"""The page of a step: one file that loads nothing, whose sums are those of Python."""

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest
from tracing.cases import network, worth

from sora_np import BatchNormalization, Dense, Sequential
from sora_np.tracing import page

VOID = {"meta", "br", "img", "input", "link"}
SCRIPT = files("sora_np.tracing") / "page.js"
NODE, CHROMIUM = shutil.which("node"), shutil.which("chromium")


class Tags(HTMLParser):
    """Reads a page; raises where a tag is closed that is not the last open one."""

    def __init__(self, text):
        super().__init__()
        self.open, self.all, self.texts = [], [], {}
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.all.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def named(self, tag):
        return [attributes for name, attributes in self.all if name == tag]


@pytest.fixture(scope="module")
def step():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((3, 5, 7, 2)).round(2)
    return network("float32").trace(x, np.array([2, 0, 1]))


@pytest.fixture(scope="module")
def written(step, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "step.html"
    step.save(path, 1)
    return path


@pytest.fixture(scope="module")
def text(written):
    return written.read_text(encoding="utf-8")


def test_it_is_one_file_that_loads_nothing(text):
    tags = Tags(text)
    for _, attributes in tags.all:
        assert not {"src", "href", "srcset", "action"} & {*attributes}
        assert not any(name.startswith("on") for name in attributes)
    addresses = {*re.findall(r"\w+://[^\s\"'`]+", text)}
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, not a place
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|innerHTML|eval\(", text)


def test_its_policy_lets_this_script_run_alone(text):
    (policy,) = (
        attributes["content"]
        for attributes in Tags(text).named("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert scripts == [SCRIPT.read_text(encoding="utf-8")]
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert policy.startswith("default-src 'none'")
    assert f"script-src 'sha256-{digest}'" in policy


def test_it_can_be_read_by_all(text, step):
    """Names, a language, labels, a place for readers of screens, both schemes."""
    tags = Tags(text)
    assert tags.named("html") == [{"lang": "en"}] and "sequential" in text
    assert {"name": "color-scheme", "content": "light dark"} in tags.named("meta")
    assert "prefers-color-scheme: dark" in text and ":focus-visible" in text
    sections = tags.named("details")
    assert len(sections) == len(step.layers) + 1
    interactive = [one for one in sections if "data-layer" in one]
    assert interactive == sections  # softmax in front of the loss is cut
    assert len(tags.named("output")) == len(tags.named("select")) == len(interactive)
    assert all(one == {"aria-live": "polite"} for one in tags.named("output"))
    regions = [one for one in tags.named("div") if one.get("class") == "scroll"]
    assert all(one["tabindex"] == "0" and one["aria-label"] for one in regions)
    assert tags.named("noscript") and 'role: "img"' in text and "aria-label" in text


def test_without_scripts_there_is_a_sum_of_each_layer(text, step):
    outputs = Tags(text).texts["output"]
    first = step.explain("conv2d", "y[1, 2, 2, 0]").text().partition("\n")[2]
    assert outputs[0] == first
    assert any(one.startswith("y[1, 0] = bias[o] + sum_k") for one in outputs)


def test_the_numbers_are_those_of_the_step(text, step):
    tags = Tags(text)
    (data,) = (one for one in tags.texts["script"] if one.startswith("["))
    layers = json.loads(data)
    names = [one.name for one in step.layers]
    assert [one["name"] for one in layers] == [*names, "loss"]
    for held in layers:
        traced = step[held["name"]]
        for name, array in held["arrays"].items():
            if name == "slope":
                continue
            given = traced[name][1] if array["batch"] else traced[name]
            assert array["shape"] == [*given.shape]
            kept = np.array(array["data"], given.dtype).reshape(given.shape)
            np.testing.assert_array_equal(kept, given)


RUNNER = """
const {explain} = require(process.argv[1]);
const found = [];
for (const layer of JSON.parse(require("fs").readFileSync(0, "utf8"))) {
  for (const array of Object.values(layer.arrays)) array.data = array.data.map(Number);
  for (const name of layer.targets) {
    const shape = layer.arrays[name].shape, size = shape.reduce((a, b) => a * b, 1);
    for (let k = 0; k < size; k++) {
      const index = [];
      let left = k;
      for (const one of [...shape].reverse()) {
        index.unshift(left % one);
        left = Math.floor(left / one);
      }
      const {lines, marks, kept} = explain(layer, name, index);
      found.push([layer.name, name, index, lines.map(line => [line.left,
        line.head + (line.terms.join(line.join) || "0") + line.tail, line.terms.length,
        line.value]), marks, kept || null]);
    }
  }
}
console.log(JSON.stringify(found));
"""


def by_node(step, sample):
    traced = [*step.layers, step.loss]
    data = [page.data_of(one, sample, len(step.x[0])) for one in traced]
    return json.loads(
        subprocess.run(
            [NODE, "-e", RUNNER, str(SCRIPT)],
            input=json.dumps(data),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
    )


@pytest.mark.skipif(NODE is None, reason="no node on PATH")
@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "mse"])
def test_the_scripts_sums_are_those_of_python(loss):
    """All of them: what is written, how many terms, which cells are outlined."""
    rng, sample = np.random.default_rng(3), 1
    x = rng.standard_normal((3, 5, 7, 2)).round(2)
    y = np.array([2, 0, 1]) if loss != "mse" else rng.random((3, 3)).round(1)
    step = network("float64", loss).trace(x, y)
    found, seen = by_node(step, sample), set()
    for name, array, index, lines, marks, kept in found:
        traced = step[name]
        own = (
            array.startswith("d") and array[1:] in traced.layer.params
            if name != ("loss")
            else False
        )
        whole = index if own else [sample, *index]
        explained = traced.explain(f"{array}[{', '.join(map(str, whole))}]")
        assert len(lines) == len(explained.lines)
        for (left, written, count, value), line in zip(
            lines, explained.lines, strict=True
        ):
            assert left == line.left
            assert value == line.value
            error = abs(worth(written) - value)
            assert error < (2e-6 if own else 1e-9) * max(1, abs(value)), written
            if not own:
                assert count == len(line.terms)
        if not own and array not in ("dx", "dz", "dy", "p"):
            outlined = {(one, tuple(k)) for one, k in marks}
            taken = {
                (one.array, one.where if one.array in traced.layer.params
                 else one.where[1:])
                for one in explained.operands
            } if name != "loss" else outlined  # fmt: skip
            assert outlined == taken
        if kept is not None:
            assert f"x[{', '.join(map(str, [sample, *kept]))}]" in explained.notes[0]
        seen.add((name, array))
    assert len(found) > 1000 and len(seen) >= 23


def test_layers_without_a_sum_and_numbers_that_are_none(tmp_path):
    model = Sequential([BatchNormalization(input_shape=(2,)), Dense(1)])
    model.compile("sgd", "mse")
    model.layers[1].params["kernel"] = [[np.inf], [1.0]]
    with np.errstate(all="ignore"):
        step = model.trace([[1.0, 2.0], [3.0, 4.0]], [[1.0], [2.0]])
        step.save(tmp_path / "step.html")
    text = (tmp_path / "step.html").read_text(encoding="utf-8")
    tags = Tags(text)
    assert [one.get("data-layer") for one in tags.named("details")] == [None, "1", "2"]
    (data,) = (one for one in tags.texts["script"] if one.startswith("["))
    dense = json.loads(data, parse_constant=lambda name: pytest.fail(name))[1]
    assert dense["arrays"]["kernel"]["data"] == ["Infinity", 1]


def test_a_name_cannot_leave_its_place(tmp_path):
    bad = "</script><script>alert(1)"
    model = Sequential([Dense(1, input_shape=(2,), name=bad)], name=bad)
    model.compile("sgd", "mse")
    model.trace([[1.0, 2.0]], [[1.0]]).save(tmp_path / "step.html")
    text = (tmp_path / "step.html").read_text(encoding="utf-8")
    assert len(Tags(text).named("script")) == 2 and html.escape(bad) in text


@pytest.mark.parametrize("sample", [3, -4])
def test_a_sample_that_is_none(step, sample, tmp_path):
    with pytest.raises(ValueError, match=f"the 3 in the batch, .* got {sample}"):
        step.save(tmp_path / "step.html", sample)
    assert not [*tmp_path.iterdir()]


FRAME = """<!DOCTYPE html><meta charset="utf-8"><title>waiting</title>
<iframe width="{width}" height="900" srcdoc="{page}"></iframe>
<script>
document.querySelector("iframe").onload = function () {{
  const page = this.contentDocument, target = page.querySelector(".target svg");
  const before = page.querySelector("output").textContent;
  const key = {{key: "ArrowRight", bubbles: true, cancelable: true}};
  target.dispatchEvent(new this.contentWindow.KeyboardEvent("keydown", key));
  const after = page.querySelector("output").textContent;
  const panels = [...page.querySelectorAll("svg")];
  document.title = [page.documentElement.scrollWidth, panels.length,
    panels.every(svg => svg.getAttribute("aria-label")), before !== after].join(" ");
}};
</script>
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")
@pytest.mark.parametrize("width", [360, 1280])
def test_it_works_in_a_browser(text, tmp_path, width):
    wrapper = tmp_path / "frame.html"
    wrapper.write_text(FRAME.format(width=width, page=html.escape(text)))
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    quiet += ["--disable-background-networking", "--enable-logging=stderr"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    result = subprocess.run(
        [CHROMIUM, *quiet, profile, "--dump-dom", wrapper.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0 and "CONSOLE" not in result.stderr, result.stderr
    title = result.stdout.split("<title>")[1].split("</title>")[0]
    wide, panels, labelled, moved = title.split()
    assert int(wide) <= width and int(panels) >= 6
    assert labelled == moved == "true"
