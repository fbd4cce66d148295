"""What `cairn up --record-trace` writes, `cairn trace describe` and `cairn simulate` read: as many requests, as
long, as much alike, in the same sessions as were asked."""
import json
import os
import subprocess
import sys
import tempfile
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cairn_server import CairnServer, default_program  # noqa: E402


def ask(server, prompt, tokens, **headers):
    body = json.dumps({"model": "", "prompt": prompt, "max_tokens": tokens, "ignore_eos": True}).encode()
    names = {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    with urllib.request.urlopen(urllib.request.Request(server.url + "/v1/completions", body, names), timeout=60) as reply:
        return json.loads(reply.read())["usage"]


def run(*arguments):
    done = subprocess.run([default_program(), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def main(model):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "served.jsonl")
        usages = []
        with CairnServer(model, "--record-trace", path, "--kv-budget", "64MiB", "--dram-budget", "0B") as server:
            head = list(range(1, 65))
            for session in ("one", "two"):
                prompt = head + [100 + len(session)]
                for turn in range(3):
                    usages.append(ask(server, prompt, 8, x_session_id=session, x_cairn_class="interactive"))
                    prompt = prompt + list(range(70, 90))
            usages.append(ask(server, [5] * 40, 3))
            server.stop()
        text = open(path).read()
        assert "prompt" not in text and "one" not in text, "a trace without text has text in it"

        facts = run("trace", "describe", path, "-o", "json")
        assert facts["requests"] == len(usages), facts["requests"]
        assert facts["sessions"] == 3, facts["sessions"]
        assert facts["waiting_requests"] == 4, facts["waiting_requests"]
        assert facts["input_tokens_total"] == sum(u["prompt_tokens"] for u in usages)
        assert facts["output_tokens_total"] == sum(u["completion_tokens"] for u in usages)
        # An infinite cache hits what the server found cached: whole blocks, never a prompt's last token.
        cached = sum(u["prompt_tokens_details"]["cached_tokens"] for u in usages)
        bound = facts["hit_bound"]["tokens"] * facts["input_tokens_total"]
        assert cached > 0 and abs(bound - cached) <= 16 * len(usages), (bound, cached)

        report = run("simulate", path, "--workers", "1", "--kv-tokens", "10000", "-o", "json")
        seed = report["policies"][0]["rates"][0]["seeds"][0]
        assert seed["finished"] == len(usages), seed
        assert abs(seed["prompt_tokens"] - facts["input_tokens_total"]) == 0
        print(f"{len(usages)} requests recorded, described and replayed; {cached} tokens cached, bound {bound:.0f}")

        with CairnServer(model, "--record-trace", path, "--record-trace-text", "--kv-budget", "64MiB",
                         "--dram-budget", "0B") as server:
            ask(server, [5] * 40, 3)
            server.stop()
        lines = [json.loads(line) for line in open(path)]
        assert len(lines) == 2 and lines[1]["prompt"] and lines[1]["output"], lines
        assert os.path.exists(path + ".1"), "the first trace was overwritten"
        assert run("trace", "describe", path, "-o", "json")["requests"] == 1


main(sys.argv[1])
