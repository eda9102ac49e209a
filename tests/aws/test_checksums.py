"""Checksums are those of the standards, however the data is cut, and the parts' make the whole's."""

import zlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftershock.aws import checksums

# The check values of the catalogue of parametrised CRC algorithms, and of NVM Express.
CHECK = {"CRC32": "cbf43926", "CRC32C": "e3069283", "CRC64NVME": "ae8b14860a799888"}
LONG = bytes(range(256)) * 1500 + b"tail"


@pytest.mark.parametrize(("algorithm", "value"), CHECK.items())
def test_the_check_values_are_those_of_the_standards(algorithm: str, value: str) -> None:
    assert checksums.of(algorithm, b"123456789").hex() == value


@pytest.mark.parametrize("algorithm", sorted(checksums.COMBINED))
@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, len(LONG)), max_size=4))
def test_data_may_come_in_any_pieces(algorithm: str, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(LONG)]
    checksum = checksums.ALGORITHMS[algorithm]()
    for first, end in pairwise(edges):
        checksum.update(memoryview(LONG)[first:end])
    assert checksum.digest() == checksums.of(algorithm, LONG)


@pytest.mark.parametrize("algorithm", sorted(checksums.COMBINED))
@settings(deadline=None)
@given(first=st.binary(max_size=600), second=st.binary(max_size=600))
def test_the_parts_checksums_make_the_wholes(algorithm: str, first: bytes, second: bytes) -> None:
    joined = checksums.joined(algorithm, checksums.of(algorithm, first), checksums.of(algorithm, second), len(second))
    assert joined == checksums.of(algorithm, first + second)


def test_lanes_are_what_a_byte_at_a_time_would_be() -> None:
    crc = checksums._TableCrc(0xEDB88320, 32)  # zlib knows this one
    crc.update(LONG)
    assert crc.digest() == zlib.crc32(LONG).to_bytes(4, "big")
