"""RESULTS.md: a section for each machine, of which a run writes its own alone."""

from benchmarks.measure import OURS
from benchmarks.report import (
    best_of,
    geometric_mean,
    quantity,
    ratios_of,
    rows_of,
    texts_of,
    title,
)

TITLE = "# Results of `python -m benchmarks`"

INTRODUCTION = """\
Written by the program; do not edit. There is one section for each machine, by its CPU and the width of its vectors: a
run writes the section of its own machine and leaves the others. Every framework ran in processes of its own, all
variants in turn, round after round, after their results had been held equal to sora_np's. A time is the median of the
rounds; spread: the distance of the quartiles, of the median; where it was above 5 %, the row was measured again, up to
5 times in all, and all rounds count. Flops are those of direct convolution. The FMA peak was probed in the same rounds.
A ratio is sora_np's time by that of the best variant of a framework: below 1, sora_np is faster. sora_np's is that of
its public functions with the default malloc; PyTorch's is the best with the default malloc, the tuned one, and the
tuned one with torch.set_flush_denormal(True) ("flush"), where alone torch.compile is measured. Operations allocate their
results: there all have the tuned malloc, which keeps freed memory. For them sora_np's ratio is that of "prepared": the
tasks that a model's plan runs, into buffers that are there; "sora_np" is the public function, which prepares and
allocates."""  # noqa: E501

GROUPS = {
    "train": "Training step, reference network",
    "predict": "Inference, reference network",
    "vgg": "A deeper network: six convolutions with same padding",
    "recipe": "The network of the recipe fashion-93",
    "graphs": "Networks with skips and of depthwise convolutions",
    "fit": "A whole run through `fit`, with validation",
    "start": "Whole processes: time and memory",
    "ops": "Operations",
    "threads": "Threads",
}

_OWN = """\
The processes were begun for this group of rows: none has the heap of a larger row.
Before every slice of 25 ms all were silent for 0.17 s, until the thread pools of the
others slept, and a fifth of the slice went by unmeasured."""
_STEPS = f"""{_OWN}
Every slice began at the state of its row again, and went through the same batches of
real images. "Early" is the first step on. The late state was made once for all
frameworks: gradients by sora_np, Adam by NumPy, which keeps subnormal numbers as
IEEE 754 has them; so all have the same weights, sparsity and moments."""
_RECIPE = "Without the recipe's RandomFlip and its schedule of the rate."
_LAYERS = """\
Of the last ones, from average pooling on, TensorFlow and NumPy are left out, and the
backward of Concatenate, where PyTorch gives views of dy. PyTorch and JAX keep of the
forward what their backward needs, as sora_np does."""
_GRAPHS = """\
The late state is that after 200 steps, and predictions have its weights. The images
have noise. ResNet-20 and U-Net are those of sora_np.applications, the MobileNet-like
network has seven blocks and alpha 0.5. The U-Net says of every pixel whether it
belongs to the piece of clothing. PyTorch has images and kernels turned round, so that
its padding is that of the others without a pass of its own. JAX and NumPy are left
out."""
NOTES = {  # how what ran before was kept out
    "train": _STEPS,
    "predict": f"{_OWN} Weights are those after 2,000 steps of training at batch 32.",
    "vgg": f"{_STEPS} The images have a rim of 0 and three equal channels.",
    "recipe": f"{_STEPS} {_RECIPE}",
    "graphs": f"{_STEPS}\n{_GRAPHS}",
    "fit": """\
The processes were begun for this row; one run came after the other, a second of
silence before each. All were built and warm; of the settings of one kind (fit,
tensors, DataLoader) the one that was fastest in a trial was measured. Every run begins
at the same weights; the order of images is another each time. The accuracy is that of
the last validation, the mean of the runs.""",
    "start": """\
Every number is that of a new process with the default malloc, 0.17 s after the one
before had ended, while no other framework was alive.""",
    "ops": f"{_OWN} {_LAYERS}",
    "threads": f"{_STEPS} The rows of all threads are those above.",
}


