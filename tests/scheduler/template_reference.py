"""The reference for chat templates: Jinja2 set up as transformers' apply_chat_template sets it up.

As a program: reads one JSON object a line ({"template", "messages", "tools", "documents",
"add_generation_prompt", "extra", "special"}), writes one a line: {"text"} or {"error"}.
"""

import datetime
import json
import sys

import jinja2
import jinja2.ext
import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2026, 3, 5, 14, 7, 9)


class Generation(jinja2.ext.Extension):
    """{% generation %}: marks what the model said; the text is the same with and without."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_text")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    @staticmethod
    def _text(caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(
            x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
        )

    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


_COMPILED = {}


def render(case):
    """The text of one case; raises what Jinja2 raises."""
    source = case["template"]
    if source not in _COMPILED:
        _COMPILED[source] = environment().from_string(source)
    variables = dict(case.get("special") or {})
    variables.update(case.get("extra") or {})
    return _COMPILED[source].render(
        messages=case["messages"],
        tools=case.get("tools"),
        documents=case.get("documents"),
        add_generation_prompt=case.get("add_generation_prompt", True),
        **variables,
    )


def main():
    for line in sys.stdin:
        try:
            answer = {"text": render(json.loads(line))}
        except Exception as error:  # every failure of a template is an answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
