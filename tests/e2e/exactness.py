#!/usr/bin/env python3
"""One request, many histories, one answer: whatever the cache, the batch, the chunks, the tiers, a preemption
or the number of threads did, text and log-probabilities are the same to the last bit.

Exit status 0: passed; 1: failed; 77: skipped, by name.
"""
import concurrent.futures
import sys

from cairn_server import CairnServer, model_file

WORDS = ("river stone lantern harvest engine quiet winter copper garden signal marble thunder ribbon canyon "
         "velvet orchard compass ember meadow falcon").split()


def prompt(number, words=110):
    text = []
    for i in range(words):
        text.append(WORDS[(number * 7 + i * (number + 3) + i * i) % len(WORDS)])
    return f"Story {number}: " + " ".join(text) + ". The end of it was"


def ask(server, number, **options):
    body = {"model": "m", "prompt": prompt(number), "max_tokens": 56, "temperature": 0.8, "seed": number,
            "logprobs": 3, "ignore_eos": True, **options}
    status, reply, _ = server.post("/v1/completions", body)
    assert status == 200, reply
    choices = [(c["text"], c["logprobs"]["tokens"], c["logprobs"]["token_logprobs"], c["logprobs"]["top_logprobs"])
               for c in sorted(reply["choices"], key=lambda c: c["index"])]
    return choices, reply["usage"]


def at_once(server, numbers):
    with concurrent.futures.ThreadPoolExecutor(len(numbers)) as pool:
        return list(pool.map(lambda n: ask(server, n)[0], numbers))


def check(name, got, expected):
    if got != expected:
        for i, (g, e) in enumerate(zip(got, expected)):
            if g != e:
                print(f"FAILED: {name}: request {i}\n  got      {g[0][0]!r}\n  expected {e[0][0]!r}")
                break
        sys.exit(1)
    print(f"passed: {name}", flush=True)


def main():
    model = model_file()
    if model is None:
        print("SKIPPED: exactness needs SmolLM2-135M-Instruct.Q4_1.gguf")
        sys.exit(77)
    numbers = list(range(12))
    base = ("--served-model-name", "m", "--log-level", "warn")
    with CairnServer(model, *base) as server:
        cold = [ask(server, n)[0] for n in numbers]
        again = [ask(server, n) for n in numbers]
        check("cached answers equal cold ones", [a for a, _ in again], cold)
        assert all(u["prompt_tokens_details"]["cached_tokens"] > 0 for _, u in again), "nothing was cached"
        check("salted answers, which may not use the cache, equal cold ones",
              [ask(server, n, cache_salt="other")[0] for n in numbers], cold)
        # A choice's draws depend on seed + index: choice 2 of seed n is the only choice of seed n + 2.
        three = ask(server, 5, n=3)[0]
        check("the first of three choices equals the only choice", three[:1], cold[5])
        check("the third of three choices equals the only choice of its seed", three[2:], ask(server, 5, seed=7)[0])
    with CairnServer(model, *base) as server:
        check("answers computed in one batch equal lone ones", at_once(server, numbers), cold)
    with CairnServer(model, *base, "--step-tokens", "24") as server:
        check("answers prefilled in chunks of 24 equal whole ones", [ask(server, n)[0] for n in numbers], cold)
        check("a batch of chunks and decodes equals lone answers", at_once(server, numbers[::-1]), cold[::-1])
    with CairnServer(model, *base, "--threads", "1") as server:
        check("one thread gives what all threads give", [ask(server, n)[0] for n in numbers], cold)
    # 40 blocks hold three of the twelve sequences: the others are preempted and come back.
    with CairnServer(model, *base, "--kv-budget", "15MiB", "--dram-budget", "0B") as server:
        check("answers of preempted requests equal undisturbed ones", at_once(server, numbers), cold)
        preempted = server.metric("cairn_worker_preemptions_total")
        assert preempted and preempted > 0, f"nothing was preempted ({preempted}): the test proves nothing"
    with CairnServer(model, *base, "--kv-budget", "15MiB", "--dram-budget", "256MiB") as server:
        check("answers under pressure with a DRAM tier equal cold ones", [ask(server, n)[0] for n in numbers], cold)
        restored = [ask(server, n) for n in numbers]
        check("answers from restored blocks equal cold ones", [a for a, _ in restored], cold)
        promoted = server.metric("cairn_kv_promoted_blocks_total")
        assert promoted and promoted > 0, f"nothing was restored ({promoted}): the test proves nothing"
    print("all answers are the same to the last bit")


if __name__ == "__main__":
    main()
