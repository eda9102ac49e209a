from pathlib import Path

import pytest

from aftershock.ground.logs import BoundedLog
from aftershock.ground.supervise import next_delay


@pytest.mark.parametrize(
    "delay_s, lived_s, following_s",
    [(0, 0, 0.05), (0.05, 0, 0.1), (0.1, 9.9, 0.2), (4, 0, 5), (5, 0, 5), (5, 10, 0.05)],
)
def test_who_dies_again_soon_waits_longer(delay_s, lived_s, following_s):
    assert next_delay(delay_s, lived_s) == following_s


def test_a_log_keeps_its_end_and_does_not_grow(tmp_path):
    path = tmp_path / "log"
    log = BoundedLog(path, limit_bytes=1000)
    for number in range(1000):
        log.write(b"line %d\n" % number)
    kept = Path(f"{path}.1").read_text() + path.read_text()
    assert kept.endswith("line 999\n") and len(kept) < 2100
    lines = kept.splitlines()
    assert lines == [f"line {number}" for number in range(1000 - len(lines), 1000)]


def test_a_log_that_cannot_be_written_raises_nothing(tmp_path):
    BoundedLog(tmp_path / "absent" / "log").write(b"lost")


def test_a_new_writer_goes_on_where_the_last_one_ended(tmp_path):
    for word in (b"one\n", b"two\n"):
        BoundedLog(tmp_path / "log").write(word)
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
