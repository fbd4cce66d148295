#!/usr/bin/env python3
"""One workload simulated, modelled in real time, and served for real by one worker of this machine: do they agree?

  tests/bench/fidelity.py --model FILE.gguf [--profile FILE] [--requests 100] [--load 0.3] [--rounds 3] [--json OUT]

A profile is fitted before each round and after it (`cairn bench kernels --fit`), unless one is given. A round simulates
a trace with both, which says how much the machine changed meanwhile, and replays the trace against a modelled and against
a real server, fresh each time, so that all begin with empty caches. Simulated is the mean of both profiles; ratios are
taken within rounds. A machine with neighbours is not as fast now as it was a minute ago: rounds in which it changed by
more than --steady are printed and do not count, whatever they show. The rate of the trace is what keeps one worker as busy
as --load says, by the first profile: the busier, the more a queue makes of a step that takes a little longer. The engine
has all cores but one (--threads), in the fit too: the other threads of a server (connections, tokenizing) and the replaying
client want one, and an engine that gives way to them is slower than one that was fitted alone. Run it on an otherwise
idle machine. tests/e2e/fidelity.py is the test of the first two.
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
    """The path, with a profile of the engine with so many threads."""
    out = subprocess.run([default_program(), "bench", "kernels", "--fit", "--model", model, "--profile-out", path,
                          "--threads", str(threads), "-o", "json"], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = json.loads(out)
    for half in ("prefill", "decode"):
        print(f"{half}: ms {found[half]['ms']}, R2 {found[half]['r2']:.4f}, error {100 * found[half]['error_mean']:.1f} % mean, "
              f"{100 * found[half]['error_max']:.1f} % at most")
    print(f"mixed steps: {found['mixed_steps']}, {100 * found['mixed_error']:.1f} % off", flush=True)
    return path


def rate_for(load, program, folder, profile, options):
    """The rate at which a virtual worker is so busy."""
    low, high = 0.01, 1000.0
    trace = os.path.join(folder, "probe.jsonl")
    for _ in range(12):
        rate = (low * high) ** 0.5
        fidelity.write_trace(trace, options.requests, rate, options.seed, options.input_tokens, (1, 24))
        busy = fidelity.busy_share(program, trace, profile, KV_TOKENS)
        low, high = (rate, high) if busy < load else (low, rate)
    return low


def simulate(program, trace, profiles):
    """Mean of the profiles' figures, and how much longer the worker is busy by the last than by the first."""
    runs = [fidelity.run_simulation(program, trace, profile, KV_TOKENS) for profile in profiles]
    seen = [fidelity.times_of(run) for run in runs]
    changed = runs[-1]["busy_share"] / runs[0]["busy_share"] - 1
    return {what: statistics.mean(one[what] for one in seen) for what in seen[0]}, changed


def serve(program, trace, profile, options):
    """The trace replayed against a modelled and a real server, as seconds by name."""
    seen = {}
    flags = {"modelled": ("--engine", "modelled", "--profile", profile), "real": ("--threads", str(options.threads))}
    for name, extra in flags.items():
        with CairnServer(options.model, "--log-level", "warn", "--kv-budget", "768MiB", "--dram-budget", "0B",
                         *extra) as server:
            seen[name] = fidelity.replay(program, trace, server.url)
            steps, busy = (server.metric(f"cairn_worker_{what}_total") for what in ("steps", "busy_seconds"))
        print(f"{name}: " + ", ".join(f"{what} {value * 1e3:.0f} ms" for what, value in seen[name].items())
              + f"; {steps:.0f} steps, {busy:.2f} s", flush=True)
    return seen


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} - {max(values):.{digits}f})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--profile", help="instead of fitting one")
    parser.add_argument("--threads", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="of the engine")
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--input-tokens", default="32,400", help="of a prompt, from one to the other")
    parser.add_argument("--load", type=float, default=0.3)
    parser.add_argument("--steady", type=float, default=0.03, help="what a profile may change by in a round that counts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", help="append every figure to this file, one line each")
    options = parser.parse_args()
    options.input_tokens = tuple(int(tokens) for tokens in options.input_tokens.split(","))
    program = default_program()
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        profiles = [options.profile or fit(options.model, os.path.join(folder, "0.yaml"), options.threads)]
        trace = os.path.join(folder, "trace.jsonl")
        rate = rate_for(options.load, program, folder, profiles[0], options)
        fidelity.write_trace(trace, options.requests, rate, options.seed, options.input_tokens, (1, 24))
        print(f"{options.requests} requests at {rate:.2f} a second, one worker {100 * options.load:.0f} % busy", flush=True)
        for number in range(1, options.rounds + 1):
            seen = serve(program, trace, profiles[-1], options)
            if not options.profile:
                profiles.append(fit(options.model, os.path.join(folder, f"{number}.yaml"), options.threads))
            seen["simulated"], changed = simulate(program, trace, profiles[-2:])
            rounds.append(seen | {"changed": changed})
            ratios = ", ".join(f"{what} {seen['real'][what] / seen['simulated'][what]:.2f}" for what in seen["real"])
            print(f"round {number}: steps take {100 * changed:+.1f} % longer after it than before; real / simulated: {ratios}",
                  flush=True)
    steady = [seen for seen in rounds if abs(seen["changed"]) <= options.steady]
    if options.json:
        with open(options.json, "a") as out:
            for seen in rounds:
                print(json.dumps(seen), file=out)
    if not steady:
        sys.exit("the machine held still in no round")
    print(f"\n{len(steady)} of {len(rounds)} rounds count\n")
    print("| | simulated | modelled | real | modelled / simulated | real / simulated |\n|---|---|---|---|---|---|")
    for what in steady[0]["simulated"]:
        times = {name: [seen[name][what] * 1e3 for seen in steady] for name in ("simulated", "modelled", "real")}
        ratios = [[x / y for x, y in zip(times[name], times["simulated"])] for name in ("modelled", "real")]
        print(f"| {what}, ms | " + " | ".join(spread(x, 0) for x in times.values()) + " | "
              + " | ".join(spread(x, 2) for x in ratios) + " |")


if __name__ == "__main__":
    main()
