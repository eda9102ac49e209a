"""When an alarm alarms, and in which words: AWS's own tables, and what holds whatever the data."""

import json
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.services.cloudwatch.records.alarm import MetricId, MetricRule, Query, State
from aftershock.services.cloudwatch.rules.alarm import EXTRA_PERIODS, TREATMENTS, Datapoint, evaluate, too_few_samples
from aftershock.services.cloudwatch.rules.composite import children, holds, parse
from aftershock.services.cloudwatch.rules.reasons import reason, reason_data

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEEP = None


def rule(n: int, m: int | None = None, treat: str | None = None, **more: object) -> MetricRule:
    told: dict[str, object] = {
        "queries": (
            Query(
                id="m1", metric=MetricId(namespace="AWS/EC2", name="CPU"), stat="Average", unit="Percent", period_s=60
            ),
        ),
        "plain": True,
        "comparison": "GreaterThanThreshold",
        "threshold": 50.0,
        "evaluation_periods": n,
        "datapoints_to_alarm": m,
        "treat_missing": treat,
        **more,
    }
    return MetricRule(**told)  # type: ignore[arg-type]


def points(text: str) -> list[Datapoint]:
    """AWS's notation, the newest on the right: "0 - X": fine, missing, breaching."""
    values = {"0": 10.0, "X": 90.0, "-": None}
    return [
        Datapoint(START + number * timedelta(minutes=1), values[word], None if word == "-" else 1.0)
        for number, word in enumerate(text.split())
    ]


def state(of: MetricRule, text: str, present: State = "OK") -> State | None:
    evaluated = evaluate(of, present, points(text))
    return evaluated.state if evaluated else None


INSUFFICIENT: State = "INSUFFICIENT_DATA"
# Columns: missing, ignore, breaching, notBreaching.  AWS: "Datapoints to Alarm" and "Evaluation Periods" are both 3.
ALL_OF_THREE = [
    ("0 - X - X", "OK", "OK", "OK", "OK"),
    ("0 - - - -", "OK", "OK", "OK", "OK"),
    ("- - - - -", INSUFFICIENT, KEEP, "ALARM", "OK"),
    ("0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("- - X - -", "ALARM", KEEP, "ALARM", "OK"),
    # AWS: "the alarm does not go immediately into ALARM state".
    ("- - - - X", INSUFFICIENT, KEEP, "ALARM", "OK"),
    ("- - - X -", INSUFFICIENT, KEEP, "ALARM", "OK"),
]
# "2 out of 3".
TWO_OF_THREE = [
    ("0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 - X - -", "OK", "OK", "ALARM", "OK"),
    ("- - - - 0", "OK", "OK", "ALARM", "OK"),
    ("- - - X -", "ALARM", KEEP, "ALARM", "OK"),
]


@pytest.mark.parametrize(("m", "row"), [(3, row) for row in ALL_OF_THREE] + [(2, row) for row in TWO_OF_THREE])
def test_missing_data_are_treated_as_in_awss_tables(m: int, row: tuple[str, ...]) -> None:
    text, *expected = row
    found = [state(rule(3, m, treat), text) for treat in ("missing", "ignore", "breaching", "notBreaching")]
    assert found == expected


@pytest.mark.parametrize("treat", TREATMENTS)
@pytest.mark.parametrize("words", list(product("0X", repeat=5)))
def test_where_nothing_is_missing_the_newest_decide(treat: str, words: tuple[str, ...]) -> None:
    for n, m in ((1, None), (3, 1), (3, 2), (3, 3)):
        text = " ".join(words[-n - EXTRA_PERIODS :])
        expected = "ALARM" if words[-n:].count("X") >= (m or n) else "OK"
        assert state(rule(n, m, treat), text) == expected


@settings(deadline=None)
@given(
    st.integers(1, 6).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))),
    st.sampled_from(TREATMENTS),
    st.data(),
)
def test_an_alarm_never_alarms_without_a_breach_nor_is_fine_while_all_breach(
    of: tuple[int, int], treat: str, data: st.DataObject
) -> None:
    n, m = of
    words = data.draw(st.lists(st.sampled_from("0X-"), min_size=n + EXTRA_PERIODS, max_size=n + EXTRA_PERIODS))
    found = state(rule(n, m, treat), " ".join(words))
    if "X" not in words and treat != "breaching":
        assert found != "ALARM"
    if set(words) == {"X"}:
        assert found == "ALARM"
    if set(words) == {"0"}:
        assert found == "OK"
    if found == INSUFFICIENT:
        assert treat == "missing"
    if found is KEEP:
        assert treat == "ignore"


