"""Freezes what plain PyTorch computes for small models: one gradient and ten steps each.

Independent of the Rust code: the model below is written from the description in src/model/mod.rs, differentiated by
autograd, and starts from weights drawn here. Run `python reference.py [NAME ...]` (torch 2.9 or later, CPU) to write NAME.json and
NAME.bin beside it for each of CASES; the Rust test src/checks/reference.rs reads both.

NAME.bin: little-endian f32 sections in this order: weights, gradient of the first batch (before clipping), weights after the steps.
Each section lists the tensors in the order of `Model.flat`.
"""
import json
import math
import pathlib
import sys

import torch
import torch.nn.functional as F
import torch.optim._muon as muon_module

SHAPE = dict(depth=2, width=24, heads=2, head_width=16, feed_forward=56, gated=True, vocabulary=64, tied_head=False, context=70)
OPTIMIZER = dict(hidden_rate=0.01, embedding_rate=0.02, beta1=0.9, beta2=0.95, epsilon=1e-8, weight_decay=0.1, clip_norm=1.0)
SCHEDULE = dict(warmup_steps=3, cooldown_steps=4)
STEPS, BATCH = 10, 5
SMALL = dict(depth=1, width=12, heads=2, head_width=6, feed_forward=20, vocabulary=24, context=17)
# What differs from the above, by name of the files: sizes, what a layer computes, the optimizer (momentum: Muon's).
CASES = {
    "frozen": (dict(), dict(), dict()),
    "gelu_tied": (dict(SMALL, gated=False, tied_head=True), dict(activation="gelu"), dict(clip_norm=0.08)),
    "relu_squared_qk_norm": (dict(SMALL, gated=False), dict(activation="relu_squared", qk_norm=True), dict()),
    "muon": (dict(SMALL), dict(), dict(momentum=0.9)),
}
ACTIVATIONS = dict(silu=F.silu, gelu=lambda x: F.gelu(x, approximate="tanh"), relu_squared=lambda x: F.relu(x) ** 2)


def orthogonalize(matrix, coefficients, steps, eps):
    """PyTorch's own function works in bfloat16, too coarse to compare with: the same polynomial in the precision of the matrix."""
    a, b, c = coefficients
    x = matrix / matrix.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + b * (gram @ x) + c * (gram @ (gram @ x))
    return x


class Model(torch.nn.Module):
    def __init__(
        self, depth, width, heads, head_width, feed_forward, gated, vocabulary, tied_head, context, activation="silu", qk_norm=False
    ):
        super().__init__()
        self.heads, self.head_width, self.qk_norm = heads, head_width, qk_norm
        self.divisor = head_width / math.log2(context**2 - context) if qk_norm else math.sqrt(head_width)
        self.activation = ACTIVATIONS[activation]
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
            layer.gate = draw(feed_forward, width) if gated else None
            layer.up = draw(feed_forward, width)
            layer.down = draw(width, feed_forward)
            self.layers.append(layer)
        self.final_gain = gain()
        self.head = None if tied_head else draw(vocabulary, width)
        angles = torch.arange(context)[:, None] * 10000.0 ** (-torch.arange(0, head_width, 2) / head_width)
        self.cos, self.sin = angles.cos(), angles.sin()

    def flat(self):
        """Parameters with the group each belongs to, in the order of the Rust trainer's vector."""
        yield self.embedding, "vocabulary"
        for layer in self.layers:
            yield layer.attention_gain, "gain"
            yield from ((w, "hidden") for w in (layer.q, layer.k, layer.v, layer.out))
            yield layer.feed_forward_gain, "gain"
            yield from ((w, "hidden") for w in (layer.gate, layer.up, layer.down) if w is not None)
        yield self.final_gain, "gain"
        if self.head is not None:
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
            q, k, v = split(h @ layer.q.T), split(h @ layer.k.T), split(h @ layer.v.T)
            if self.qk_norm:
                q, k = norm(q, 1), norm(k, 1)
            q, k = self.rotate(q), self.rotate(k)
            scores = q @ k.transpose(-1, -2) / self.divisor + mask
            x = x + (scores.softmax(-1) @ v).transpose(1, 2).flatten(2) @ layer.out.T
            h = norm(x, layer.feed_forward_gain)
            up = h @ layer.up.T
            x = x + (self.activation(up) if layer.gate is None else self.activation(h @ layer.gate.T) * up) @ layer.down.T
        x = norm(x, self.final_gain)
        return x @ self.embedding.T / self.embedding.shape[1] if self.head is None else x @ self.head.T


def freeze(name, sizes, block, constants):
    torch.manual_seed(20)
    shape, constants = SHAPE | sizes, OPTIMIZER | constants
    model = Model(**shape, **block)
    collect = lambda tensors: torch.cat([t.detach().flatten() for t in tensors])
    start = collect(p for p, _ in model.flat())
    # Every step draws from few symbols, so that there is something to learn.
    tokens = torch.randint(0, shape["vocabulary"], (STEPS, BATCH, shape["context"] + 1)) % 23
    rates = dict(hidden=constants["hidden_rate"], vocabulary=constants["embedding_rate"], gain=constants["embedding_rate"])
    groups = [dict(params=[p], peak=rates[g], weight_decay=0.0 if g == "gain" else constants["weight_decay"]) for p, g in model.flat()]
    momentum = constants.pop("momentum", None)
    hidden = [dict(group) for group, (_, g) in zip(groups, model.flat()) if momentum is not None and g == "hidden"]
    rest = [group for group, (_, g) in zip(groups, model.flat()) if momentum is None or g != "hidden"]
    optimizers = [torch.optim.AdamW(rest, betas=(constants["beta1"], constants["beta2"]), eps=constants["epsilon"])]
    if hidden:
        optimizers.append(torch.optim.Muon(hidden, momentum=momentum, adjust_lr_fn="match_rms_adamw"))
    losses, norms = [], []
    for step in range(STEPS):
        share = min(1.0, (step + 1) / SCHEDULE["warmup_steps"], (STEPS - step) / SCHEDULE["cooldown_steps"])
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["lr"] = group["peak"] * share
        inputs, targets = tokens[step, :, :-1], tokens[step, :, 1:]
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        model.zero_grad()
        loss.backward()
        if step == 0:
            gradient = collect(p.grad for p, _ in model.flat())
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), constants["clip_norm"]).item())
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
    folder = pathlib.Path(__file__).parent
    sections = [start, gradient, collect(p for p, _ in model.flat())]
    (folder / f"{name}.bin").write_bytes(b"".join(s.numpy().astype("<f4").tobytes() for s in sections))
    spec = dict(architecture=shape, optimizer=constants, schedule=SCHEDULE, batch_sequences=BATCH, steps=STEPS, seed=0, shards=1)
    if block:
        spec["block"] = block
    if momentum is not None:
        spec["muon"] = dict(momentum=momentum)
    frozen = dict(torch=torch.__version__, spec=spec, params=start.numel(), tokens=tokens.flatten().tolist(), losses=losses, gradient_norms=norms)
    (folder / f"{name}.json").write_text(json.dumps(frozen) + "\n")
    print(name, frozen["params"], losses, norms)


torch.set_num_threads(1)
matrix = torch.randn(9, 20)
theirs = muon_module._zeropower_via_newtonschulz(matrix, (3.4445, -4.7750, 2.0315), 5, 1e-7).float()
assert (orthogonalize(matrix, (3.4445, -4.7750, 2.0315), 5, 1e-7) - theirs).abs().max() < 0.03
muon_module._zeropower_via_newtonschulz = orthogonalize
for name in sys.argv[1:] or CASES:
    freeze(name, *CASES[name])
