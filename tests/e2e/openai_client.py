"""The stock `openai` client against a running server: openai_client.py [URL] [--model NAME] [--api-key KEY] [--no-chat].
Without a URL it starts a `cairn up` of its own, with SmolLM2.

Every check is a function; the names of those that fail are printed at the end."""
import argparse
import json
import sys
import time
import traceback
import urllib.request

try:
    import openai
except ModuleNotFoundError:
    print("SKIPPED: openai_client needs the Python package openai")
    sys.exit(77)

from cairn_server import CairnServer, model_file

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Server:
    def __init__(self, url, model, api_key):
        self.url = url.rstrip("/")
        self.client = openai.OpenAI(base_url=self.url + "/v1", api_key=api_key or "none", max_retries=0, timeout=120)
        self.api_key = api_key
        self.model = model or self.client.models.list().data[0].id

    def chat(self, text="Say hello.", **options):
        options.setdefault("max_tokens", 24)
        return self.client.chat.completions.create(
            model=self.model, messages=[{"role": "user", "content": text}], **options)

    def metric(self, name):
        request = urllib.request.Request(self.url + "/metrics")
        if self.api_key:
            request.add_header("Authorization", "Bearer " + self.api_key)
        with urllib.request.urlopen(request, timeout=10) as page:
            lines = page.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + "{"))

    def await_metric(self, name, value, seconds=20):
        deadline = time.monotonic() + seconds
        while self.metric(name) != value:
            assert time.monotonic() < deadline, f"{name} is {self.metric(name)}, not {value}"
            time.sleep(0.02)


def refused(call, error, *words):
    try:
        call()
    except error as caught:
        for word in words:
            assert word in str(caught), f"{word!r} is not in {caught}"
        return caught
    raise AssertionError(f"was not refused with {error.__name__}")


@check
def models_are_listed(server):
    assert server.model in [model.id for model in server.client.models.list()]
    assert server.client.models.retrieve(server.model).object == "model"


@check
def a_chat_is_answered(server):
    answer = server.chat(temperature=0)
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens_details.cached_tokens >= 0


@check
def a_stream_says_what_the_whole_answer_says(server):
    whole = server.chat(temperature=0)
    text, reasons, usage = "", [], None
    for chunk in server.chat(temperature=0, stream=True, stream_options={"include_usage": True}):
        if chunk.usage:
            usage = chunk.usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            if choice.finish_reason:
                reasons.append(choice.finish_reason)
    assert text == whole.choices[0].message.content, (text, whole.choices[0].message.content)
    assert reasons == [whole.choices[0].finish_reason]
    assert usage.completion_tokens == whole.usage.completion_tokens


