"""What notebooks show of reports: tables, in which names are no HTML."""

import re

import numpy as np
import pytest

from sora_np import gradcheck
from sora_np.datasets.image_folder import ImageReport
from sora_np.metrics import classification_report
from sora_np.preprocessing.report import CleaningReport
from sora_np.preprocessing.report import Finding as Fault
from sora_np.sanity.report import SUSPECT, Finding, SanityReport

NAME = "<script>a & b"
KINK = gradcheck.Kink((0,), 2.0, 0.0, 1.0)
REPORTS = {
    "sanity": (
        SanityReport(NAME, [Finding(NAME, SUSPECT, 0.5, "50 %", "under 40 %", NAME)]),
        ["check", "found", "expected", "verdict", NAME, "50 %", "under 40 %", SUSPECT],
        [f"sanity of {NAME}: 1 of 1 suspect", f"{NAME}: {NAME}"],
    ),
    "gradcheck": (
        gradcheck.Report(
            [gradcheck.Check(NAME, 2e-9, (3, 4), 12, 10, 2, (KINK,), NAME)]
        ),
        [
            *("tensor", "entries", "checked", "kinks", "max rel. error", "at"),
            *("verdict", NAME, "12", "10", "1", "2.0e-09", "[3, 4]", "good"),
        ],
        [
            "gradient check: 0 of 1 tensors wrong",
            f"{NAME}: {NAME}",
            "1 of 12 differences cross a kink (about 8.33% of all entries); "
            "subgradient intervals:",
            f"  {NAME} [0]  2 OUTSIDE [0, 1]",
        ],
    ),
    "cleaning": (
        CleaningReport(5, np.arange(4), [Fault(NAME, "drop", np.array([4]), 0, NAME)]),
        ["fault", "found", NAME, f"dropped 1 sample (4): {NAME}"],
        ["cleaning: 4 of 5 samples kept"],
    ),
}


@pytest.mark.parametrize("report, cells, lines", REPORTS.values(), ids=REPORTS)
def test_a_notebook_shows_a_report_as_a_table(report, cells, lines):
    html = report._repr_html_()
    plain = [
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        for text in re.findall(r"<(?:th|td|caption|p)\b[^>]*>([^<]*)</", html)
    ]
    assert plain == [lines[0], *cells, *lines[1:]]
    assert "<script" not in html and html.count("<table") == 1
    assert report.__repr__() == str(report), "and so does a terminal"


@pytest.mark.parametrize(
    "report",
    [
        classification_report([0], [0], [NAME]),
        ImageReport(1, {NAME: NAME}, {}, 0, [], {}),
    ],
    ids=["classes", "images"],
)
def test_a_notebook_shows_columns_as_they_are_printed(report):
    text = str(report).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert report._repr_html_() == f"<pre>{text}</pre>"
