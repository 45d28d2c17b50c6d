"""Fences of the last-block pattern: neither the emulation nor TSan sees that one is missing.

A block that counts its arrival promises that its results are visible to the block that arrives
last, which needs a fence before the count; the last block, one after it. See the CUDA C++
programming guide, memory fence functions, and its example of a sum in one launch.
"""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from tests.cuda_emulator.translation import without_comments

#: A count of blocks that is compared with their number, which tells the last one.
ARRIVAL = re.compile(r"\batomic\w+\([^;]*?==\s*gridDim\.\w")

FENCE = "__threadfence();"

#: What publishes results to other blocks, or reads theirs; and the end of a function.
BEFORE = re.compile(r"\b(?:atomic\w+|store_relaxed)\(|^}", re.MULTILINE)
AFTER = re.compile(r"\b(?:atomic\w+|load_relaxed|sum_\w+)\(|\breturn\b|^}", re.MULTILINE)

TEXTS = {
    each.name: without_comments(each.read_text("utf-8"))
    for each in files("voxgpu.kernels").iterdir()
    if each.name.endswith((".cu", ".cuh"))
}


def _without_fences(text: str) -> list[str]:
    """What is wrong with arrival counters, each with its line."""
    wrong = []
    for arrival in ARRIVAL.finditer(text):
        line = text.count("\n", 0, arrival.start()) + 1
        last = max((each.end() for each in BEFORE.finditer(text, 0, arrival.start())), default=0)
        following = AFTER.search(text, arrival.end())
        stop = following.start() if following else len(text)
        if FENCE not in text[last : arrival.start()]:
            wrong.append(f"line {line}: no fence between what is published and the count")
        if FENCE not in text[arrival.end() : stop]:
            wrong.append(f"line {line}: no fence between the count and what is read")
    return wrong


@pytest.mark.parametrize("name", TEXTS)
def test_arrivals_are_counted_between_fences(name: str) -> None:
    assert not _without_fences(TEXTS[name])


def test_the_number_of_blocks_is_compared_with_counts_only() -> None:
    """Another spelling of the pattern would go unseen."""
    for name, text in TEXTS.items():
        compared = re.findall(r"[=!<>]=\s*gridDim\.\w", text)
        assert len(compared) == len(ARRIVAL.findall(text)), name
    assert sum(len(ARRIVAL.findall(text)) for text in TEXTS.values()) >= 2


def test_every_fence_of_these_patterns_matters() -> None:
    for text in (each for each in TEXTS.values() if ARRIVAL.search(each)):
        for fence in re.finditer(re.escape(FENCE), text):
            without = text[: fence.start()] + text[fence.end() :]
            assert len(_without_fences(without)) == 1