@pytest.mark.parametrize(
    ("comparison", "value", "breaching"),
    [
        ("GreaterThanThreshold", 50.0, False),
        ("GreaterThanOrEqualToThreshold", 50.0, True),
        ("LessThanThreshold", 50.0, False),
        ("LessThanOrEqualToThreshold", 50.0, True),
        ("LessThanThreshold", 49.0, True),
    ],
)
def test_comparisons(comparison: str, value: float, breaching: bool) -> None:
    found = evaluate(rule(1, comparison=comparison), "OK", [Datapoint(START, value)] * 3)
    assert found is not None
    assert found.state == ("ALARM" if breaching else "OK")


def said(of: MetricRule, text: str, present: State = "OK") -> str:
    evaluated = evaluate(of, present, points(text))
    assert evaluated is not None
    return reason(of, evaluated)


def test_reasons_are_awss_sentences() -> None:
    at = [f"22/11/26 12:{minute:02d}:00" for minute in range(8)]
    crossed = "Threshold Crossed: "
    assert said(rule(1), "0 0 X") == f"{crossed}1 datapoint [90.0 ({at[2]})] was greater than the threshold (50.0)."
    assert said(rule(3, 3), "0 0 X X X") == (
        f"{crossed}3 out of the last 3 datapoints [90.0 ({at[4]}), 90.0 ({at[3]}), 90.0 ({at[2]})] were greater than "
        "the threshold (50.0) (minimum 3 datapoints for OK -> ALARM transition)."
    )
    assert said(rule(3, 2), "X X 0 0 X") == (
        f"{crossed}2 out of the last 3 datapoints [10.0 ({at[3]}), 10.0 ({at[2]})] were not greater than the threshold "
        "(50.0) (minimum 2 datapoints for ALARM -> OK transition)."
    )
    assert said(rule(4, 1, "notBreaching"), "- - - - - X") == (
        f"{crossed}1 out of the last 4 datapoints [90.0 ({at[5]})] was greater than the threshold (50.0) and 3 missing "
        "datapoints were treated as [NonBreaching] (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert said(rule(2, treat="breaching"), "- - - -") == (
        f"{crossed}no datapoints were received for 2 periods and 2 missing datapoints were treated as [Breaching]."
    )
    assert said(rule(1, treat="notBreaching"), "- - -") == (
        f"{crossed}no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching]."
    )
    assert said(rule(1), "- - -") == "Insufficient Data: 1 datapoint was unknown."
    assert said(rule(3), "- - - - -") == "Insufficient Data: 3 datapoints were unknown."


def test_the_reasons_data_are_awss() -> None:
    of = rule(2)
    evaluated = evaluate(of, "OK", points("0 0 X X"))
    assert evaluated is not None
    assert json.loads(reason_data(of, evaluated, START + timedelta(minutes=4))) == {
        "version": "1.0",
        "queryDate": "2026-11-22T12:04:00.000+0000",
        "startDate": "2026-11-22T12:02:00.000+0000",
        "unit": "Percent",
        "statistic": "Average",
        "period": 60,
        "recentDatapoints": [90.0, 90.0],
        "threshold": 50.0,
        "evaluatedDatapoints": [
            {"timestamp": "2026-11-22T12:03:00.000+0000", "sampleCount": 1.0, "value": 90.0},
            {"timestamp": "2026-11-22T12:02:00.000+0000", "sampleCount": 1.0, "value": 90.0},
        ],
    }


@settings(deadline=None)
@given(st.integers(1, 1440), st.floats(allow_nan=False, allow_infinity=False))
def test_texts_stay_within_the_models_lengths(n: int, value: float) -> None:
    of = rule(n)
    many = [Datapoint(START + number * timedelta(minutes=1), value, 1.0) for number in range(n + EXTRA_PERIODS)]
    evaluated = evaluate(of, "OK", many)
    assert evaluated is not None
    assert len(reason(of, evaluated)) <= 1023
    data = reason_data(of, evaluated, START)
    assert len(data) <= 4000
    assert json.loads(data)["threshold"] == 50.0


