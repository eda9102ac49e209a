"""What stands in the records of a region's run directory is read, or taken for nothing."""

import pytest

from aftershock.ground import record


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "[1]", "null", "{}", '{"state": 5}', '{"cgroups": 7}', '{"cgroups": [{}]}']
)
def test_a_record_that_nobody_can_have_written_is_none(tmp_path, text):
    record.run_directory(tmp_path).mkdir()
    record.file_of(tmp_path).write_text(text.replace('"state": 5', f'"state": "{tmp_path}"'))
    (record.run_directory(tmp_path) / "cgroups.json").write_text(text)
    assert record.read(tmp_path) is None
    assert record.read_cgroups(tmp_path) == ()


def test_a_lock_is_known_by_the_file_and_not_by_its_name(tmp_path):
    record.run_directory(tmp_path).mkdir()
    with record.lock_file(tmp_path).open("w") as lock:
        assert record.locked_by(tmp_path, lock.fileno())
        record.lock_file(tmp_path).rename(tmp_path / "elsewhere")
        assert not record.locked_by(tmp_path, lock.fileno())
        record.lock_file(tmp_path).touch()
        assert not record.locked_by(tmp_path, lock.fileno())
