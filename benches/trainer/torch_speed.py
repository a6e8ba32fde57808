"""Times optimizer steps of one shape on random tokens in PyTorch: the other side of compare.py.

    python torch_speed.py SHAPE SEQUENCES STEPS THREADS ENGINE MICRO_BATCH
    python torch_speed.py peak

The same work as the Rust trainer's, written the way that is fastest in PyTorch: stacked projections,
F.scaled_dot_product_attention(is_causal=True), F.rms_norm, fused AdamW, one clip_grad_norm_ over all tensors. The engine is
eager, compiled (torch.compile) or autocast (compiled, with matrix products in bf16). MICRO_BATCH sequences go through the
model together. `peak` measures single-thread f32 matrix products instead.
"""
import json
import math
import sys
import time

import torch
import torch.nn.functional as F


def peak():
    """GFLOP per CPU second of the best square f32 product."""
    torch.set_num_threads(1)
    best = 0.0
    for size in (512, 1024, 2048):
        a, b = torch.randn(size, size), torch.randn(size, size)
        a @ b
        for _ in range(5):
            start = time.process_time()
            a @ b
            best = max(best, 2 * size**3 / (time.process_time() - start))
    print(json.dumps(dict(gigaflops=best * 1e-9)))
    sys.exit()


if sys.argv[1] == "peak":
    peak()
shape = json.loads(sys.argv[1])
sequences, steps, threads = map(int, sys.argv[2:5])
engine, micro_batch = sys.argv[5], int(sys.argv[6])
depth, width, heads, head_width = (shape[k] for k in ("depth", "width", "heads", "head_width"))
feed_forward, vocabulary, context = (shape[k] for k in ("feed_forward", "vocabulary", "context"))
torch.set_num_threads(threads)
torch.manual_seed(0)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        draw = lambda *size: torch.nn.Parameter(torch.randn(*size) / math.sqrt(size[-1]))
        gain = lambda: torch.nn.Parameter(torch.ones(width))
        channels = heads * head_width
        self.embedding, self.head, self.final_gain = draw(vocabulary, width), draw(vocabulary, width), gain()
        self.layers = torch.nn.ModuleList()
        for _ in range(depth):
            layer = torch.nn.Module()
            layer.attention_gain, layer.feed_forward_gain = gain(), gain()
            layer.projections, layer.out = draw(3 * channels, width), draw(width, channels)
            layer.gate_up, layer.down = draw(2 * feed_forward, width), draw(width, feed_forward)
            self.layers.append(layer)
        angles = torch.arange(context)[:, None] * 10000.0 ** (-torch.arange(0, head_width, 2) / head_width)
        self.register_buffer("cos", torch.cat([angles.cos()] * 2, -1))
        self.register_buffer("sin", torch.cat([-angles.sin(), angles.sin()], -1))

    def forward(self, tokens, targets):
        batch = tokens.shape[0]
        x = F.embedding(tokens, self.embedding)
        for layer in self.layers:
            h = F.linear(F.rms_norm(x, (width,), layer.attention_gain, 1e-5), layer.projections)
            q, k, v = h.view(batch, context, 3, heads, head_width).permute(2, 0, 3, 1, 4)
            q, k = (t * self.cos + t.roll(head_width // 2, -1) * self.sin for t in (q, k))
            h = F.scaled_dot_product_attention(q, k.to(q.dtype), v.to(q.dtype), is_causal=True)
            x = x + F.linear(h.transpose(1, 2).reshape(batch, context, -1), layer.out)
            gate, up = F.linear(F.rms_norm(x, (width,), layer.feed_forward_gain, 1e-5), layer.gate_up).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * up, layer.down)
        logits = F.linear(F.rms_norm(x, (width,), self.final_gain, 1e-5), self.head)
        return F.cross_entropy(logits.view(-1, vocabulary).float(), targets.reshape(-1))


model = Model()
gains = [p for p in model.parameters() if p.ndim == 1]
matrices = [p for p in model.parameters() if p.ndim == 2]
groups = [dict(params=matrices, weight_decay=0.1), dict(params=gains, weight_decay=0.0)]
optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), fused=True)
tokens = torch.randint(0, vocabulary, (sequences, context + 1))
loss_of = model if engine == "eager" else torch.compile(model)


def step():
    optimizer.zero_grad(set_to_none=True)
    for part in tokens.split(micro_batch):
        with torch.autocast("cpu", torch.bfloat16, enabled=engine == "autocast"):
            loss = loss_of(part[:, :-1], part[:, 1:])
        (loss * (len(part) / sequences)).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


step(), step()
cpu, wall = [], []
for _ in range(steps):
    start = time.process_time(), time.perf_counter()
    step()
    cpu.append(time.process_time() - start[0])
    wall.append(time.perf_counter() - start[1])
print(json.dumps(dict(tokens=sequences * context, cpu_seconds=cpu, wall_seconds=wall)))
