"""Large tensors in pieces that stay in the cache: a rule's temporaries then cost neither memory nor bandwidth."""

from collections.abc import Iterator

import torch

BLOCK = 1 << 18  # entries; 1 MiB in float32


def blocks(*tensors: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
    """The tensors, all of one shape, as tuples of flat views of at most BLOCK entries; small or strided ones whole."""
    if tensors[0].numel() <= BLOCK or not all(x.is_contiguous() for x in tensors):
        yield tensors
    else:
        yield from zip(*(x.view(-1).split(BLOCK) for x in tensors), strict=True)
