"""Lines of results as a table, as JSON lines, as RESULTS.md and as a picture."""

import json
import math
from operator import itemgetter

from benchmarks.measure import OURS


def rows_of(lines):
    """Return (group, row) -> its lines, in the order in which they were measured."""
    rows = {}
    for line in lines:
        if "row" in line:
            rows.setdefault((line["group"], line["row"]), []).append(line)
    return rows


def best_of(lines):
    """Return peer -> its fastest line.

    sora_np's is its first: public functions, and no setting in the environment where
    there is a choice.
    """
    best = {}
    for line in lines:
        peer = line["peer"]
        if "value" in line and (peer != OURS or peer not in best):
            best[peer] = min(best.get(peer, line), line, key=itemgetter("value"))
    return best


def ratios_of(lines):
    """Return peer -> sora_np's value / that of the peer's best variant, of one row.

    "best" stands for the best of all; empty where nobody else, or not sora_np, ran.
    """
    best = best_of(lines)
    ours = best.pop(OURS, None)
    if ours is None or not best:
        return {}
    ratios = {peer: ours["value"] / line["value"] for peer, line in best.items()}
    return {"best": max(ratios.values())} | ratios


def geometric_mean(ratios):
    """Return (r_1 * ... * r_n) ** (1/n).

    >>> round(geometric_mean([0.5, 2.0]), 12)
    1.0
    """
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def quantity(value, unit):
    """Return a number with three digits and its unit.

    >>> quantity(0.00123456, "s"), quantity(12.3456, "s"), quantity(2 << 20, "B")
    ('1.23 ms', '12.3 s', '2.00 MiB')
    """
    if unit == "B":
        return f"{_three(value / 2**20)} MiB"
    for factor, name in ((1, "s"), (1e3, "ms")):
        if value * factor >= 1:
            return f"{_three(value * factor)} {name}"
    return f"{_three(value * 1e6)} us"


def _three(value):
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}" if value else "0"


def title(row, lines):
    """Return the name of a row, and how fast and how steady the machine was then."""
    peaks = [line for line in lines if "peak_gflops" in line]
    if not peaks:
        return row
    speed, spread = peaks[0]["peak_gflops"], 100 * peaks[0]["peak_spread"]
    return f"{row} (FMA peak {speed:.0f} GFLOP/s, spread {spread:.0f} %)"


HEADS = ("variant", "median", "spread", "GFLOP/s", "of peak", "ratio")


def cells(line):
    """Return a line as texts under HEADS."""
    if "failed" in line:
        return (line["variant"], "did not run", "", "", "", "")
    value = line["value"]
    gflops, peak = line.get("gflops"), line.get("peak_gflops")
    return (
        line["variant"],
        quantity(value, line["unit"]),
        f"{100 * (line['high'] - line['low']) / value:.0f} %",
        f"{gflops:.0f}" if gflops else "",
        f"{100 * gflops / peak:.0f} %" if gflops and peak else "",
        f"{line['ratio']:.2f}" if "ratio" in line else "",
    )


def table(lines, heads=HEADS):
    """Return lines of one row, the fastest first, as a table of fixed width."""
    texts = [heads, *map(cells, _fastest_first(lines))]
    widths = [max(len(text[n]) for text in texts) for n in range(len(heads))]
    return "\n".join(
        "  "
        + text[0].ljust(max(widths[0], 44))
        + "".join(
            "  " + t.rjust(max(w, 8)) for t, w in zip(text[1:], widths[1:], strict=True)
        )
        for text in texts
    )


def _fastest_first(lines):
    return sorted(lines, key=lambda line: line.get("value", math.inf))


def json_lines(lines):
    """Return the lines as JSON, one a line."""
    return "".join(json.dumps(line) + "\n" for line in lines)


# --- RESULTS.md -----------------------------------------------------------------------

GROUPS = {
    "train": "Training step, reference network",
    "predict": "Inference, reference network",
    "vgg": "A deeper network: six convolutions with same padding",
    "fit": "One epoch through `fit`, with validation",
    "start": "Whole processes: time and memory",
    "ops": "Operations",
    "threads": "Threads",
}


INTRODUCTION = """\
Written by the program; do not edit. Every framework ran in a process of its own, all variants in turn, round after
round, after their results had been held equal to sora_np's. A time is the median of the rounds; spread: the distance of
the quartiles, of the median. Flops are those of direct convolution. The FMA peak was probed in the same rounds.
A ratio is sora_np's time by that of the best variant of a framework: below 1, sora_np is faster. sora_np's is that of
its public functions with the default malloc; PyTorch's is the best with either. Operations allocate their results: there
all have the tuned malloc, which keeps freed memory. For them sora_np's ratio is that of "prepared": the tasks that a
model's plan runs, into buffers that are there; "sora_np" is the public function, which prepares and allocates."""  # noqa: E501


def results(run, lines):
    """Return RESULTS.md: how it was measured, ratios, then every variant.

    Parameters
    ----------
    run : the record of the run, see ``record.py``
    lines : of all rows
    """
    parts = [
        "# Results of `python -m benchmarks`",
        INTRODUCTION,
        _markdown(("", ""), [(key, _flat(value)) for key, value in run.items()]),
        "## Ratios",
        headline(lines),
    ]
    rows = rows_of(lines)
    for group, heading in GROUPS.items():
        if any(g == group for g, _ in rows):
            parts.append(f"## {heading}")
        for (g, row), of_row in rows.items():
            if g == group:
                texts = map(cells, _fastest_first(of_row))
                parts += [f"### {title(row, of_row)}", _markdown(HEADS, texts)]
    failed = [line for line in lines if "failed" in line]
    if failed:
        texts = [(f["row"], f["variant"], f["failed"]) for f in failed]
        parts += ["## Did not run", _markdown(("row", "variant", "why"), texts)]
    return "\n\n".join(parts) + "\n"


def headline(lines):
    """Return the table of ratios to the best variant of each framework."""
    rows = {key: ratios_of(of_row) for key, of_row in rows_of(lines).items()}
    rows = {key: ratios for key, ratios in rows.items() if ratios}
    peers = list(dict.fromkeys(peer for ratios in rows.values() for peer in ratios))
    texts = []
    for (group, row), ratios in rows.items():
        ours = best_of(rows_of(lines)[group, row])[OURS]
        value = quantity(ours["value"], ours["unit"])
        texts.append((row, value, *_ratio_texts(ratios, peers)))
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
    return _markdown(("sora_np's time / that of", "sora_np", *peers), texts)


def _ratio_texts(ratios, peers):
    return [f"{ratios[peer]:.2f}" if peer in ratios else "" for peer in peers]


def _flat(value):
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return str(value)


def _markdown(heads, texts):
    rows = [heads, ["---"] * len(heads), *texts]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


# --- picture --------------------------------------------------------------------------


def plot(lines, path):
    """Draw the ratio of every row to the best peer as a bar, left of 1 is faster."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            "--plot needs matplotlib: pip install 'sora-np[plot]'"
        ) from None
    found = {row: ratios_of(of_row) for (_, row), of_row in rows_of(lines).items()}
    ratios = {row: f["best"] for row, f in found.items() if f}
    figure = Figure(figsize=(9, 1 + 0.22 * len(ratios)), layout="constrained")
    axes = figure.subplots()
    colours = ["tab:green" if r < 1 else "tab:red" for r in ratios.values()]
    lengths = [r - 1 for r in ratios.values()]
    axes.barh(list(ratios), lengths, left=1, color=colours)
    axes.margins(y=0.01)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=7)
    axes.set_xlabel("time or memory of sora_np / best other framework")
    figure.savefig(path, dpi=150)
