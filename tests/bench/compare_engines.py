#!/usr/bin/env python3
"""Prefill and decode speed of Cairn beside llama.cpp and vLLM's CPU build, cell by cell, interleaved.

  tests/bench/compare_engines.py --model FILE.gguf [--llama FOLDER] [--vllm PYTHON --vllm-model FOLDER]
                                 [--rounds 5] [--kernels-bench FILE] [--cells 1x128,1x1024,...] [--weights q4,int8,bf16] [--json OUT]

A round runs every cell on every engine before the next round begins, so that a noisy minute falls on all
of them. llama.cpp runs each cell with and without flash attention, and the better one counts, for prefill
and decode apart; after two rounds only the setting that won both times is run. For batches one prompt is
computed and copied to (llama.cpp: shared by) the other sequences; vLLM computes each prompt once and finds
it in its prefix cache in later rounds, which therefore have no prefill figure for it. Prints Markdown
tables: median and (lowest - highest) tokens/s, the ratio to the better peer, taken within each round, and
the share of the roofline: bytes over the memory's bandwidth or operations over the instructions' peak,
whichever takes longer, peaks being the best that kernels_bench saw in any round; with --peaks a second
table for peaks that are given, such as those of a machine in its usual state. Run it on an otherwise idle
machine.
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


class Llama:
    def __init__(self, options):
        self.options = options
        self.wins = {}  # (batch, context) -> the settings that were best for either figure, a set a round

    def run(self, batch, context, steps):
        rounds = self.wins.setdefault((batch, context), [])
        only = rounds[0] if len(rounds) >= 2 and all(r == rounds[0] and len(r) == 1 for r in rounds) else None
        rows = {flash: self.measure(batch, context, steps, flash) for flash in ("on", "off")
                if only is None or flash in only}
        best = {what: max(rows, key=lambda flash: rows[flash][what]) for what in ("prefill", "decode")}
        rounds.append(set(best.values()))
        return {what: rows[best[what]][what] for what in best} | {"flash_attention": best}

    def measure(self, batch, context, steps, flash):
        threads = str(self.options.threads)
        command = [os.path.join(self.options.llama, "llama-batched-bench"), "-m", self.options.model, "-t", threads,
                   "-tb", threads, "-c", str(batch * (context + steps + 16)), "-b", "2048", "-ub", "512",
                   "-npp", str(context), "-ntg", str(steps), "-npl", str(batch), "-fa", flash,
                   "--output-format", "jsonl"]
        if batch > 1 and not self.options.whole_prefill:
            command.append("-pps")
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        row = next(json.loads(line) for line in out.splitlines() if line.startswith("{"))
        return {"prefill": row["speed_pp"], "decode": row["speed_tg"]}


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


def spread(values, digits=0):
    values = [v for v in values if v is not None]
    if not values:
        return "-"
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} - {max(values):.{digits}f})"


def table(rows, engines, what):
    peers = [e for e in engines if not e.startswith("cairn")]
    lines = ["| batch x context | " + " | ".join(engines) + " | ratio to the better peer |",
             "|---" * (len(engines) + 2) + "|"]
    for cell, per_engine in rows.items():
        ratios = []
        for r, ours in enumerate(per_engine[engines[0]]):
            theirs = [per_engine[p][r][what] for p in peers if r < len(per_engine[p])]
            theirs = [value for value in theirs if value is not None]
            if theirs:
                ratios.append(ours[what] / max(theirs))
        lines.append(f"| {cell} | " + " | ".join(spread([x[what] for x in per_engine[e]]) for e in engines)
                     + f" | {spread(ratios, 2)} |")
    return "\n".join(lines)


def roofline_seconds(row, peaks, what):
    """The least time of a prompt, or of a decode step: memory and arithmetic could overlap."""
    best = {kind: max(peaks.get(kind + "_gop", 0), peaks.get("tile_" + kind + "_gop", 0)) for kind in ("bf16", "int8")}
    product = best["bf16" if row["weights"] == "bf16" else "int8"]
    attention = best["bf16"] or peaks["float_gop"]
    compute = row[what + "_product_gop"] / product + row[what + "_attention_gop"] / attention
    gigabytes = row["weights_gb"] if what == "prefill" else row["decode_gb_per_step"]
    return max(compute, gigabytes / peaks["memory_gb"])


def roofline_table(rows, engines, peaks):
    ours = [e for e in engines if e.startswith("cairn")]
    lines = ["| batch x context | " + " | ".join(f"{e} {what}" for what in ("prefill", "decode") for e in ours) + " |",
             "|---" * (2 * len(ours) + 1) + "|"]
    for cell, per_engine in rows.items():
        columns = []
        for what in ("prefill", "decode"):
            for engine in ours:
                tokens = {"prefill": lambda r: r["context"], "decode": lambda r: r["batch"]}[what]
                shares = [100 * roofline_seconds(r, peaks, what) * r[what] / tokens(r) for r in per_engine[engine]]
                columns.append(spread(shares) + " %")
        lines.append(f"| {cell} | " + " | ".join(columns) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cairn", default="build/release/deploy/cli/cairn")
    parser.add_argument("--kernels-bench", default="build/release/tests/bench/kernels_bench")
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
    parser.add_argument("--peaks", type=json.loads,
                        help='such as {"memory_gb": 25, "bf16_gop": 1000, "int8_gop": 2000}: of a second roofline')
    parser.add_argument("--json", help="append every measurement to this file, one line each")
    options = parser.parse_args()
    engines = {f"cairn {w}": (lambda b, c, s, w=w: run_cairn(options, w, b, c, s)) for w in options.weights.split(",")}
    if options.llama:
        engines["llama.cpp"] = Llama(options).run
    if options.vllm:
        vllm = Vllm(options.vllm, options.vllm_model, options.threads)
        engines["vLLM CPU bf16"] = vllm.run
    cells = [tuple(map(int, cell.split("x"))) for cell in options.cells.split(",")]
    rows = {f"{b} x {c}": {name: [] for name in engines} for b, c in cells}
    peaks = {}
    for round_number in range(options.rounds):
        seen = json.loads(subprocess.run([options.kernels_bench, "--peaks"], check=True, capture_output=True).stdout)
        peaks = {name: max(value, peaks.get(name, 0)) for name, value in seen.items()}
        for batch, context in cells:
            for name, run in engines.items():
                result = run(batch, context, options.steps)
                rows[f"{batch} x {context}"][name].append(result)
                say(f"round {round_number + 1} {batch} x {context} {name}: prefill {result['prefill'] or 0:.0f} "
                    f"decode {result['decode']:.0f} tokens/s")
                if options.json:
                    with open(options.json, "a") as out:
                        print(json.dumps({"engine": name, "round": round_number + 1, "batch": batch,
                                          "context": context, **result}), file=out)
    for what in ("prefill", "decode"):
        print(f"\n{what} tokens/s, median of {options.rounds} rounds (lowest - highest)\n")
        print(table(rows, list(engines), what))
    for given in (peaks, options.peaks):
        if given:
            print("\nshare of the roofline, " + ", ".join(f"{name} {value:.0f}" for name, value in given.items()) + "\n")
            print(roofline_table(rows, list(engines), given))


if __name__ == "__main__":
    main()
