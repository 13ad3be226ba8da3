"""The transformers of a RoFormer in a form that OpenVINO runs faster and rounds less; the numbers are the same.

Angles of the rotary embedding are tables instead of being worked out anew, which bfloat16 would ruin. Even and odd
numbers of each head's queries and keys lie apart, so that turning them moves whole halves. The norm is written with a
mean of squares, as OpenVINO knows it. (audio-separator 0.47.1, `bs_roformer.py` and `rotary.py`.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_TINIEST = 1e-24
"""Square of the least norm that torch divides by."""


def rewritten(transformer: Any, length: int) -> torch.nn.Module:
    """The same transformer for sequences of one length, [sequences, length, numbers] to the same."""
    import torch

    class Layers(torch.nn.Module):
        """Attention and feed-forward in turn."""

        def __init__(self) -> None:
            super().__init__()
            self.attentions = torch.nn.ModuleList(_attention(one, length) for one, _ in transformer.layers)
            self.forwards = torch.nn.ModuleList(_feed_forward(one) for _, one in transformer.layers)
            self.last = norm(transformer.norm) if hasattr(transformer.norm, "gamma") else torch.nn.Identity()

        def forward(self, deep: torch.Tensor) -> torch.Tensor:
            for attention, feed_forward in zip(self.attentions, self.forwards, strict=True):
                deep = attention(deep) + deep
                deep = feed_forward(deep) + deep
            found: torch.Tensor = self.last(deep)
            return found

    return Layers()


def norm(module: Any) -> torch.nn.Module:
    """The same norm, over the last numbers of what it is given."""
    import torch

    class Norm(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gamma = torch.nn.Parameter(module.gamma.detach(), requires_grad=False)
            self.least = _TINIEST / module.gamma.numel()

        def forward(self, deep: torch.Tensor) -> torch.Tensor:
            return deep * torch.rsqrt(deep.pow(2).mean(-1, keepdim=True) + self.least) * self.gamma

    return Norm()


def _feed_forward(module: Any) -> torch.nn.Module:
    import torch

    first, *others = module.net
    return torch.nn.Sequential(norm(first), *(one for one in others if not isinstance(one, torch.nn.Dropout)))


def _attention(module: Any, length: int) -> torch.nn.Module:
    import torch

    if getattr(module, "rotary_embed", None) is None:
        return module  # type: ignore[no-any-return]
    size = module.to_qkv.weight.shape[0] // 3 // module.heads
    halves = [*range(0, size, 2), *range(1, size, 2)]

    def linear(weight: torch.Tensor) -> torch.nn.Linear:
        made = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        made.weight = torch.nn.Parameter(weight.contiguous(), requires_grad=False)
        return made

    def halved(weight: torch.Tensor) -> torch.Tensor:
        return weight.reshape(module.heads, size, -1)[:, halves].reshape(weight.shape)

    class Attention(torch.nn.Module):
        """With tables of angles."""

        cos: torch.Tensor
        sin: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            query, key, value = module.to_qkv.weight.detach().chunk(3)
            self.norm, self.gates, self.out = norm(module.norm), module.to_gates, module.to_out[0]
            self.query, self.key, self.value = linear(halved(query)), linear(halved(key)), linear(value)
            angles = module.rotary_embed.freqs.detach().float() * torch.arange(length, dtype=torch.float32)[:, None]
            self.register_buffer("cos", torch.cat([angles.cos()] * 2, dim=-1)[None, None])
            self.register_buffer("sin", torch.cat([angles.sin()] * 2, dim=-1)[None, None])

        def turned(self, deep: torch.Tensor) -> torch.Tensor:
            even, odd = deep[..., : size // 2], deep[..., size // 2 :]
            return deep * self.cos + torch.cat([-odd, even], dim=-1) * self.sin

        def heads(self, deep: torch.Tensor) -> torch.Tensor:
            return deep.reshape(deep.shape[0], length, module.heads, size).transpose(1, 2)

        def forward(self, deep: torch.Tensor) -> torch.Tensor:
            deep = self.norm(deep)
            query, key = self.turned(self.heads(self.query(deep))), self.turned(self.heads(self.key(deep)))
            heard = torch.nn.functional.scaled_dot_product_attention(query, key, self.heads(self.value(deep)))
            heard = heard.transpose(1, 2) * self.gates(deep).sigmoid()[..., None]
            found: torch.Tensor = self.out(heard.reshape(deep.shape[0], length, module.heads * size))
            return found

    return Attention()
