"""Your own networks: loaded by name, counted, built, with isolated random number generators.

A configuration names its code (`TrainConfig.net_code`) and never makes it run. The user who runs the net has named the
code before, on the command line or from Python, with `load_net`; `loaded_net` finds it by the name and hash in the
configuration.

Built-in layers draw from a generator that the trainer passes. Foreign code draws from the global ones of PyTorch,
NumPy and Python, and a period would depend on the earlier work of its process. Therefore each net has its own states
for them, which stand in the global ones while its forward pass runs, and not between: trials of one process do not
meet.
"""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, make_dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_origin, get_type_hints, is_typeddict

from pydantic import TypeAdapter, ValidationError

from mnist_bench.config.settings import NetValue
from mnist_bench.config.values import field_docs, from_json
from mnist_bench.errors import ArchitectureError, ConfigError, UnnamedCodeError
from mnist_bench.picture_form import PictureForm
from search import canonical_json, loading
from search.errors import FOREIGN, PluginError, UsageError
from search.loading import Loaded
from search.messages import first_fault, in_a_sentence, quoted, show

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    States = tuple[Tensor, Tensor | None, Any, Any]
    """Of the global generators of PyTorch, of the current GPU, of NumPy and of Python."""


HOW = "--net file.py:build"
_used: dict[str, OwnNet] = {}  # loaded nets by code; another content is another net, so entries never change
_named: dict[str, OwnNet] = {}  # loaded nets by the name given, the latest wins


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnNet:
    """Your own network, ready to be built with any settings."""

    loaded: Loaded
    declared: type | None  # the dataclass of its settings; None if anything is taken
    content: bytes  # of the source file

    @property
    def code(self) -> str:
        """Name and SHA-256 of the source, as a configuration holds them."""
        return f"{self.loaded.name} {self.loaded.code.sha256}"

    @property
    def text(self) -> str:
        """The source file's text."""
        return self.content.decode(errors="replace")

    @property
    def file(self) -> str | None:
        """The source file's name, if the code is a file and not part of a package."""
        return Path(self.loaded.source).name if self.loaded.code.module.endswith(".py") else None

    @property
    def needed(self) -> tuple[str, ...]:
        """Names of the settings without a default."""
        found = () if self.declared is None else fields(self.declared)
        return tuple(item.name for item in found if item.default is MISSING and item.default_factory is MISSING)

    def section_with(self, name: str) -> type:
        """Return a dataclass with a default for every setting, so that each can be checked without the others.

        For a network that takes any setting, its only field is `name`.
        """
        return _undeclared(name) if self.declared is None else _section(self.declared)

    def about(self, name: str) -> str:
        """Return the text below a setting."""
        return "" if self.declared is None else field_docs(self.declared).get(name, "")

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all settings as plain values, those not given at their defaults."""
        if self.declared is None:
            return dict(given)
        return dict(TypeAdapter(self.declared).dump_python(_validated(self.declared, given), mode="json"))

    def argument(self, complete: Mapping[str, Any]) -> Any:
        """Return the first argument of the function.

        For a network that takes any setting, lists are lists again, which a configuration holds as tuples.
        """
        if self.declared is None:
            return {name: list(value) if isinstance(value, tuple) else value for name, value in complete.items()}
        return _validated(self.declared, complete)


def load_net(name: str) -> OwnNet:
    """Load the net `package.module:Name` or `file.py:Name`, unless it is loaded and its file is still the same."""
    before = _named.get(name)
    if before is not None and _content(before.loaded.source) == before.content:
        return before
    loaded = loading.load(name, "net")
    net = OwnNet(loaded=loaded, declared=_declared(loaded), content=_content(loaded.source) or b"")
    _named[name] = _used[net.code] = net
    return net


def _content(source: str) -> bytes | None:
    try:
        return Path(source).read_bytes()
    except OSError:
        return None


def whole_name(code: str | None) -> str | None:
    """Return the name by which another process loads the net of this code; None of None."""
    return None if code is None else loaded_net(code).loaded.whole_name


def loaded_net(code: str) -> OwnNet:
    """Return the net of this code, which `load_net` has loaded."""
    if code in _used:
        return _used[code]
    name, sha256 = split_code(code)
    for other in _used.values():
        if other.loaded.name == name:
            raise UnnamedCodeError(
                f"{other.loaded.whole_name.rpartition(':')[0]} has changed: its SHA-256 was {sha256[:8]}… and is "
                f"{other.loaded.code.sha256[:8]}…; name the original file (`mnist-bench show STUDY --code` prints it)."
            )
    folder = ", with the folder that the file lies in" if ".py:" in name else ""
    raise UnnamedCodeError(f"The network is your own code, {show(name)}: name it with --net {quoted(name)}{folder}.")


def split_code(code: str) -> tuple[str, str]:
    """Return the name by which code was loaded, `my_nets.py:build`, and its source's SHA-256; see `OwnNet.code`."""
    name, _, sha256 = code.rpartition(" ")  # a name may hold blanks
    return name, sha256


