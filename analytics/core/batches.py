"""Large batches a chunk of rows at a time: what is made on the way stays in the cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TypeVar

import numpy as np

Answer = TypeVar("Answer")

# So many portfolios of a dozen assets that a few arrays of them stay in the second-level cache.
CHUNK_ROWS = 2048


def chunks(length: int, size: int = CHUNK_ROWS) -> list[slice]:
    """Return the slices of at most `size` rows that cover `length` rows."""
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]


def joined(answer: Callable[[slice], Answer], length: int, size: int = CHUNK_ROWS) -> Answer:
    """Return the dataclass of arrays that `answer` gives chunk by chunk, as one for all rows.

    What is no array, or has no axis, is the same for all chunks.
    """
    parts = [answer(rows) for rows in chunks(length, size) or [slice(0, 0)]]
    first = parts[0]
    arrays = {each.name for each in fields(first) if np.ndim(getattr(first, each.name))}  # type: ignore[arg-type]
    return type(first)(
        **{
            each.name: np.concatenate([getattr(part, each.name) for part in parts])
            if each.name in arrays
            else getattr(first, each.name)
            for each in fields(first)  # type: ignore[arg-type]
        }
    )
