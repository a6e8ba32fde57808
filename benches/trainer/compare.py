"""Trains the same shapes with isoflop's trainer and with eager PyTorch, one thread each, and prints tokens per CPU second.

    python benches/trainer/compare.py [--rounds 5] [--steps 5] [--shapes S M]

Makes a virtual environment with PyTorch from PyPI under target/bench-trainer, builds the Rust side, then lets both take
turns: whatever else the machine does hits both. Medians over all steps of all rounds; the ratio is the median of the
rounds' ratios. CPU time is what the kernel charges the process; peak memory its largest resident set.
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
CONTEXT, SEQUENCES = 256, 32


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


def torch_python():
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    if subprocess.run([python, "-c", "import torch, numpy"], capture_output=True).returncode != 0:
        subprocess.run([python, "-m", "pip", "install", "--quiet", "torch", "numpy"], check=True)
    return python


def measure(command):
    """The JSON a command prints, with its peak resident set in MB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"failed: {command}")
    return json.loads(output) | dict(megabytes=usage.ru_maxrss / 1024)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--steps", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--shapes", nargs="+", choices=SHAPES, default=["S", "M"])
    arguments = arguments.parse_args()
    build = ["cargo", "build", "--quiet", "--release", "--package", "isoflop-train", "--example", "train_speed"]
    subprocess.run(build, cwd=ROOT, check=True)
    engines = {
        "isoflop": [TARGET / "release" / "examples" / "train_speed"],
        "torch": [torch_python(), pathlib.Path(__file__).with_name("torch_speed.py")],
    }
    clock = "cpu_seconds" if arguments.threads == 1 else "wall_seconds"
    print(f"| shape | isoflop, tokens per {clock.replace('_', ' ')[:-1]} | torch | ratio (all rounds) | peak MB, isoflop | torch |")
    print("|---|---|---|---|---|---|")
    for name in arguments.shapes:
        seconds = {engine: [] for engine in engines}
        megabytes = {engine: [] for engine in engines}
        ratios = []
        for _ in range(arguments.rounds):
            medians = {}
            for engine, command in engines.items():
                numbers = map(str, (SEQUENCES, arguments.steps, arguments.threads))
                result = measure([*command, json.dumps(SHAPES[name]), *numbers])
                seconds[engine] += result[clock]
                megabytes[engine].append(result["megabytes"])
                medians[engine] = statistics.median(result[clock])
            ratios.append(medians["torch"] / medians["isoflop"])
        speeds = [SEQUENCES * CONTEXT / statistics.median(seconds[engine]) for engine in engines]
        peaks = [max(megabytes[engine]) for engine in engines]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {name} | {speeds[0]:,.0f} | {speeds[1]:,.0f} | {spread} | {peaks[0]:.0f} | {peaks[1]:.0f} |", flush=True)


main()
