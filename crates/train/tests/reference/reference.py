"""Freezes what plain PyTorch computes for a small model: one gradient and ten AdamW steps.

Independent of the Rust code: the model below is written from the description in src/model/mod.rs, differentiated by
autograd, and starts from weights drawn here. Run `python reference.py` (torch 2.x, CPU) to write frozen.json and
frozen.bin beside it; the Rust test src/checks/reference.rs reads both.

frozen.bin: little-endian f32 sections in this order: weights, gradient of the first batch (before clipping), weights after the steps.
Each section lists the tensors in the order of `Model.flat`.
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

SHAPE = dict(depth=2, width=24, heads=2, head_width=16, feed_forward=56, gated=True, vocabulary=64, tied_head=False, context=70)
OPTIMIZER = dict(hidden_rate=0.01, embedding_rate=0.02, beta1=0.9, beta2=0.95, epsilon=1e-8, weight_decay=0.1, clip_norm=1.0)
SCHEDULE = dict(warmup_steps=3, cooldown_steps=4)
STEPS, BATCH = 10, 5


class Model(torch.nn.Module):
    def __init__(self, depth, width, heads, head_width, feed_forward, vocabulary, context, **_):
        super().__init__()
        self.heads, self.head_width = heads, head_width
        draw = lambda *shape: torch.nn.Parameter(torch.randn(*shape) / math.sqrt(shape[-1]))
        gain = lambda: torch.nn.Parameter(1 + 0.1 * torch.randn(width))
        channels = heads * head_width
        self.embedding = draw(vocabulary, width)
        self.layers = torch.nn.ModuleList()
        for _ in range(depth):
            layer = torch.nn.Module()
            layer.attention_gain = gain()
            layer.q, layer.k, layer.v = (draw(channels, width) for _ in range(3))
            layer.out = draw(width, channels)
            layer.feed_forward_gain = gain()
            layer.gate, layer.up = draw(feed_forward, width), draw(feed_forward, width)
            layer.down = draw(width, feed_forward)
            self.layers.append(layer)
        self.final_gain = gain()
        self.head = draw(vocabulary, width)
        angles = torch.arange(context)[:, None] * 10000.0 ** (-torch.arange(0, head_width, 2) / head_width)
        self.cos, self.sin = angles.cos(), angles.sin()

    def flat(self):
        """Parameters with the group each belongs to, in the order of the Rust trainer's vector."""
        yield self.embedding, "vocabulary"
        for layer in self.layers:
            yield layer.attention_gain, "gain"
            yield from ((w, "hidden") for w in (layer.q, layer.k, layer.v, layer.out))
            yield layer.feed_forward_gain, "gain"
            yield from ((w, "hidden") for w in (layer.gate, layer.up, layer.down))
        yield self.final_gain, "gain"
        yield self.head, "vocabulary"

    def rotate(self, x):
        first, second = x.chunk(2, -1)
        return torch.cat([first * self.cos - second * self.sin, second * self.cos + first * self.sin], -1)

    def forward(self, tokens):
        norm = lambda x, gain: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * gain
        split = lambda x: x.view(*x.shape[:2], self.heads, self.head_width).transpose(1, 2)
        mask = torch.full([tokens.shape[1]] * 2, -torch.inf).triu(1)
        x = self.embedding[tokens]
        for layer in self.layers:
            h = norm(x, layer.attention_gain)
            q, k, v = self.rotate(split(h @ layer.q.T)), self.rotate(split(h @ layer.k.T)), split(h @ layer.v.T)
            scores = q @ k.transpose(-1, -2) / math.sqrt(self.head_width) + mask
            x = x + (scores.softmax(-1) @ v).transpose(1, 2).flatten(2) @ layer.out.T
            h = norm(x, layer.feed_forward_gain)
            x = x + (F.silu(h @ layer.gate.T) * (h @ layer.up.T)) @ layer.down.T
        return norm(x, self.final_gain) @ self.head.T


def main():
    torch.manual_seed(20)
    torch.set_num_threads(1)
    model = Model(**SHAPE)
    collect = lambda tensors: torch.cat([t.detach().flatten() for t in tensors])
    start = collect(p for p, _ in model.flat())
    # Every step draws from few symbols, so that there is something to learn.
    tokens = torch.randint(0, SHAPE["vocabulary"], (STEPS, BATCH, SHAPE["context"] + 1)) % 23
    rates = dict(hidden=OPTIMIZER["hidden_rate"], vocabulary=OPTIMIZER["embedding_rate"], gain=OPTIMIZER["embedding_rate"])
    groups = [dict(params=[p], peak=rates[g], weight_decay=0.0 if g == "gain" else OPTIMIZER["weight_decay"]) for p, g in model.flat()]
    optimizer = torch.optim.AdamW(groups, betas=(OPTIMIZER["beta1"], OPTIMIZER["beta2"]), eps=OPTIMIZER["epsilon"])
    losses, norms = [], []
    for step in range(STEPS):
        share = min(1.0, (step + 1) / SCHEDULE["warmup_steps"], (STEPS - step) / SCHEDULE["cooldown_steps"])
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * share
        inputs, targets = tokens[step, :, :-1], tokens[step, :, 1:]
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            gradient = collect(p.grad for p, _ in model.flat())
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), OPTIMIZER["clip_norm"]).item())
        optimizer.step()
        losses.append(loss.item())
    folder = pathlib.Path(__file__).parent
    sections = [start, gradient, collect(p for p, _ in model.flat())]
    (folder / "frozen.bin").write_bytes(b"".join(s.numpy().astype("<f4").tobytes() for s in sections))
    spec = dict(architecture=SHAPE, optimizer=OPTIMIZER, schedule=SCHEDULE, batch_sequences=BATCH, steps=STEPS, seed=0, shards=1)
    frozen = dict(torch=torch.__version__, spec=spec, params=start.numel(), tokens=tokens.flatten().tolist(), losses=losses, gradient_norms=norms)
    (folder / "frozen.json").write_text(json.dumps(frozen) + "\n")
    print(frozen["params"], losses, norms)


main()
