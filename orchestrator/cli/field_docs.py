"""The words under the fields of a class, for pages and schemas that are printed from the source."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping


def docstrings(shape: type) -> Mapping[str, str]:
    """The text under each field of a class and of those that it extends, on one line.

    Raises:
        TypeError: it is no class.
        OSError: its source is not there.
    """
    inherited = [base for base in shape.__bases__ if getattr(base, "__struct_fields__", ())]
    found: dict[str, str] = {name: text for base in inherited for name, text in docstrings(base).items()}
    body = ast.parse(textwrap.dedent(inspect.getsource(shape))).body[0]
    if not isinstance(body, ast.ClassDef):
        raise TypeError(f"{shape} is not a class")
    name = ""
    for node in body.body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=target)):
                name = target
            case ast.Expr(value=ast.Constant(value=str(text))) if name:
                found[name] = " ".join(text.split()).replace("``", "`")
                name = ""
            case _:
                name = ""
    return found
