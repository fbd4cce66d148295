#!/usr/bin/env python3
"""Prefill and decode speed of Cairn beside llama.cpp and vLLM's CPU build, cell by cell, interleaved.

  tests/bench/compare_engines.py --model FILE.gguf [--llama FOLDER] [--vllm PYTHON --vllm-model FOLDER]
                                 [--rounds 5] [--cells 1x128,1x1024,...] [--weights q4,int8,bf16] [--json OUT]

A round runs every cell on every engine before the next round begins, so that a noisy minute falls on all
of them. llama.cpp runs each cell with and without flash attention, and the better one counts, for prefill
and decode apart. Prints a Markdown table: median and (lowest - highest) tokens/s, and the ratio to the
better peer, taken within each round. Run it on an otherwise idle machine.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

CELLS = "1x128,1x1024,1x4096,8x128,8x1024,8x4096,32x128,32x1024,32x4096"


def say(text):
    print(text, file=sys.stderr, flush=True)


def run_cairn(options, weights, batch, context, steps):
    command = [options.cairn, "bench", "engine", "--model", options.model, "--weights", weights, "--batch",
               str(batch), "--context", str(context), "--decode-steps", str(steps), "-o", "json"]
    if batch > 1 and not options.whole_prefill:
        command.append("--copy-prefill")
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run_llama(options, batch, context, steps):
    best = {"prefill": 0.0, "decode": 0.0}
    for flash in ("on", "off"):
        command = [os.path.join(options.llama, "llama-batched-bench"), "-m", options.model, "-t", str(options.threads),
                   "-tb", str(options.threads), "-c", str(batch * (context + steps + 16)), "-b", "2048", "-ub", "512",
                   "-npp", str(context), "-ntg", str(steps), "-npl", str(batch), "-fa", flash,
                   "--output-format", "jsonl"]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        row = next(json.loads(line) for line in out.splitlines() if line.startswith("{"))
        best["prefill"] = max(best["prefill"], row["speed_pp"])
        best["decode"] = max(best["decode"], row["speed_tg"])
    return best


class Vllm:
    def __init__(self, python, model, threads):
        say("starting vLLM (one to three minutes)")
        here = os.path.dirname(os.path.abspath(__file__))
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
        self.process = subprocess.Popen([python, os.path.join(here, "vllm_cells.py"), model], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        self.answer()

    def answer(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise SystemExit("vLLM ended without an answer")

    def run(self, batch, context, steps):
        print(json.dumps({"batch": batch, "context": context, "steps": steps}), file=self.process.stdin, flush=True)
        return self.answer()


def spread(values):
    return f"{statistics.median(values):.0f} ({min(values):.0f} - {max(values):.0f})" if values else "-"


def table(rows, engines, what):
    peers = [e for e in engines if not e.startswith("cairn")]
    lines = ["| batch x context | " + " | ".join(engines) + " | ratio to the better peer |",
             "|---" * (len(engines) + 2) + "|"]
    for cell, per_engine in rows.items():
        ratios = []
        for r in range(len(per_engine[engines[0]])):
            ours = per_engine[engines[0]][r][what]
            theirs = [per_engine[p][r][what] for p in peers if r < len(per_engine[p])]
            if theirs:
                ratios.append(ours / max(theirs))
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})" if ratios else "-"
        lines.append(f"| {cell} | " + " | ".join(spread([x[what] for x in per_engine[e]]) for e in engines)
                     + f" | {ratio} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cairn", default="build/release/deploy/cli/cairn")
    parser.add_argument("--model", required=True)
    parser.add_argument("--llama", help="folder with llama-batched-bench")
    parser.add_argument("--vllm", help="Python of an environment with vLLM's CPU build")
    parser.add_argument("--vllm-model", help="the same model as a bf16 safetensors folder")
    parser.add_argument("--weights", default="auto", help="formats of Cairn; the first one is compared")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cells", default=CELLS)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--whole-prefill", action="store_true", help="Cairn computes every prompt of a batch too")
    parser.add_argument("--json", help="append every measurement to this file, one line each")
    options = parser.parse_args()
    engines = {f"cairn {w}": (lambda b, c, s, w=w: run_cairn(options, w, b, c, s)) for w in options.weights.split(",")}
    if options.llama:
        engines["llama.cpp"] = lambda b, c, s: run_llama(options, b, c, s)
    if options.vllm:
        vllm = Vllm(options.vllm, options.vllm_model, options.threads)
        engines["vLLM CPU bf16"] = vllm.run
    cells = [tuple(map(int, cell.split("x"))) for cell in options.cells.split(",")]
    rows = {f"{b} x {c}": {name: [] for name in engines} for b, c in cells}
    for round_number in range(options.rounds):
        for batch, context in cells:
            for name, run in engines.items():
                result = run(batch, context, options.steps)
                rows[f"{batch} x {context}"][name].append(result)
                say(f"round {round_number + 1} {batch} x {context} {name}: prefill {result['prefill']:.0f} "
                    f"decode {result['decode']:.0f} tokens/s")
                if options.json:
                    with open(options.json, "a") as out:
                        print(json.dumps({"engine": name, "round": round_number + 1, "batch": batch,
                                          "context": context, **result}), file=out)
    for what in ("prefill", "decode"):
        print(f"\n{what} tokens/s, median of {options.rounds} rounds (lowest - highest)\n")
        print(table(rows, list(engines), what))


if __name__ == "__main__":
    main()
