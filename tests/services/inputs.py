"""Any input that a service model's shapes could have, for operations that must answer or refuse whatever comes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import strategies as st


def values(shape: Shape, known: Sequence[str], texts: Sequence[str]) -> st.SearchStrategy[Any]:
    """`known` are ids and names of what there is, which are asked for often; `texts` are good and bad values."""
    match shape:
        case StructureShape():
            members = {name: values(one, known, texts) for name, one in shape.members.items()}
            required = {name: members.pop(name) for name in shape.required_members}
            return st.fixed_dictionaries(required, optional=members)
        case ListShape():
            return st.lists(values(shape.member, known, texts), max_size=3)
        case MapShape():
            return st.dictionaries(values(shape.key, known, texts), values(shape.value, known, texts), max_size=2)
    if enum := shape.metadata.get("enum"):
        return st.sampled_from(enum)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "boolean": st.booleans(),
        "integer": st.integers(-1, 300),
        "long": st.integers(-1, 2**31),
        "blob": st.binary(max_size=20),
        "timestamp": st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    }
    strings = st.sampled_from([*texts, *known]) | st.sampled_from(known) | st.text(max_size=8)
    return kinds.get(shape.type_name, strings)
