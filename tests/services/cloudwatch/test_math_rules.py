"""Metric math, by AWS's own examples and by what must hold whatever is asked."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftershock.services.cloudwatch.rules.math import Grid, MathError, Series, evaluate, parse

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LENGTH = 5
GRID = Grid(START, START + timedelta(minutes=LENGTH), 1.0)
NONE = None


def series(*values: float | None, metric: bool = True, label: str = "") -> Series:
    points = {START + number * timedelta(minutes=1): value for number, value in enumerate(values) if value is not None}
    return Series(60, points, label, metric=metric)


def shown(value: object) -> object:
    match value:
        case Series():
            return [value.points.get(at) for at in GRID.moments(60)]
        case tuple():
            return [shown(one) for one in value]
    return value


KNOWN: Mapping[str, Series] = {
    "m1": series(30, 20, 0, 0, 9),
    "m2": series(20, NONE, 20, NONE, 3),
    "one": series(1, 1, 0, 0, NONE),
    "two": series(30, NONE, 0, 0, 30),
    "three": series(0, 0, 20, NONE, 20),
    "errors4xx": series(1, 2, 3, 4, 5),
    "empty": series(),
}

CASES = [
    # AWS's examples of operators, of which missing values count as 0.
    ("m1 < m2", [0, 0, 1, 0, 0]),
    ("m1 >= 30", [1, 0, 0, 0, 0]),
    ("m1 > 15 AND m2 > 15", [1, 0, 0, 0, 0]),
    ("m1 > 15 || m2 > 15", [1, 1, 1, 0, 0]),
    # AWS's examples of IF.
    ("IF(one, two, three)", [30, 0, 20, None, None]),
    ("IF(one, 5, three)", [5, 5, 20, None, None]),
    ("IF(one, two, 5)", [30, 0, 5, 5, None]),
    ("IF(m1 < 10, m1)", [None, None, 0, 0, 9]),
    ("IF(0, m1)", [None] * 5),
    ("IF(1, m1, m2)", [30, 20, 0, 0, 9]),
    # Arithmetic: the tightest operator first, the left one before the right, and powers from the right.
    ("m1 + m2 * 2", [70, 20, 40, 0, 15]),
    ("(m1 + m2) * 2", [100, 40, 40, 0, 24]),
    ("m1 - 10 - 5", [15, 5, -15, -15, -6]),
    ("-m1 ^ 2", [-900, -400, 0, 0, -81]),
    ("2 ^ 3 ^ 2 + m1 * 0", [512] * 5),
    ("m1 / m2", [1.5, None, 0, None, 3]),
    ("m1 / 0", [None] * 5),
    ("m1 == 0 OR m1 == 30", [1, 0, 1, 1, 0]),
    ("5e1 * one", [50, 50, 0, 0, None]),
    # One series becomes a number, several become one series.
    ("m1 - AVG(m1)", [18.2, 8.2, -11.8, -11.8, -2.8]),
    ("AVG([m1, m2])", [25, 10, 10, 0, 6]),
    ("SUM([m1, m2])", [50, 20, 20, 0, 12]),
    ("MIN([m1, m2])", [20, 20, 0, 0, 3]),
    ("MAX([m1, m2])", [30, 20, 20, 0, 9]),
    ("STDDEV([m1, m2])", [5, 0, 10, 0, 3]),
    ("DATAPOINT_COUNT([m1, m2])", [2, 1, 2, 1, 2]),
    ("m1 * 0 + DATAPOINT_COUNT(m2)", [3] * 5),
    ("m1 * 0 + METRIC_COUNT(METRICS())", [7] * 5),
    ('SUM(METRICS("errors"))', [1, 2, 3, 4, 5]),
    ("m1 + SUM(empty)", [None] * 5),
    # Along a series.
    ("ABS(m1 - m2)", [10, 20, 20, 0, 6]),
    ("CEIL(m1 / 7)", [5, 3, 0, 0, 2]),
    ("FLOOR(m1 / 7)", [4, 2, 0, 0, 1]),
    ("LOG10(m1 * 0 + 100)", [2] * 5),
    ("LOG(m1 - m1)", [None] * 5),
    ("DIFF(m1)", [None, -10, -20, 0, 9]),
    ("DIFF(m2)", [None, None, 0, None, -17]),
    ("DIFF_TIME(m2)", [None, None, 120, None, 120]),
    ("RATE(m1) * 60", [None, -10, -20, 0, 9]),
    ("RUNNING_SUM(m2)", [20, None, 40, None, 43]),
    ("FILL(m2, 7)", [20, 7, 20, 7, 3]),
    ("FILL(m2, m1)", [20, 20, 20, 0, 3]),
    ("FILL(m2, REPEAT)", [20, 20, 20, 20, 3]),
    ("FILL(m2, LINEAR)", [20, 20, 20, 11.5, 3]),
    ("FILL(empty, 0)", [0] * 5),
    # Arrays.
    ("[m1, m2] / 10", [[3, 2, 0, 0, 0.9], [2, None, 2, None, 0.3]]),
    ("FIRST(SORT([m2, m1], SUM, DESC))", [30, 20, 0, 0, 9]),
    ("LAST(SORT([m2, m1], MIN, DESC))", [30, 20, 0, 0, 9]),
    ("SLICE(SORT([m2, m1, one], MAX, ASC), 1)", [[20, None, 20, None, 3], [30, 20, 0, 0, 9]]),
    ("SLICE([m1, m2, one], 0, 1)", [[30, 20, 0, 0, 9]]),
    ("SORT([m1, m2, one], AVG, ASC, 1)", [[1, 1, 0, 0, None]]),
    ("REMOVE_EMPTY([empty, one])", [[1, 1, 0, 0, None]]),
    # Of time itself.
    ("TIME_SERIES(MAX(m1))", [30] * 5),
    ("MINUTE(m2)", [0, 1, 2, 3, 4]),
    ("HOUR(m2)", [12] * 5),
    ("DAY(m2)", [7] * 5),
    ("DATE(m2)", [22] * 5),
    ("MONTH(m2)", [11] * 5),
    ("YEAR(m2)", [2026] * 5),
    ("EPOCH(m2) - EPOCH(m2) + PERIOD(m1)", [60] * 5),
]


@pytest.mark.parametrize(("expression", "expected"), CASES)
def test_an_expression_is_what_aws_says_it_is(expression: str, expected: list[object]) -> None:
    found = shown(evaluate(parse(expression), KNOWN, GRID))
    assert found == [
        pytest.approx(one)
        if isinstance(one, float)
        else [pytest.approx(each) for each in one]
        if isinstance(one, list)
        else one
        for one in expected
    ]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "Unexpected end of expression"),
        ("m1 m2", "Invalid syntax at position 3"),
        ("m1 + ", "Unexpected end of expression"),
        ("(m1", "Unexpected end of expression"),
        ("[m1, ]", "Invalid syntax at position 5"),
        ("m1 ; m2", "Invalid syntax at position 3"),
        ("sum(m1)", "Unknown function 'sum'"),
        ("SUM(m1, m2)", "The function SUM was given 2 arguments"),
        ("SUM(3)", "The argument 1 of the function SUM is of the wrong type"),
        ("METRIC_COUNT(m1)", "The argument 1 of the function METRIC_COUNT is of the wrong type"),
        ("[m1] + [m2]", "An operator cannot be applied to two arrays of time series"),
        ("[m1, 3]", "An array holds time series, not numbers"),
        ("PERIOD(m1 + 1)", "The function PERIOD takes a metric, not the result of an expression"),
        ("ANOMALY_DETECTION_BAND(m1)", "The function ANOMALY_DETECTION_BAND is not supported in this region"),
        ("m1 + nobody", "Unknown identifier 'nobody'"),
        ('"text"', "Unexpected text 'text'"),
        ("FILL(m1, SOON)", "Unknown identifier 'SOON'"),
        ("(" * 100 + "m1" + ")" * 100, "The expression is too complex"),
        ("-" * 2000 + "m1", "The expression is too complex"),
        ("+".join(["m1"] * 600), "The expression is too complex"),
    ],
)
def test_what_means_nothing_is_refused_with_the_reason(expression: str, message: str) -> None:
    with pytest.raises(MathError) as caught:
        evaluate(parse(expression), KNOWN, GRID)
    assert str(caught.value) == message


def test_series_of_different_periods_are_not_mixed() -> None:
    known = {"m1": series(1), "m2": Series(300, {START: 1.0})}
    with pytest.raises(MathError, match="same period"):
        evaluate(parse("m1 + m2"), known, GRID)


WORDS = [
    *(
        "m1",
        "m2",
        "one",
        "empty",
        "3",
        "0",
        "1e300",
        "(",
        ")",
        "[",
        "]",
        ",",
        "+",
        "-",
        "*",
        "/",
        "^",
        "<",
        "==",
        "AND",
    ),
    *(
        "OR",
        "SUM(",
        "AVG(",
        "IF(",
        "FILL(",
        "SORT(",
        "SLICE(",
        "METRICS(",
        "FIRST(",
        "RATE(",
        "PERIOD(",
        "TIME_SERIES(",
    ),
    *("REPEAT", "LINEAR", "DESC", '"m"', "DIFF(", "STDDEV(", "LOG(", "CEIL(", "DAY(", "METRIC_COUNT(", "REMOVE_EMPTY("),
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join) | st.text(max_size=60))
def test_whatever_is_asked_is_a_value_or_refused(expression: str) -> None:
    try:
        value = evaluate(parse(expression), KNOWN, GRID)
    except MathError as error:
        assert str(error)
        return
    for one in value if isinstance(value, tuple) else (value,):
        if isinstance(one, Series):
            assert all(abs(number) < float("inf") for number in one.points.values())


VALUES = st.lists(st.none() | st.integers(-1000, 1000), min_size=LENGTH, max_size=LENGTH)


@settings(deadline=None)
@given(VALUES, VALUES)
def test_a_sum_is_the_sum_of_what_is_there(left: list[int | None], right: list[int | None]) -> None:
    known = {"a": series(*left), "b": series(*right)}
    both = [None if x is y is None else (x or 0) + (y or 0) for x, y in zip(left, right, strict=True)]
    assert shown(evaluate(parse("a + b"), known, GRID)) == both
    assert shown(evaluate(parse("SUM([a, b])"), known, GRID)) == both