def results(run, lines, before=""):
    """Return RESULTS.md with this run's section, the first, and those of others.

    Parameters
    ----------
    run : the record of the run, see ``record.py``
    lines : of all rows
    before : RESULTS.md as it was
    """
    own = machine(run)
    parts = {own: section(run, lines)} | {
        name: text for name, text in sections_of(before).items() if name != own
    }
    texts = [f"## {name}\n\n{text}" for name, text in parts.items()]
    return "\n\n".join([TITLE, INTRODUCTION, *texts]) + "\n"


def machine(run):
    """Return the heading of a machine's section.

    >>> machine({"CPU": "AMD EPYC", "vector": "256 bits"})
    'AMD EPYC, vectors of 256 bits'
    """
    return f"{run['CPU']}, vectors of {run['vector']}"


def sections_of(text):
    r"""Return machine -> its section without the heading.

    >>> sections_of("# Title\n\n## A\n\n### Ratios\n\n## B\n\nb\n")
    {'A': '### Ratios', 'B': 'b'}
    """
    parts = f"\n{text}".split("\n## ")[1:]
    pairs = (part.partition("\n") for part in parts)
    return {name.strip(): rest.strip() for name, _, rest in pairs}


def section(run, lines):
    """Return the section of a run: record, ratios, then every variant."""
    parts = [
        markdown(("", ""), [(key, _flat(value)) for key, value in run.items()]),
        "### Ratios",
        headline(lines),
    ]
    rows = rows_of(lines)
    for group, heading in GROUPS.items():
        if any(g == group for g, _ in rows):
            parts += [f"### {heading}", NOTES[group]]
        for (g, row), of_row in rows.items():
            if g == group:
                heads, *texts = texts_of(of_row)
                parts += [f"#### {title(row, of_row)}", markdown(heads, texts)]
    failed = [line for line in lines if "failed" in line]
    if failed:
        texts = [(f["row"], f["variant"], f["failed"]) for f in failed]
        parts += ["### Did not run", markdown(("row", "variant", "why"), texts)]
    return "\n\n".join(parts)


def headline(lines):
    """Return the table of ratios to the best variant of each framework.

    Of a training step the late row comes here; early ones have a table below.
    """
    early = [line for line in lines if line.get("phase") == "early"]
    parts = [_ratios([line for line in lines if line.get("phase") != "early"])]
    if early:
        parts += ["The same training steps at their beginning:", _ratios(early)]
    return "\n\n".join(parts)


def _ratios(lines):
    of_rows = rows_of(lines)
    rows = {key: ratios_of(of_row) for key, of_row in of_rows.items()}
    rows = {key: ratios for key, ratios in rows.items() if ratios}
    peers = list(dict.fromkeys(peer for ratios in rows.values() for peer in ratios))
    texts = []
    for key, ratios in rows.items():
        ours = best_of(of_rows[key])[OURS]
        value = quantity(ours["value"], ours["unit"])
        texts.append((key[1], value, *_ratio_texts(ratios, peers)))
    of_ops = {row: ratios for (group, row), ratios in rows.items() if group == "ops"}
    if of_ops:
        by_peer = {
            peer: [r[peer] for r in of_ops.values() if peer in r] for peer in peers
        }
        by_peer = {peer: found for peer, found in by_peer.items() if found}
        means = {peer: geometric_mean(found) for peer, found in by_peer.items()}
        worst = {peer: max(found) for peer, found in by_peer.items()}
        name = f"**all {len(of_ops)} operations**"
        texts.append((f"{name}, geometric mean", "", *_ratio_texts(means, peers)))
        texts.append((f"{name}, the worst", "", *_ratio_texts(worst, peers)))
    return markdown(("sora_np's time / that of", "sora_np", *peers), texts)


def _ratio_texts(ratios, peers):
    return [f"{ratios[peer]:.2f}" if peer in ratios else "" for peer in peers]


def _flat(value):
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return str(value)


def markdown(heads, texts):
    """Return a table."""
    rows = [heads, ["---"] * len(heads), *texts]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
