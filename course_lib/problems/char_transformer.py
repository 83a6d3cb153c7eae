"""A small character transformer: causal attention, pre-norm, learned positions, no dropout.

    x <- x + attention(norm(x));  x <- x + mlp(norm(x))      in each layer, one norm more before the scores

Matrices start normal with standard deviation 0.02, those that write into x with 0.02 / sqrt(2 * layers), biases at
zero; one seed decides all of them. Two layers of width 64 on 77 symbols are 114,125 parameters.

References: Vaswani et al. 2017; Radford et al. 2019, section 2.3 (pre-norm, the scaled start).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class CharTransformer(nn.Module):
    """Scores of the next symbol, shape (n, t, symbols), for symbols x of shape (n, t), integers, t <= context."""

    def __init__(
        self, symbols: int, *, layers: int = 2, width: int = 64, heads: int = 4, context: int = 64, seed: int = 0
    ):
        super().__init__()
        if width % heads:
            raise ValueError(f"width is {width}; allowed is a multiple of heads, {heads}")
        self.symbol, self.position = nn.Embedding(symbols, width), nn.Embedding(context, width)
        self.layers = nn.Sequential(*(Layer(width, heads) for _ in range(layers)))
        self.norm, self.scores = nn.LayerNorm(width), nn.Linear(width, symbols)
        self._start(seed)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] > len(self.position.weight):
            raise ValueError(f"x holds {x.shape[1]} symbols a row; allowed is the context, {len(self.position.weight)}")
        return self.scores(self.norm(self.layers(self.symbol(x) + self.position.weight[: x.shape[1]])))

    @torch.no_grad()
    def _start(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                last = name.endswith(("attention.out.weight", "mlp.2.weight"))
                p.normal_(std=0.02 / math.sqrt(2 * len(self.layers)) if last else 0.02, generator=generator)
            elif name.endswith("bias"):
                p.zero_()


class Layer(nn.Module):
    """Attention, then a GELU net of four times the width, each added to what it reads."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.before_attention, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.before_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.before_attention(x))
        return x + self.mlp(self.before_mlp(x))


class Attention(nn.Module):
    """Every position looks at itself and those before it, in `heads` subspaces."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1))
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(seen.transpose(1, 2).flatten(2))


def next_symbol_loss(scores: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy in nats a symbol of scores (n, t, symbols) and the symbols y, shape (n, t), that follow."""
    return functional.cross_entropy(scores.flatten(0, 1), y.flatten())
