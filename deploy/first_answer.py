"""The conversation at the end of deploy/quickstart, with Python's own library alone.

    first_answer.py wait --port N --pid P    until the server is ready, or its process is gone
    first_answer.py ask --port N             a question; then a long prompt, cold and from the cache
"""
import argparse
import http.client
import json
import os
import pathlib
import sys
import time

READY_SECONDS_MAX = 120
ANSWER_SECONDS_MAX = 300
DOCUMENT = pathlib.Path(__file__).resolve().parent.parent / "docs" / "block-life.md"
DOCUMENT_CHARACTERS = 5000  # about 1,200 tokens: enough that computing it is felt


def wait(port, pid):
    """Asks /readyz until it says yes. Returns 1 if the process ends or it takes too long."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    began = time.monotonic()
    reason = "nothing listens yet"
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            reason = response.read(300).decode(errors="replace").strip()
            if response.status == 200:
                print(f"        ready after {time.monotonic() - began:.1f} s")
                return 0
        except OSError:
            pass
        if not os.path.exists(f"/proc/{pid}"):
            print(f"        the server ended (pid {pid})", file=sys.stderr)
            return 1
        time.sleep(0.05)
    print(f"        not ready after {READY_SECONDS_MAX} s: {reason}", file=sys.stderr)
    return 1


def served_model(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/v1/models")
    return json.loads(connection.getresponse().read())["data"][0]["id"]


def chat(port, content, max_tokens, salt, show):
    """Streams one answer. Returns (seconds to the first token, prompt tokens, cached tokens)."""
    body = {
        "model": served_model(port),
        "messages": [{"role": "user", "content": content}],
        "max_tokens": max_tokens, "temperature": 0, "stream": True,
        "stream_options": {"include_usage": True},
        "cache_salt": salt,  # each run of this script has its own: its first prompt is really cold
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS_MAX)
    began = time.perf_counter()
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"        HTTP {response.status}: {response.read(500).decode(errors='replace')}")
    first, usage = None, {}
    for line in response:
        if not line.startswith(b"data: ") or line.strip() == b"data: [DONE]":
            continue
        event = json.loads(line[6:])
        if "error" in event:
            raise SystemExit(f"        {event['error'].get('message')}")
        usage = event.get("usage") or usage
        text = "".join(choice["delta"].get("content") or "" for choice in event.get("choices", []))
        if text:
            first = first or time.perf_counter() - began
            if show:
                print(text.replace("\n", "\n        "), end="", flush=True)
    if first is None:
        raise SystemExit("        the answer was empty")
    details = usage.get("prompt_tokens_details") or {}
    return first, usage.get("prompt_tokens", 0), details.get("cached_tokens", 0)


def ask(port):
    salt = f"quickstart-{time.time_ns()}"
    question = "What is the capital of France? Answer in one sentence."
    print(f"        > {question}\n        ", end="")
    chat(port, question, 40, salt, show=True)
    document = DOCUMENT.read_text(encoding="utf-8")[:DOCUMENT_CHARACTERS]
    prompt = f"{document}\n\nIn one short sentence: what does a key say?"
    print("\n\n        > (a page of documentation) In one short sentence: what does a key say?\n        ", end="")
    cold, tokens, _ = chat(port, prompt, 24, salt, show=True)
    cached, _, reused = chat(port, prompt, 24, salt, show=False)
    print(f"\n\n        time to first token, {tokens} tokens of prompt:")
    print(f"          cold         {cold * 1e3:8.1f} ms")
    print(f"          from cache   {cached * 1e3:8.1f} ms   ({reused} tokens were not computed again, "
          f"{cold / cached:.0f} times faster)\n")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["wait", "ask"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, default=0)
    arguments = parser.parse_args()
    try:
        sys.exit(wait(arguments.port, arguments.pid) if arguments.what == "wait" else ask(arguments.port))
    except OSError as error:
        sys.exit(f"        the connection broke: {error}")


if __name__ == "__main__":
    main()
