#!/usr/bin/env python3
"""What is simulated and what is served in real time agree: one worker, one trace, one profile, at two fidelities.

  fidelity.py MODEL.gguf        any model with a context of 2,048: only its tokenizer is used
Exit status 0: passed; 1: failed. Real time is disturbed by whatever else the machine does, so a disagreement has to
show three times before it counts. tests/bench/fidelity.py compares the real engine as well.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import fidelity  # noqa: E402
from cairn_server import CairnServer, default_program  # noqa: E402

PROFILE = """
name: paced
source: "made up for this test: steps long enough for the rest of a server to be small beside them"
hardware: none
model: none
gpus: 1
kv_bytes_per_token: 256
kv_tokens: 65536
host_overhead_ms: 0
mixed_steps: roofline
prefill: {fixed_ms: 20, token_ms: 0.4, pair_ms: 0.0001}
decode: {fixed_ms: 20, sequence_ms: 1, context_token_ms: 0.001}
links:
  dram: {gigabytes_per_s: 10, call_us: 10}
"""


def compare(model, folder, seed):
    trace, profile = os.path.join(folder, "trace.jsonl"), os.path.join(folder, "paced.yaml")
    fidelity.write_trace(trace, requests=60, rate=2.5, seed=seed, input_tokens=(64, 1200))
    with open(profile, "w") as out:
        out.write(PROFILE)
    simulated = fidelity.simulate(default_program(), trace, profile, kv_tokens=65536)
    with CairnServer(model, "--engine", "modelled", "--profile", profile, "--log-level", "warn", "--kv-budget", "16MiB",
                     "--dram-budget", "0B") as server:
        served = fidelity.replay(default_program(), trace, server.url)
    worst = 0
    for what, value in simulated.items():
        off = served[what] / value - 1
        print(f"seed {seed} {what}: simulated {value * 1e3:.0f} ms, served {served[what] * 1e3:.0f} ms, {100 * off:+.1f} %",
              flush=True)
        if what.startswith("ttft"):
            worst = max(worst, abs(off))
    return worst


def main():
    with tempfile.TemporaryDirectory() as folder:
        if not any(compare(sys.argv[1], folder, seed) <= 0.10 for seed in (1, 2, 3)):
            sys.exit("median or p90 of the time to the first token differ by more than 10 %, three times")
    print("passed: simulated and served in real time agree")


if __name__ == "__main__":
    main()