def display_name(code: str) -> str:
    """Return the name of this code for people, with the first digits of its hash: `my_nets.py:build (3f2a81c0)`."""
    name, sha256 = split_code(code)
    return f"{name} ({sha256[:8]})"


def load_code(name: str | None) -> str | None:
    """Return the code of the net that a command names, after loading it; errors as in `load_net`."""
    return None if name is None else load_net(name).code


def name_of_function(build: Callable[..., Any] | str | None) -> str | None:
    """Return the name by which a function, or a class, is loaded: by its module in a package, else by its file."""
    if build is None or isinstance(build, str):
        return build
    name, module = getattr(build, "__qualname__", ""), getattr(build, "__module__", None) or ""
    if name.isidentifier() and "." in module:
        return f"{module}:{name}"  # of a package, whose modules may import each other
    try:
        source = inspect.getsourcefile(build)
    except TypeError:
        source = None
    if source is None or not Path(source).is_file() or not name.isidentifier():
        raise UsageError(
            f"net={name or build!r}: is not a function at the top level of a file; workers load it as file.py:build."
        )
    return f"{source}:{name}"


def _declared(loaded: Loaded) -> type | None:
    """Return the dataclass of the settings that a function, or a class of nets, takes; None if it takes a mapping."""
    call, name = loaded.call, loaded.name
    try:
        signature = inspect.signature(call)
        signature.bind({}, (1, 28, 28), 10)
        hints = get_type_hints(inspect.getattr_static(call, "__init__") if isinstance(call, type) else call)
    except (TypeError, ValueError, NameError) as error:
        called = "the function is called as build(settings, input_shape, classes)"
        raise UsageError(f"Network {name}: {in_a_sentence(error)}; {called}.") from error
    hint = hints.get(next(iter(signature.parameters)))
    if isinstance(hint, type) and is_dataclass(hint):
        _check_values(hint, name)
        return hint
    if hint in (None, Any) or is_typeddict(hint) or _takes_a_dict(get_origin(hint) or hint):
        return None
    raise UsageError(f"Network {name}: its settings are {hint}; a dataclass or a mapping is needed.")


def _takes_a_dict(kind: Any) -> bool:
    try:
        return isinstance(kind, type) and issubclass(dict, kind)
    except TypeError:  # a Protocol that has not said that it can be asked
        return False


def _validated(declared: type, given: Mapping[str, Any]) -> Any:
    try:
        return TypeAdapter(declared).validate_json(canonical_json.dumps(given), strict=True, extra="forbid")
    except ValidationError as error:
        text = in_a_sentence(first_fault(error))
        if all(fault["type"] == "value_error" for fault in error.errors(include_url=False)):
            raise ArchitectureError(f"net: {text}") from error
        raise ConfigError(f"net.{text}") from error


def _check_values(declared: type, name: str) -> None:
    """Check that a space file can give each setting, and that the defaults are values that it can hold."""
    computed = [item.name for item in fields(declared) if not item.init]
    if computed:
        raise UsageError(
            f"Network {name}: {declared.__name__} computes {computed[0]} (init=False); settings are given."
        )
    try:
        section = _section(declared)
        plain = TypeAdapter(section).dump_python(section(), mode="json")
        from_json({"net": {key: value for key, value in plain.items() if value is not None}})
    except FOREIGN as error:  # whatever a user's annotations and defaults raise
        words = in_a_sentence(str(error).partition("\n")[0])
        raise UsageError(
            f"Network {name}: settings are numbers, texts, true, false or lists of those; {declared.__name__} has "
            f"others ({words})."
        ) from error


