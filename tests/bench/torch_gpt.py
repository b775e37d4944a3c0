"""The peer: GPT in PyTorch as nanoGPT has it, and nanoGPT's recipe for a CPU; written anew.

Source of the recipe: https://github.com/karpathy/nanoGPT, README, "I only have a macbook".
Shapes in comments: B batch, T time, C width (n_embd), H heads, D = C / H width of a head.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

BETAS, WEIGHT_DECAY, GRADIENT_CLIP = (0.9, 0.99), 0.1, 1.0
PEAK, FLOOR, WARMUP = 1e-3, 1e-4, 100


@dataclass(frozen=True)
class Shape:
    """Of a model; names as in nanoGPT."""

    vocab_size: int
    block_size: int
    n_layer: int
    n_head: int
    n_embd: int
    bias: bool = False


class Attention(nn.Module):
    """Causal self-attention by PyTorch's own kernel."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, width = shape.n_head, shape.n_embd
        self.c_attn = nn.Linear(width, 3 * width, bias=shape.bias)
        self.c_proj = nn.Linear(width, width, bias=shape.bias)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        qkv = self.c_attn(x).view(batch, time, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, T, D)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).reshape(batch, time, width))


class Block(nn.Module):
    """Attention, then a feed-forward part, each after a LayerNorm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.n_embd
        self.ln_1 = nn.LayerNorm(width, bias=shape.bias)
        self.attn = Attention(shape)
        self.ln_2 = nn.LayerNorm(width, bias=shape.bias)
        self.c_fc = nn.Linear(width, 4 * width, bias=shape.bias)
        self.c_proj = nn.Linear(4 * width, width, bias=shape.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.c_proj(functional.gelu(self.c_fc(self.ln_2(x))))


class GPT(nn.Module):
    """Learned positions, an output layer tied to the embedding, GPT-2's initial weights."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.wte = nn.Embedding(shape.vocab_size, shape.n_embd)
        self.wpe = nn.Embedding(shape.block_size, shape.n_embd)
        self.h = nn.ModuleList(Block(shape) for _ in range(shape.n_layer))
        self.ln_f = nn.LayerNorm(shape.n_embd, bias=shape.bias)
        for name, value in self.named_parameters():
            if value.dim() == 2:
                residual = name.endswith("c_proj.weight")
                nn.init.normal_(value, std=0.02 / math.sqrt(2 * shape.n_layer if residual else 1))
            elif name.endswith("bias"):
                nn.init.zeros_(value)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids (B, T) to logits (B, T, vocab_size)."""
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.h:
            x = block(x)
        return functional.linear(self.ln_f(x), self.wte.weight)


def loss_of(model: GPT, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean nats a token."""
    return functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


def draw(ids: Tensor, batch_size: int, block_size: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets (batch_size, block_size), from anywhere in ids (n,)."""
    starts = torch.randint(len(ids) - block_size, (batch_size,)).tolist()
    inputs = torch.stack([ids[at : at + block_size] for at in starts])
    targets = torch.stack([ids[at + 1 : at + 1 + block_size] for at in starts])
    return inputs, targets


class Training:
    """nanoGPT's recipe, a step at a time."""

    def __init__(self, shape: Shape, ids: Tensor, batch_size: int, steps: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.model, self.block_size = GPT(shape), shape.block_size
        self.ids, self.batch_size, self.steps, self.done = ids, batch_size, steps, 0
        matrices = [each for each in self.model.parameters() if each.dim() >= 2]
        others = [each for each in self.model.parameters() if each.dim() < 2]
        groups = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, PEAK, BETAS, weight_decay=WEIGHT_DECAY)

    def step(self, window: int | None = None) -> None:
        """One update on windows of `block_size` tokens, or shorter ones."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        loss = loss_of(self.model, *draw(self.ids, self.batch_size, window or self.block_size))
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.done += 1

    def learning_rate(self) -> float:
        """A rise over 100 steps, then half a cosine down to a tenth at the last step."""
        if self.done < WARMUP:
            return PEAK * (self.done + 1) / (WARMUP + 1)
        gone = min(1.0, (self.done - WARMUP) / max(1, self.steps - WARMUP))
        return FLOOR + (PEAK - FLOOR) * 0.5 * (1.0 + math.cos(math.pi * gone))
