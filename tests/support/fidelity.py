"""The same workload at several fidelities: a made-up trace, `cairn simulate`, and `cairn replay` against a server."""
import json
import random
import subprocess

BLOCK = 16


def write_trace(path, requests, rate, seed, input_tokens=(64, 1500), output_tokens=(1, 24), prefixes=3, prefix_tokens=512):
    """Poisson arrivals; half of the prompts begin with one of a few shared prefixes. Our own format."""
    draw = random.Random(seed)
    at = 0.0
    with open(path, "w") as out:
        print(json.dumps({"cairn_trace": 1, "block_tokens": BLOCK}), file=out)
        for number in range(requests):
            at += draw.expovariate(rate)
            tokens = draw.randint(*input_tokens)
            prefix = draw.randrange(prefixes) if draw.random() < 0.5 else None
            if prefix is not None:
                tokens += prefix_tokens
            shared = prefix_tokens // BLOCK if prefix is not None else 0
            blocks = [f"{(prefix << 32) + block + 1:016x}" if block < shared else f"{(number + 1 << 40) + block:016x}"
                      for block in range(-(-tokens // BLOCK))]
            print(json.dumps({"arrival_ns": int(at * 1e9), "input_tokens": tokens,
                              "output_tokens": draw.randint(*output_tokens), "blocks": "".join(blocks),
                              "session": number}), file=out)


def run_simulation(cairn, trace, profile, kv_tokens, step_tokens=512, sequences_max=64):
    out = subprocess.run([cairn, "simulate", trace, "--workers", "1", "--profile", profile, "--kv-tokens", str(kv_tokens),
                          "--step-tokens", str(step_tokens), "--sequences-max", str(sequences_max), "-o", "json"],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out)["policies"][0]["rates"][0]["seeds"][0]


def simulate(cairn, trace, profile, kv_tokens):
    """TTFT and TPOT in seconds, median and p90, in virtual time."""
    return times_of(run_simulation(cairn, trace, profile, kv_tokens))


def times_of(run):
    return {f"{what} {name}": run[what][f"{name}_s"] for what in ("ttft", "tpot") for name in ("p50", "p90")}


def busy_share(cairn, trace, profile, kv_tokens):
    return run_simulation(cairn, trace, profile, kv_tokens)["busy_share"]


def replay(cairn, trace, url):
    """The same, as clients of a live server see it."""
    out = subprocess.run([cairn, "replay", trace, "--url", url, "-o", "json"], check=True, stdout=subprocess.PIPE,
                         text=True).stdout
    run = json.loads(out)
    assert run["errors"] == 0, run
    return {f"{what} {name}": run[f"{what}_ms"][field] / 1000
            for what in ("ttft", "tpot") for name, field in (("p50", "median"), ("p90", "p90"))}
