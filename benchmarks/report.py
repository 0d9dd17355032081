"""Lines of results as a table, as JSON lines and as a picture."""

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

    For sora_np it is the first line: public functions, without settings in the
    environment.
    """
    best = {}
    for line in lines:
        peer = line["peer"]
        if "value" in line and (peer != OURS or peer not in best):
            best[peer] = min(best.get(peer, line), line, key=itemgetter("value"))
    return best


def ratios_of(lines):
    """Return peer -> sora_np's value / that of the peer's best variant, of one row.

    "best" is the best of all; the result is empty if sora_np or all peers are missing.
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


HEADS = ("variant", "median", "spread", "GFLOP/s", "of peak", "ratio", "accuracy")


def cells(line):
    """Return a line as texts under HEADS."""
    if "failed" in line:
        return (line["variant"], "did not run", *[""] * (len(HEADS) - 2))
    value = line["value"]
    gflops, peak = line.get("gflops"), line.get("peak_gflops")
    return (
        line["variant"],
        quantity(value, line["unit"]),
        spread(line),
        f"{gflops:.0f}" if gflops else "",
        f"{100 * gflops / peak:.0f} %" if gflops and peak else "",
        f"{line['ratio']:.2f}" if "ratio" in line else "",
        f"{line['accuracy']:.4f}" if "accuracy" in line else "",
    )


def spread(line):
    """Return the distance of the quartiles, and how often a repeated row was measured.

    >>> spread({"value": 2.0, "low": 1.9, "high": 2.1, "rounds": 15, "repeats": 3})
    '10 %, measured 3 times'
    """
    if line["rounds"] == 1:
        return "one run"
    text = f"{100 * (line['high'] - line['low']) / line['value']:.0f} %"
    repeats = line.get("repeats", 1)
    return text + f", measured {repeats} times" * (repeats > 1)


def texts_of(lines):
    """Return HEADS and the cells of lines, the fastest first, without empty columns."""
    lines = sorted(lines, key=lambda line: line.get("value", math.inf))
    columns = zip(HEADS, *map(cells, lines), strict=True)
    return list(zip(*(c for c in columns if any(c[1:])), strict=True))


def table(lines):
    """Return lines of one row as a table of fixed width."""
    texts = texts_of(lines)
    widths = [max(len(text[n]) for text in texts) for n in range(len(texts[0]))]
    return "\n".join(
        "  "
        + text[0].ljust(max(widths[0], 44))
        + "".join(
            "  " + t.rjust(max(w, 8)) for t, w in zip(text[1:], widths[1:], strict=True)
        )
        for text in texts
    )


def json_lines(lines):
    """Return the lines as JSON, one a line."""
    return "".join(json.dumps(line) + "\n" for line in lines)


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
