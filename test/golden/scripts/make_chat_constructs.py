"""What Python's jinja2 prints for single constructs of chat templates, as transformers configures it (needs jinja2).

python make_chat_constructs.py writes ../cases/chat-constructs.json anew from the templates and variables in it; an error is null.
"""
import json
import pathlib

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def printed(template, variables):
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    try:
        return environment.from_string(template).render(**json.loads(json.dumps(variables)))
    except Exception:
        return None


file = pathlib.Path(__file__).parent.parent / "cases" / "chat-constructs.json"
table = json.loads(file.read_text(encoding="utf-8"))
table["printed"] = {template: printed(template, table["variables"]) for template in table["printed"]}
file.write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