@cache
def _section(declared: type) -> type:
    hints = get_type_hints(declared, include_extras=True)
    members = [(item.name, hints[item.name], _defaulted(item)) for item in fields(declared)]
    return make_dataclass("net", members)


@cache
def _undeclared(name: str) -> type:
    anything = Annotated[NetValue | tuple[NetValue, ...], "as the space file says"]
    return make_dataclass("net", [(name, anything, field(default=None))])


def _defaulted(item: Any) -> Any:
    if item.default_factory is not MISSING:
        return field(default_factory=item.default_factory)
    return field(default=None if item.default is MISSING else item.default)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """The size of a net."""

    trainable: int  # weights that an optimizer changes
    parameters: int  # weights and floating-point buffers, such as batchnorm's running statistics
    macs: int  # multiply-accumulates for one picture, forward: of convolutions, matrix products and attention


def counts(code: str, settings: Mapping[str, Any], form: PictureForm) -> Counts:
    """Return the size of your own network for pictures of a form."""
    return _counts(code, canonical_json.dumps(settings), form)


def build(code: str, settings: Mapping[str, Any], form: PictureForm, generator: Generator) -> nn.Module:
    """Return the net on the CPU, its weights drawn from `generator`; pictures (N, C, H, W) give float32 logits."""

    net = loaded_net(code)
    with _drawing_from(generator):
        module = _made(net, net.complete(settings), form, "cpu")
    draws = Draws(net.loaded.name, form)
    draws.seed(generator)
    setattr(module, NAME, draws)
    module.register_forward_pre_hook(draws.enter)
    module.register_forward_hook(draws.leave, always_call=True)
    return module


@lru_cache(maxsize=4096)  # a proposal asks for many, some of them again and again
def _counts(code: str, settings: str, form: PictureForm) -> Counts:
    net = loaded_net(code)
    complete = net.complete(json.loads(settings))
    try:  # on a device that has shapes and no values, unless the code needs values
        return _counted(net, complete, form, "meta")
    except (ArchitectureError, PluginError):
        return _counted(net, complete, form, "cpu")


def _counted(net: OwnNet, complete: Mapping[str, Any], form: PictureForm, where: str) -> Counts:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with _drawing_from(torch.Generator()):
        module = _made(net, complete, form, where).eval()
        # Two pictures: some layers refuse one alone.
        pictures = torch.zeros(2, *form.shape, device=where)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            logits = _called(net, lambda: module(pictures))
    _check_logits(logits, 2, net.loaded.name, form)
    _check_state(module, net)
    parameters = list(module.parameters())
    return Counts(
        trainable=sum(weights.numel() for weights in parameters if weights.requires_grad),
        parameters=sum(value.numel() for value in (*parameters, *module.buffers()) if value.is_floating_point()),
        macs=counter.get_total_flops() // 4,  # two pictures; a multiply-accumulate is two operations
    )


def _check_state(module: nn.Module, net: OwnNet) -> None:
    """Check that a net can be trained, and that files can hold its state."""
    import torch

    if not any(weights.requires_grad for weights in module.parameters()):
        raise PluginError(f"Network {net.loaded.name} has no parameter that training would change.")
    for name, value in module.state_dict().items():
        if not isinstance(value, torch.Tensor):
            raise PluginError(
                f"Network {net.loaded.name} keeps {show(name)}, which is not a tensor, so it cannot be saved."
            )
        try:
            torch.empty(0, dtype=value.dtype).numpy()
        except TypeError:
            kind = str(value.dtype).removeprefix("torch.")
            raise PluginError(
                f"Network {net.loaded.name} keeps {show(name)} as {kind}, which a weights file cannot contain; keep "
                "it as float32, and bf16 is still used for computing if this machine is fast at it."
            ) from None


