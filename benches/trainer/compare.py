"""Trains the same shapes with isoflop's trainer and with PyTorch, and prints how much faster the one is than the other.

    python benches/trainer/compare.py [--rounds 5] [--steps 3] [--shapes S M] [--engines eager compiled autocast]
    python benches/trainer/compare.py --wall

By default one thread each, in tokens per CPU second. PyTorch gets the best of several micro-batches, found before the
rounds. With --wall a ladder of more runs than cores on all of them, in tokens per second of wall time: isoflop trains one run per core,
PyTorch whatever is best of one run at a time on all threads, one per core, and what lies between, at each micro-batch.

Makes a virtual environment with PyTorch from PyPI under target/bench-trainer, builds the Rust side, then lets all take
turns: whatever else the machine does hits everyone. The ratio is the median of the rounds' ratios. CPU time is what the
kernel charges the process; peak memory its largest resident set. A step of a shape counts 6 N + 6 d V + 6 L T d FLOP a token
(N parameters inside the layers, half of attention masked), and the share is of the best f32 product PyTorch can do.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
ENVIRONMENT = ROOT / "target" / "bench-trainer" / "venv"
OURS = TARGET / "release" / "examples" / "train_speed"
THEIRS = pathlib.Path(__file__).with_name("torch_speed.py")
CONTEXT, SEQUENCES = 256, 32
MICRO_BATCHES = (32, 8, 2)


def shape(depth, width, heads, vocabulary=256):
    """Feed-forward width: 8/3 of the width, rounded up to a multiple of 16."""
    feed_forward = -(-8 * width // 3 // 16) * 16
    return dict(depth=depth, width=width, heads=heads, head_width=width // heads, feed_forward=feed_forward, gated=True,
                vocabulary=vocabulary, tied_head=False, context=CONTEXT)


SHAPES = {
    "XS": shape(2, 32, 2),
    "S": shape(2, 64, 2),
    "M": shape(5, 128, 2),
    "L": shape(8, 320, 5),
    "S-4096": shape(2, 64, 2, vocabulary=4096),
    "M-4096": shape(5, 128, 2, vocabulary=4096),
}


def flops_per_token(shape):
    width, feed_forward, depth = shape["width"], shape["feed_forward"], shape["depth"]
    params = depth * (4 * width**2 + 3 * width * feed_forward)
    return 6 * params + 6 * width * shape["vocabulary"] + 6 * depth * CONTEXT * width


def torch_python():
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    if subprocess.run([python, "-c", "import torch, numpy"], capture_output=True).returncode != 0:
        subprocess.run([python, "-m", "pip", "install", "--quiet", "torch", "numpy"], check=True)
    return python


def measure(command, processes=1):
    """What each of some processes at the same time prints as JSON, with its peak resident set in MB."""
    running = [subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    results = []
    for process in running:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"failed: {command}")
        results.append(json.loads(output) | dict(megabytes=usage.ru_maxrss / 1024))
    return results


class Isoflop:
    def __init__(self, wall, cores):
        self.wall, self.cores = wall, cores

    def speed(self, shape, steps):
        """Tokens per second of the clock that counts, and the largest resident set."""
        results = measure([OURS, json.dumps(shape), SEQUENCES, steps, 1], self.cores if self.wall else 1)
        return speed_of(results, self.wall)


class Torch:
    def __init__(self, wall, cores, engine, python):
        self.wall, self.cores, self.engine, self.python = wall, cores, engine, python
        self.best = {}

    def setups(self):
        """Processes at a time, threads of each, micro-batch."""
        processes = [1]
        if self.wall:
            processes = [count for count in range(1, self.cores + 1) if self.cores % count == 0]
        threads = self.cores if self.wall else 1
        return [(count, threads // count, micro) for count in processes for micro in MICRO_BATCHES]

    def speed(self, shape, steps):
        name = json.dumps(shape)
        if name not in self.best:
            self.best[name] = max(self.setups(), key=lambda setup: self.with_setup(name, max(2, steps // 2), setup)[0])
        return self.with_setup(name, steps, self.best[name])

    def with_setup(self, shape, steps, setup):
        processes, threads, micro = setup
        command = [self.python, THEIRS, shape, SEQUENCES, steps, threads, self.engine, micro]
        return speed_of(measure(command, processes), self.wall)


def speed_of(results, wall):
    clock = "wall_seconds" if wall else "cpu_seconds"
    speeds = [result["tokens"] / statistics.median(result[clock]) for result in results]
    return sum(speeds), sum(result["megabytes"] for result in results)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--steps", type=int, default=3)
    arguments.add_argument("--wall", action="store_true")
    arguments.add_argument("--shapes", nargs="+", choices=SHAPES, default=["S", "M"])
    arguments.add_argument("--engines", nargs="+", choices=["eager", "compiled", "autocast"], default=["eager"])
    arguments = arguments.parse_args()
    build = ["cargo", "build", "--quiet", "--release", "--package", "isoflop-train", "--example", "train_speed"]
    subprocess.run(build, cwd=ROOT, check=True)
    cores, python = len(os.sched_getaffinity(0)), torch_python()
    ours = Isoflop(arguments.wall, cores)
    theirs = {engine: Torch(arguments.wall, cores, engine, python) for engine in arguments.engines}
    print(f"tokens per {'wall' if arguments.wall else 'CPU'} second; load {os.getloadavg()[0]:.0f} at the start\n")
    print("| shape | PyTorch | set-up: processes, threads, micro-batch | isoflop | PyTorch | ratio (all rounds) "
          "| isoflop GFLOP/s, share of the f32 peak | peak MB, isoflop | PyTorch |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in arguments.shapes:
        shape = SHAPES[name]
        for engine, torch in theirs.items():
            rounds = []
            for _ in range(arguments.rounds):
                peak = measure([python, THEIRS, "peak"])[0]["gigaflops"]
                rounds.append((*ours.speed(shape, arguments.steps), *torch.speed(shape, arguments.steps), peak))
            our_speed, our_megabytes, their_speed, their_megabytes, peak = map(statistics.median, zip(*rounds))
            ratios = [ours / theirs for ours, _, theirs, _, _ in rounds]
            gigaflops = our_speed * flops_per_token(shape) * 1e-9
            share = "" if arguments.wall else f"{gigaflops:.0f}, {gigaflops / peak:.0%} of {peak:.0f}"
            print(f"| {name} | {engine} | {', '.join(map(str, torch.best[json.dumps(shape)]))} | {our_speed:,.0f} "
                  f"| {their_speed:,.0f} | {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
                  f"| {share} | {our_megabytes:.0f} | {their_megabytes:.0f} |", flush=True)
    print(f"\nload {os.getloadavg()[0]:.0f} at the end")


main()
