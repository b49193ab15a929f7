"""For any bytes, a loader accepts the file or raises its own error with a text; no other error and no hang."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .targets import TARGETS

EXAMPLES = 60
WORDS = (
    b"0", b"-1", b"1e999", b"nan", b"9" * 400, b"\xff\xfe", b"\0", b"\n", b",", b'"', b"'", b"{}", b"[]", b"null",
    b"&a", b"*a", b"<<", b"!!python/object/apply:os.system [id]", b"true", b"../../x", b"\xe2\x80\xae", b"<!ENTITY",
    (2**31).to_bytes(4, "big"), b"\xff" * 8, "Ⅷ٣".encode(),
)  # fmt: skip
"""Inserted into valid files."""


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A valid file with up to four spans cut out, repeated, or replaced by words or noise."""
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.sampled_from([0, 1, 1, 2, 4, 8, 30, 10_000])))
        kind = draw(st.sampled_from(["cut", "word", "noise", "again"]))
        if kind == "again":
            content[end:end] = content[at:end]
        else:
            new = {
                "cut": st.just(b""),
                "word": st.sampled_from(WORDS),
                "noise": st.binary(max_size=8),
            }[kind]
            content[at:end] = draw(new)
    return bytes(content)


@pytest.mark.parametrize("name", TARGETS)
def test_valid_files_are_read(name: str, tmp_path: Path) -> None:
    """Precondition of the tests with damaged files."""
    target = TARGETS[name]
    assert all(target(seed, tmp_path) for seed in target.seeds)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_read_or_refused(name: str) -> None:
    target = TARGETS[name]

    @settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(damaged(target.seeds))
    def holds(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            target(content, Path(folder))

    holds()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TARGETS)
def test_random_bytes_are_read_or_refused(name: str) -> None:
    @settings(deadline=None, max_examples=EXAMPLES // 2, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=200))
    def holds(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            TARGETS[name](content, Path(folder))

    holds()
