#!/usr/bin/env python3
"""What a running `cairn up` does when clients leave, when there are too many, and when it is told to stop.

  server_behaviour.py MODEL.gguf        any model will do; the tests use a tiny one of random weights
Exit status 0: passed; 1: failed.
"""
import concurrent.futures
import http.client
import json
import signal
import sys
import threading
import time
import urllib.error
import urllib.request

from cairn_server import CairnServer

BASE = ("--served-model-name", "m", "--log-level", "warn", "--kv-budget", "64MiB", "--dram-budget", "16MiB")


def open_stream(server, tokens, prompt="Once upon a time"):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    body = {"model": "m", "prompt": prompt, "max_tokens": tokens, "stream": True, "ignore_eos": True, "temperature": 1}
    connection.request("POST", "/v1/completions", json.dumps(body), {"content-type": "application/json"})
    reply = connection.getresponse()
    assert reply.status == 200, reply.read()
    return connection, reply


def read_events(reply, at_most=None):
    events = []
    for line in reply:
        if line.startswith(b"data: "):
            events.append(line[6:].strip())
            if at_most and len(events) >= at_most:
                break
    return events


def await_metric(server, name, wanted, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.metric(name) == wanted:
            return
        time.sleep(0.01)
    raise AssertionError(f"{name} is {server.metric(name)}, not {wanted}")


def a_client_that_leaves_is_cancelled(model):
    with CairnServer(model, *BASE) as server:
        connection, reply = open_stream(server, 1500)
        read_events(reply, 3)
        connection.close()
        reply.close()
        await_metric(server, "cairn_scheduler_requests_cancelled_total", 1)
        await_metric(server, "cairn_worker_requests_running", 0)
        await_metric(server, "cairn_scheduler_requests_live", 0)


def too_many_requests_are_told_when_to_come_back(model):
    with CairnServer(model, *BASE, "--max-live-requests", "2") as server:
        streams = [open_stream(server, 1500) for _ in range(2)]
        status, reply, headers = server.post("/v1/completions", {"model": "m", "prompt": "x", "max_tokens": 1})
        assert status == 429, (status, reply)
        assert int({k.lower(): v for k, v in headers.items()}["retry-after"]) >= 1, headers
        assert reply["error"]["message"], reply
        for connection, stream in streams:
            connection.close()
            stream.close()
        await_metric(server, "cairn_scheduler_requests_live", 0)
        status, reply, _ = server.post("/v1/completions", {"model": "m", "prompt": "x", "max_tokens": 1})
        assert status == 200, reply


def sigterm_lets_streams_finish_and_refuses_new_ones(model):
    with CairnServer(model, *BASE) as server:
        _, reply = open_stream(server, 400)
        first = read_events(reply, 1)
        rest = []
        reader = threading.Thread(target=lambda: rest.extend(read_events(reply)))
        reader.start()
        server.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        refused = None
        while refused is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(server.url + "/readyz", timeout=5):
                    time.sleep(0.005)
            except urllib.error.HTTPError as error:
                refused = error.code
            except (urllib.error.URLError, ConnectionError):
                refused = 0  # already gone: the stream was short
        reader.join(60)
        assert refused in (0, 503), refused
        assert rest and rest[-1] == b"[DONE]", rest[-1:]
        finish = json.loads(rest[-2])["choices"][0]["finish_reason"]
        assert finish == "length", finish
        assert first
        assert server.process.wait(20) == 0


def many_streams_at_once_are_all_answered(model):
    with CairnServer(model, *BASE) as server:
        def one(number):
            _, reply = open_stream(server, 12, prompt=f"Request {number} of many " * (1 + number % 9))
            events = read_events(reply)
            return events[-1] == b"[DONE]"

        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            assert all(pool.map(one, range(200)))
        await_metric(server, "cairn_scheduler_requests_live", 0)
        assert server.metric("cairn_scheduler_requests_ended_total") == 200


def steps_until_a_short_prompt_is_answered(model, step_tokens, prompts):
    with CairnServer(model, *BASE, "--step-tokens", str(step_tokens)) as server:
        # A reply's head comes with its first token, so each is asked on a thread of its own.
        long = [threading.Thread(target=open_stream, args=(server, 4, prompt)) for prompt in prompts]
        for one in long:
            one.start()
        while all(one.is_alive() for one in long) and server.metric("cairn_scheduler_requests_live") < len(long):
            time.sleep(0.001)
        read_events(open_stream(server, 4, "Once")[1], 1)
        steps = server.metric("cairn_worker_steps_total")
        for one in long:
            one.join()
        return steps


def a_short_prompt_passes_long_ones_that_fill_the_worker(model):
    # Each has five tokens a word: three are more than a worker is given at once.
    prompts = [word * 400 for word in ("word ", "name ", "time ", "line ")]
    # On a busy machine the first may be done before the short one is sent.
    assert any(steps_until_a_short_prompt_is_answered(model, 16, prompts) < 400 * 5 / 16 for _ in range(10))


def a_second_interrupted_life_starts_clean(model):
    with CairnServer(model, *BASE) as server:
        _, _ = open_stream(server, 1500)
        server.process.kill()
        server.process.wait()
    with CairnServer(model, *BASE) as server:
        status, _, _ = server.post("/v1/completions", {"model": "m", "prompt": "x", "max_tokens": 2})
        assert status == 200


def main():
    for story in (a_client_that_leaves_is_cancelled, too_many_requests_are_told_when_to_come_back,
                  sigterm_lets_streams_finish_and_refuses_new_ones, many_streams_at_once_are_all_answered,
                  a_short_prompt_passes_long_ones_that_fill_the_worker, a_second_interrupted_life_starts_clean):
        story(sys.argv[1])
        print("passed:", story.__name__.replace("_", " "), flush=True)


if __name__ == "__main__":
    main()
