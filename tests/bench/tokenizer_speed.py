#!/usr/bin/env python3
"""How many megabytes a second `cairn model tokenize` turns into ids on one core, and whether that depends on the size.

  tests/bench/tokenizer_speed.py MODEL... [--megabytes 1,8,32] [--rounds 3]

CPU time of the whole command, less that of the same command on no text (the model's vocabulary is read each time);
the best of some rounds. Prints a Markdown table.
"""
import argparse
import os
import random
import resource
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
from cairn_server import default_program  # noqa: E402

MIXED = ("static int Sum(const std::vector<int>& x) { return std::accumulate(x.begin(), x.end(), 0); }\n"
         "Größe, Übermut: naïve café. 今天天气很好，我们去公园散步吧。Привет, как дела? こんにちは世界。مرحبا بالعالم 🙂🚀\n")


def sources():
    """Texts of our own documents and other languages, of words that nobody has seen before, and without a word."""
    draw = random.Random(1)
    documents = [name for name in subprocess.run(["git", "ls-files", "*.md", "*.cc"], cwd=HERE + "/../..", check=True,
                                                 stdout=subprocess.PIPE, text=True).stdout.split()]
    pages = "".join(open(os.path.join(HERE, "..", "..", name), encoding="utf-8").read() + MIXED for name in documents)
    words = " ".join("".join(draw.choices("etaoinshrdlucmfwypvbgkjqxz", range(26, 0, -1), k=draw.randint(2, 10)))
                     for _ in range(500_000))
    hanzi = "".join(chr(draw.randint(0x4E00, 0x9FFF)) for _ in range(700_000))
    letters = "".join(draw.choices("etaoinshrdlucmfwypvbgkjqxz", range(26, 0, -1), k=1_000_000))
    return {"documents and code": pages, "random words": words, "random Chinese characters": hanzi, "random letters, no space": letters, "one letter": "a" * 1000}


def cpu_seconds(model, text):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([default_program(), "model", "tokenize", model], input=text, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+")
    parser.add_argument("--megabytes", default="1,8,32")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sizes = [int(size) for size in options.megabytes.split(",")]
    print("| model | text | " + " | ".join(f"{size} MB" for size in sizes) + " |\n" + "|---" * (len(sizes) + 2) + "|")
    for model in options.models:
        start = min(cpu_seconds(model, b"") for _ in range(options.rounds))
        for name, text in sources().items():
            raw = text.encode()
            speeds = []
            for size in sizes:
                cut = (raw * (size * 1_000_000 // len(raw) + 1))[:size * 1_000_000].decode(errors="ignore").encode()
                took = min(cpu_seconds(model, cut) for _ in range(options.rounds))
                speeds.append(size / max(took - start, 1e-3))
            print(f"| {os.path.basename(model)} | {name} | " + " | ".join(f"{speed:.0f}" for speed in speeds) + " |", flush=True)


if __name__ == "__main__":
    main()
