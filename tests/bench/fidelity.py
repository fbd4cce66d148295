#!/usr/bin/env python3
"""One workload simulated, modelled in real time, and served for real by one worker of this machine: do they agree?

  tests/bench/fidelity.py --model FILE.gguf [--profile FILE] [--requests 150] [--load 0.6] [--rounds 3] [--json OUT]

Fits a profile first (`cairn bench kernels --fit`), unless one is given. The rate is what keeps one worker as busy as
--load says, by that profile. Every round replays the same trace against a modelled and against a real server, fresh
each time, so that both begin with empty caches. The engine has all cores but one (--threads), in the fit too: the other
threads of a server (connections, tokenizing) and the replaying client want one, and an engine that gives way to them is
slower than one that was fitted alone. Run it on an otherwise idle machine. tests/e2e/fidelity.py is the test of the
first two.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "support"), os.path.join(HERE, "..", "e2e")]
import fidelity  # noqa: E402
from cairn_server import CairnServer, default_program  # noqa: E402

KV_TOKENS = 32768


def fit(model, path, threads):
    out = subprocess.run([default_program(), "bench", "kernels", "--fit", "--model", model, "--profile-out", path,
                          "--threads", str(threads), "-o", "json"], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = json.loads(out)
    for half in ("prefill", "decode"):
        print(f"{half}: ms {found[half]['ms']}, R2 {found[half]['r2']:.4f}, error {100 * found[half]['error_mean']:.1f} % mean, "
              f"{100 * found[half]['error_max']:.1f} % at most")
    print(f"mixed steps: {found['mixed_steps']}, {100 * found['mixed_error']:.1f} % off", flush=True)


def rate_for(load, program, folder, profile, options):
    """The rate at which a virtual worker is so busy."""
    low, high = 0.01, 1000.0
    trace = os.path.join(folder, "probe.jsonl")
    for _ in range(12):
        rate = (low * high) ** 0.5
        fidelity.write_trace(trace, options.requests, rate, options.seed, (64, 800), (1, 24))
        busy = fidelity.busy_share(program, trace, profile, KV_TOKENS)
        low, high = (rate, high) if busy < load else (low, rate)
    return low


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--profile", help="instead of fitting one")
    parser.add_argument("--threads", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="of the engine")
    parser.add_argument("--requests", type=int, default=150)
    parser.add_argument("--load", type=float, default=0.6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", help="append every figure to this file, one line each")
    options = parser.parse_args()
    program = default_program()
    with tempfile.TemporaryDirectory() as folder:
        profile = options.profile or os.path.join(folder, "this-machine.yaml")
        if not options.profile:
            fit(options.model, profile, options.threads)
        rate = rate_for(options.load, program, folder, profile, options)
        trace = os.path.join(folder, "trace.jsonl")
        fidelity.write_trace(trace, options.requests, rate, options.seed, (64, 800), (1, 24))
        print(f"{options.requests} requests at {rate:.2f} a second, one worker {100 * options.load:.0f} % busy", flush=True)
        simulated = fidelity.simulate(program, trace, profile, KV_TOKENS)
        common = ("--log-level", "warn", "--kv-budget", "768MiB", "--dram-budget", "0B")
        flags = {"modelled": ("--engine", "modelled", "--profile", profile), "real": ("--threads", str(options.threads))}
        seen = {name: [] for name in flags}
        for _ in range(options.rounds):
            for name, extra in flags.items():
                with CairnServer(options.model, *common, *extra) as server:
                    seen[name].append(fidelity.replay(program, trace, server.url))
                    steps, busy = (server.metric(f"cairn_worker_{what}_total") for what in ("steps", "busy_seconds"))
                print(f"{name}: " + ", ".join(f"{what} {value * 1e3:.0f} ms" for what, value in seen[name][-1].items())
                      + f"; {steps:.0f} steps, {busy:.2f} s", flush=True)
    print("\n| | simulated | modelled | real | modelled / simulated | real / simulated |\n|---|---|---|---|---|---|")
    for what, value in simulated.items():
        modelled, real = ([run[what] for run in seen[name]] for name in ("modelled", "real"))
        cells = [f"{statistics.median(x) * 1e3:.0f} ({min(x) * 1e3:.0f} - {max(x) * 1e3:.0f})" for x in (modelled, real)]
        ratios = [f"{statistics.median(x) / value:.3f}" for x in (modelled, real)]
        print(f"| {what}, ms | {value * 1e3:.0f} | " + " | ".join(cells + ratios) + " |")
        if options.json:
            with open(options.json, "a") as out:
                print(json.dumps({"what": what, "simulated_s": value, "modelled_s": modelled, "real_s": real}), file=out)


if __name__ == "__main__":
    main()