@check
def three_choices_come_with_their_numbers(server):
    answer = server.chat(n=3, seed=7, temperature=1)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    again = server.chat(n=3, seed=7, temperature=1)
    assert [c.message.content for c in answer.choices] == [c.message.content for c in again.choices], "not reproducible"
    texts = {0: "", 1: "", 2: ""}
    for chunk in server.chat(n=3, seed=7, temperature=1, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert [texts[i] for i in range(3)] == [c.message.content for c in answer.choices]


@check
def log_probabilities_come_with_tokens_and_bytes(server):
    answer = server.chat(logprobs=True, top_logprobs=4, temperature=0)
    content = answer.choices[0].logprobs.content
    assert len(content) == answer.usage.completion_tokens
    for token in content:
        assert token.logprob <= 0 and len(token.top_logprobs) == 4
        assert bytes(token.bytes).decode("utf-8", "replace") == token.token
        assert token.top_logprobs[0].logprob >= token.top_logprobs[1].logprob
    text = b"".join(bytes(token.bytes) for token in content).decode("utf-8", "replace")
    assert text.startswith(answer.choices[0].message.content)


@check
def a_stop_string_ends_the_answer_before_it(server):
    text = server.chat(temperature=0, max_tokens=40).choices[0].message.content
    stop = text[3:7]
    where = text.find(stop)
    stopped = server.chat(temperature=0, max_tokens=40, stop=[stop, "\0never"])
    assert stopped.choices[0].message.content == text[:where], stopped.choices[0].message.content
    assert stopped.choices[0].finish_reason == "stop"
    streamed = ""
    for chunk in server.chat(temperature=0, max_tokens=40, stop=stop, stream=True):
        streamed += chunk.choices[0].delta.content or ""
    assert streamed == text[:where]


@check
def tools_reach_the_prompt(server):
    tools = [{"type": "function", "function": {
        "name": "get_weather", "description": "Weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]
    with_tools = server.chat(tools=tools, tool_choice="auto", temperature=0)
    assert with_tools.choices[0].message.role == "assistant"
    without = server.chat(tools=tools, tool_choice="none", temperature=0)
    assert without.usage.prompt_tokens <= with_tools.usage.prompt_tokens
    error = refused(lambda: server.chat(tools=tools, tool_choice="required"), openai.BadRequestError, "tool_choice")
    assert error.param == "tool_choice" and error.code == "unsupported_parameter"


@check
def a_conversation_goes_on(server):
    answer = server.client.chat.completions.create(model=server.model, max_tokens=8, messages=[
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "One "}, {"type": "text", "text": "two?"}]},
        {"role": "assistant", "content": "Three."},
        {"role": "user", "content": "Four?"}])
    assert answer.usage.completion_tokens <= 8


@check
def a_text_is_completed(server):
    answer = server.client.completions.create(model=server.model, prompt="Once upon a time", max_tokens=12, logprobs=2,
                                              temperature=0)
    choice = answer.choices[0]
    assert answer.object == "text_completion"
    assert len(choice.logprobs.tokens) == len(choice.logprobs.token_logprobs) == answer.usage.completion_tokens
    text = "".join(chunk.choices[0].text for chunk in server.client.completions.create(
        model=server.model, prompt="Once upon a time", max_tokens=12, temperature=0, stream=True))
    assert text == choice.text
    many = server.client.completions.create(model=server.model, prompt=["one", "two"], n=2, max_tokens=3)
    assert [c.index for c in many.choices] == [0, 1, 2, 3]
    ids = server.client.completions.create(model=server.model, prompt=[65, 66, 67], max_tokens=3)
    assert ids.usage.prompt_tokens == 3


@check
def extensions_are_taken(server):
    server.chat(extra_body={"top_k": 5, "min_p": 0.01, "repetition_penalty": 1.1, "min_tokens": 2, "ignore_eos": True,
                            "stop_token_ids": [1], "cache_salt": "x", "priority": 1}, temperature=0.5)
    answer = server.chat(extra_body={"ignore_eos": True}, max_tokens=20)
    assert answer.usage.completion_tokens == 20 and answer.choices[0].finish_reason == "length"


@check
def a_field_nobody_knows_is_named_in_a_header(server):
    raw = server.client.chat.completions.with_raw_response.create(
        model=server.model, max_tokens=2, messages=[{"role": "user", "content": "a"}], extra_body={"frobnicate": 1})
    assert raw.headers["x-cairn-ignored-fields"] == "frobnicate"
    assert raw.headers["x-request-id"]


@check
def errors_are_those_of_openai(server):
    refused(lambda: server.chat(temperature=9), openai.BadRequestError, "temperature")
    refused(lambda: server.chat(max_tokens=10**8), openai.BadRequestError, "max_tokens")
    refused(lambda: server.chat(response_format={"type": "json_object"}), openai.BadRequestError, "response_format")
    error = refused(lambda: server.client.chat.completions.create(model="nobody", messages=[
        {"role": "user", "content": "a"}]), openai.NotFoundError, "nobody")
    assert error.code == "model_not_found"
    refused(lambda: server.client.chat.completions.create(model=server.model, messages=[]), openai.BadRequestError,
            "messages")
    refused(lambda: server.client.chat.completions.create(model=server.model, messages=[
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://a/b.png"}}]}]),
        openai.BadRequestError, "image_url")
    long_prompt = refused(lambda: server.client.completions.create(model=server.model, prompt="word " * 200_000),
                          openai.BadRequestError, "context")
    assert long_prompt.code == "context_length_exceeded"


@check
def a_client_that_leaves_is_cancelled(server):
    gone = server.metric("cairn_front_clients_gone_total")
    stream = server.chat("Count to a thousand.", stream=True, max_tokens=1000, extra_body={"ignore_eos": True})
    next(iter(stream))
    stream.close()
    server.await_metric("cairn_front_clients_gone_total", gone + 1)
    server.await_metric("cairn_scheduler_requests_live", 0)


NEED_CHAT = {f.__name__ for f in CHECKS} - {"models_are_listed", "a_text_is_completed"}


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url", nargs="?")
    arguments.add_argument("--model")
    arguments.add_argument("--api-key")
    arguments.add_argument("--no-chat", action="store_true", help="the model has no chat template")
    arguments = arguments.parse_args()
    if arguments.url:
        return run_checks(arguments)
    model = model_file()
    if model is None:
        print("SKIPPED: openai_client needs SmolLM2-135M-Instruct.Q4_1.gguf")
        return 77
    with CairnServer(model, "--log-level", "warn") as own:
        arguments.url = own.url
        return run_checks(arguments)


def run_checks(arguments):
    server = Server(arguments.url, arguments.model, arguments.api_key)
    print(f"openai {openai.__version__} against {server.url}, model {server.model}")
    failed = []
    for function in CHECKS:
        if arguments.no_chat and function.__name__ in NEED_CHAT:
            print(f"SKIPPED: {function.__name__} needs a chat template")
            continue
        start = time.monotonic()
        try:
            function(server)
            print(f"ok      {function.__name__} ({time.monotonic() - start:.2f} s)", flush=True)
        except Exception:  # every other check still has something to say
            failed.append(function.__name__)
            print(f"FAILED  {function.__name__}\n{traceback.format_exc()}", flush=True)
    print(json.dumps({"checks": len(CHECKS), "failed": failed}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
