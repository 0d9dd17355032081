"""The table, the words below it, what programs read; mistakes in the call."""

import json
import math

import pytest

from sora_np import Dense, Sequential, sanity
from sora_np.sanity import Finding, SanityReport

FINDINGS = [
    Finding("class balance", "ok", 1.0, "1 (5 / 5)", "over 0.1"),
    Finding("20 samples", "left out", math.nan, "-", "under 5%", "all the same"),
    Finding("dead ReLUs", "suspect", 0.5, "50% of dense", "under 40%", "long " * 30),
]


def test_table():
    lines = str(SanityReport("m, 10 samples", FINDINGS)).splitlines()
    assert lines[:5] == [
        "sanity of m, 10 samples: 1 of 3 suspect",
        "check          found         expected   verdict",
        "class balance  1 (5 / 5)     over 0.1   ok",
        "20 samples     -             under 5%   left out",
        "dead ReLUs     50% of dense  under 40%  suspect",
    ]
    assert lines[5] == "20 samples: all the same"
    assert lines[6].startswith("dead ReLUs: long long") and lines[7][:6] == "  long"
    assert all(len(line) <= 88 for line in lines)
    text = str(SanityReport("m", FINDINGS[:2]))
    assert text.startswith("sanity of m: 0 of 2 suspect")


def test_for_programs():
    report = SanityReport("m", FINDINGS)
    assert [f.name for f in report] == [f.name for f in FINDINGS]
    assert report.suspects == [FINDINGS[2]] and not report.passed
    assert SanityReport("m", FINDINGS[:2]).passed
    assert report["dead ReLUs"] is FINDINGS[2]
    with pytest.raises(KeyError, match="no finding is named 'dead'.*dead ReLUs"):
        report["dead"]
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["findings"][0]["value"] == 1 and plain["passed"] is False


def test_a_real_table_fits_a_terminal(data, make):
    report = sanity.check(make(), *data, *data)
    json.dumps(report.to_dict())
    assert max(map(len, str(report).splitlines())) <= 88


def test_mistakes(data, make):
    x, y = data
    with pytest.raises(TypeError, match="^check takes a model, got str$"):
        sanity.check("model", x, y)
    with pytest.raises(RuntimeError, match="^compile the model first"):
        sanity.check(Sequential([Dense(3)]), x, y)
    with pytest.raises(ValueError, match="^y_test needs x_test, got x_test=None$"):
        sanity.check(make(), x, y, y_test=y)
    with pytest.raises(ValueError, match="takes labels from 0 to 2"):
        sanity.check(make(), x, y + 1)
    with pytest.raises(ValueError, match=r"takes x of shape \(N, 6\), got \(240, 5\)"):
        sanity.check(make(), x, y, x[:, :5])
    with pytest.raises(TypeError, match="^x must be an array, got generator"):
        sanity.check(make(), (x for _ in y), y)


def test_what_the_model_warns_of_is_said_once(data, make):
    with pytest.warns(UserWarning, match="has no activation") as caught:
        sanity.check(make([Dense(3)]), *data)
    assert len(caught) == 1 and caught[0].filename == __file__


def test_values_are_plain_numbers(data, make):
    for finding in sanity.check(make(), *data):
        assert type(finding.value) is float, finding.name