@pytest.mark.parametrize(
    ("stat", "needed"), [("p99", 1000), ("p90", 100), ("p50", 20), ("p10", 100), ("p100", 0), ("tm90", 0)]
)
def test_a_percentile_waits_for_as_many_samples_as_aws_does(stat: str, needed: int) -> None:
    query = Query(id="m1", metric=MetricId(namespace="a", name="b"), stat=stat, period_s=60)
    waiting = rule(1, queries=(query,), low_samples="ignore")
    assert not too_few_samples(waiting, needed)
    assert too_few_samples(waiting, needed - 1) == (needed > 0)
    assert not too_few_samples(rule(1, queries=(query,), low_samples="evaluate"), 0)


STATES = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ALARM(a)", True),
        ('ALARM("a") AND OK(b)', True),
        ("ALARM(b) OR OK('b')", True),
        ("NOT ALARM(a)", False),
        ("ALARM(b) AND ALARM(b) OR ALARM(a)", True),
        ("ALARM(a) OR ALARM(b) AND ALARM(b)", True),
        ("(ALARM(a) OR ALARM(b)) AND ALARM(b)", False),
        ("NOT (ALARM(a) AND OK(b)) OR INSUFFICIENT_DATA(c)", True),
        ("ALARM(arn:aws:cloudwatch:us-east-1:123456789012:alarm:a)", True),
        ("TRUE", True),
        ("False", False),
        ("NOT NOT ALARM(a)", True),
        ("ALARM(nobody)", False),
        ("AT_LEAST(1, ALARM, (a, b))", True),
        ("AT_LEAST(2, ALARM, (a, b, c))", False),
        ("AT_LEAST(2, NOT OK, (a, 'b', \"c\"))", True),
        ("AT_LEAST(50%, OK, (a, arn:aws:cloudwatch:us-east-1:123456789012:alarm:b))", True),
        ("AT_LEAST(51%, OK, (a, b))", False),
        ("NOT AT_LEAST(1,INSUFFICIENT_DATA,(a,b)) AND OK(b)", True),
    ],
)
def test_a_rule_is_true_when_it_says_so(expression: str, expected: bool) -> None:
    assert holds(parse(expression), STATES) is expected


def test_a_rule_names_each_of_its_alarms_once() -> None:
    assert children(parse('ALARM(a) OR OK("b") AND NOT ALARM(a)')) == ("a", "b")
    assert children(parse("ALARM(a) AND AT_LEAST(1, OK, (b, a, c))")) == ("a", "b", "c")


@pytest.mark.parametrize(
    "expression",
    [
        *("", "ALARM", "ALARM()", "ALARM(a", "ALARM(a) OK(b)", "AND", "ALARM(a) AND", "(TRUE", "TRUE)", "alarm(a)"),
        *("AT_LEAST(0, OK, (a))", "AT_LEAST(2, OK, (a))", "AT_LEAST(101%, OK, (a))", "AT_LEAST(1, ODD, (a))"),
        *("AT_LEAST(1, OK, ())", "AT_LEAST(1, OK, a)", f"AT_LEAST(1, OK, ({', '.join(f'a{n}' for n in range(101))}))"),
        *("(" * 100 + "TRUE" + ")" * 100, "NOT " * 200 + "TRUE", " OR ".join(f"OK(a{n})" for n in range(101))),
    ],
)
def test_a_rule_that_means_nothing_is_refused(expression: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse(expression)
    assert caught.value.code == "ValidationError"


def test_a_long_rule_is_read() -> None:
    assert holds(parse(" OR ".join(["OK(a)"] * 400 + ["ALARM(a)"])), STATES)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["ALARM(a)", "OK(b)", "AT_LEAST(1, OK, (a, b))", "TRUE", "FALSE", "AND", "OR", "NOT", "(", ")", "x"]
        ),
        max_size=20,
    ).map(" ".join)
    | st.text(max_size=40)
)
def test_any_text_is_a_rule_or_refused(expression: str) -> None:
    try:
        found = parse(expression)
    except AwsError as error:
        assert error.code == "ValidationError"
        return
    assert holds(found, STATES) in (True, False)
