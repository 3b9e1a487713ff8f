"""For the site: functions of `mnist_bench.api` as they are made, with the `Args` and types of their declared options.

A page is made of the source, which has the declarations. The function that Python users see has what follows from them.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from griffe import Extension, Function, Parameter, ParameterKind, Parameters


class DeclaredOptions(Extension):
    """Gives each function the docstring and the signature that it has when it is imported."""

    def on_function(self, *, func: Function, **_: Any) -> None:
        """Replace both, of a function that is offered."""
        module = func.module.path
        if not module.startswith("mnist_bench.api.") or func.name.startswith("_") or func.parent is not func.module:
            return
        made = getattr(importlib.import_module(module), func.name)
        if func.docstring is not None:
            func.docstring.value = inspect.getdoc(made) or ""
        func.parameters = Parameters(*map(_parameter, inspect.signature(made).parameters.values()))


def _parameter(known: inspect.Parameter) -> Parameter:
    kind = ParameterKind[known.kind.name.lower()]
    default = None if known.default is known.empty else repr(known.default)
    return Parameter(known.name, annotation=_words(known.annotation), kind=kind, default=default)


def _words(annotation: Any) -> str | None:
    """Return a type as a reader writes it."""
    if annotation is inspect.Parameter.empty:
        return None
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return text.replace("collections.abc.", "").replace("typing.", "").replace("NoneType", "None")