def _made(net: OwnNet, complete: Mapping[str, Any], form: PictureForm, where: str) -> nn.Module:
    """Return the code's net, on this device; layers that wait for their first input have had it."""
    import torch
    from torch import nn
    from torch.nn.parameter import is_lazy

    argument = net.argument(complete)
    with torch.device(where) if where == "meta" else nullcontext():
        module = _called(net, lambda: net.loaded.call(argument, form.shape, form.classes))
    if not isinstance(module, nn.Module):
        raise PluginError(
            f"Network {net.loaded.name} makes {show(type(module).__name__)}, which is not a torch.nn.Module."
        )
    if any(is_lazy(value) for value in (*module.parameters(), *module.buffers())):
        with torch.no_grad():
            _called(net, lambda: module.eval()(torch.zeros(2, *form.shape, device=where)))
    return module.train()


def _called(net: OwnNet, call: Callable[[], Any]) -> Any:
    """Return the result of the user's code: its ValueError refuses the settings, it is blamed for other exceptions."""
    with net.loaded.blamed():
        try:
            return call()
        except ValueError as error:
            raise ArchitectureError(f"net: {in_a_sentence(error)}") from error


NAME = "_draws_of_mnist_bench"  # attribute of a net that holds its `Draws`


class Draws:
    """Holds a net's states of all global generators between its forward passes; converts its input and output."""

    def __init__(self, name: str, form: PictureForm) -> None:
        self._name = name
        self._form = form
        self._own: States | None = None
        self._outside: States | None = None

    def seed(self, generator: Generator) -> None:
        """Let the next forward pass draw as it does whenever `generator` stands like this."""
        with _drawing_from(generator):
            self._own = _states()

    def enter(self, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Put the net's states in place; hook before the forward pass."""
        self._outside = _states()
        if self._own is not None:
            _put(self._own)
        # Code that flattens with `view` needs rows, maps and pictures in their order in memory.
        return tuple(value.contiguous() for value in inputs)

    def leave(self, module: nn.Module, inputs: tuple[Any, ...], logits: Any) -> Tensor | None:
        """Put the outside's states back; hook after the forward pass, whether it returns or raises."""
        self._own = _states()
        if self._outside is not None:
            _put(self._outside)
        if logits is None:  # it raises
            return None
        _check_logits(logits, len(inputs[0]), self._name, self._form)
        return logits.float()  # type: ignore[no-any-return]


def seed_draws(module: nn.Module, generator: Generator) -> None:
    """Seed your own network for a period; does nothing to other nets."""
    draws = getattr(module, NAME, None)
    if isinstance(draws, Draws):
        draws.seed(generator)


def _states() -> States:
    """Return the states of all global generators; that of the current GPU is None if none is in use."""
    import numpy as np
    import torch

    cuda = torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
    return torch.get_rng_state(), cuda, np.random.get_state(), random.getstate()


def _put(states: States) -> None:
    import numpy as np
    import torch

    of_torch, of_cuda, of_numpy, of_python = states
    torch.set_rng_state(of_torch)
    if of_cuda is not None:
        torch.cuda.set_rng_state(of_cuda)
    np.random.set_state(of_numpy)
    random.setstate(of_python)


@contextmanager
def _drawing_from(generator: Generator) -> Iterator[None]:
    """Make all draws inside depend on the state of `generator` alone, and leave no trace outside."""
    import numpy as np
    import torch

    outside = _states()
    # PyTorch's generators take 64 bits, NumPy's 32.
    wide, narrow = (int(torch.randint(2**bits, (), generator=generator, device=generator.device)) for bits in (62, 32))
    try:
        torch.manual_seed(wide)
        np.random.seed(narrow)
        random.seed(wide)
        yield
    finally:
        _put(outside)


def _check_logits(logits: Any, pictures: int, name: str, form: PictureForm) -> None:
    """Check that a net's output is a row of logits for each picture; else raise PluginError."""
    shape = tuple(getattr(logits, "shape", ()))
    if shape != (pictures, form.classes):
        what = f"{' x '.join(map(str, shape))} numbers" if shape else show(type(logits).__name__)
        raise PluginError(
            f"Network {name} returns {what} for {pictures} images; {pictures} x {form.classes} logits are needed."
        )
