#!/usr/bin/env python3
"""What a user feels of one `cairn up`: start to ready, time to first token cold and cached, memory over weights
and KV, CPU when idle, 500 requests over 64 streams. Real, on this machine; prints Markdown.

  tests/bench/server_figures.py [--model FILE.gguf] [--rounds 5]
"""
import argparse
import concurrent.futures
import http.client
import json
import os
import random
import socket
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from cairn_server import CairnServer, model_file  # noqa: E402


def first_token_seconds(server, ids, tokens=1):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    body = json.dumps({"model": "m", "prompt": ids, "max_tokens": tokens, "temperature": 0, "stream": True,
                       "ignore_eos": True})
    begin = time.perf_counter()
    connection.request("POST", "/v1/completions", body, {"content-type": "application/json"})
    reply = connection.getresponse()
    assert reply.status == 200, reply.read()
    line = reply.readline()
    while not line.startswith(b"data: {"):
        line = reply.readline()
    first = time.perf_counter() - begin
    reply.read()
    connection.close()
    return first


def median(values):
    return f"{statistics.median(values):.1f} ({min(values):.1f} - {max(values):.1f})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default=model_file())
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    numbers = random.Random(1)
    kv_bytes = 512 << 20
    weights = os.path.getsize(options.model)
    ready, cold, cached, ratio = [], [], [], []
    for _ in range(options.rounds):
        with CairnServer(options.model, "--served-model-name", "m", "--kv-budget", "512MiB", "--dram-budget", "0B",
                         "--log-level", "warn") as server:
            ready.append(server.ready_after * 1e3)
            first_token_seconds(server, [numbers.randrange(100, 40000) for _ in range(64)])
            ids = [numbers.randrange(100, 40000) for _ in range(2048)]
            cold.append(first_token_seconds(server, ids) * 1e3)
            again = [first_token_seconds(server, ids) * 1e3 for _ in range(5)]
            cached.append(statistics.median(again))
            ratio.append(cold[-1] / cached[-1])
    print("| figure | median (lowest - highest) |\n|---|---|")
    print(f"| start to ready, ms | {median(ready)} |")
    print(f"| time to first token, 2,048-token prompt, cold, ms | {median(cold)} |")
    print(f"| the same, cached, ms | {median(cached)} |")
    print(f"| cold / cached | {median(ratio)} |")
    with CairnServer(options.model, "--served-model-name", "m", "--kv-budget", "512MiB", "--dram-budget", "0B",
                     "--log-level", "warn") as server:
        begin, used = time.perf_counter(), server.cpu_seconds()
        time.sleep(20)
        idle = (server.cpu_seconds() - used) / (time.perf_counter() - begin)
        print(f"| idle CPU, % of a core | {idle * 100:.2f} |")
        idlers = []
        for _ in range(1000):
            idlers.append(socket.create_connection(("127.0.0.1", server.port)))
        begin, used = time.perf_counter(), server.cpu_seconds()
        time.sleep(10)
        idle = (server.cpu_seconds() - used) / (time.perf_counter() - begin)
        print(f"| idle CPU with 1,000 idle connections, % of a core | {idle * 100:.2f} |")

        def one(number):
            ids = [(number * 31 + i * 17) % 40000 + 100 for i in range(96)]
            status, reply, _ = server.post("/v1/completions", {"model": "m", "prompt": ids, "max_tokens": 16,
                                                               "ignore_eos": True})
            return status == 200 and reply["usage"]["completion_tokens"] == 16

        begin = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            good = sum(pool.map(one, range(500)))
        print(f"| 500 requests over 64 streams, answered rightly | {good} in {time.perf_counter() - begin:.1f} s |")
        over = server.resident_bytes() - weights - kv_bytes
        print(f"| resident memory over weights and KV budget, MiB | {over / 2**20:.0f} |")
        print(f"| resident memory, MiB (weights file {weights / 2**20:.0f}) | {server.resident_bytes() / 2**20:.0f} |")
        for s in idlers:
            s.close()


if __name__ == "__main__":
    main()
