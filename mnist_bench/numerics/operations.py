"""The precision in which a device computes convolutions and hidden layers, and what training computes in its own order.

Portable precision is float32 whose bits are the same on every x86-64 processor with AVX2 and FMA.
PyTorch, oneDNN and MKL choose their kernels by the processor. `PORTABLE_VARIABLES` limits the choice to the kernels for
AVX2, in a process of one thread that is started with them. Three kinds of layer need more:

- The gradient of batch normalisation depends on how PyTorch was compiled if the number of features is not a multiple
  of 8, or if the layout is not channels-last. Here it is padded to the next multiple, and both directions run
  channels-last.
- Linear layers are computed by oneDNN instead of MKL: the bits are the same, in half the time.
- A convolution of single pixels with a stride overwrites memory in oneDNN 3.12 if it has few input maps, channels-last.
  Here it runs over the pixels that the stride selects. No built-in network has one.

Square roots and some other functions remain: MKL's vector library begins them with the instructions rcpps and rsqrtps,
which each maker of processors rounds in its own way. Built-in networks need none; `UnportableOperations` names those
that your own network calls.

results/published/portable.md lists the processors and the builds of PyTorch that were tried. Microsoft's RepDL
(github.com/microsoft/RepDL) has the same goal with kernels of its own.

A kernel of PyTorch's adds in an order that suits the processor and the compiler. In the sums here each addition is an
elementwise operation of two tensors in float32. IEEE 754 defines its result, so no numerics check has to compare it.

Muon's update of a weight matrix is its momentum, made nearly orthogonal (Jordan et al. 2024). The sum of many gradients
has a few large singular values. An update in which all singular values are about 1 moves the weights in every direction
by the same amount. A Newton-Schulz iteration finds it with products of matrices alone. The products are float32, in the
precision's own kernels; see `multiplying_in`. The polynomial is that of github.com/KellerJordan/Muon.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any, TypeVar, assert_never, cast

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional
from torch.optim import Optimizer
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from mnist_bench.errors import DeviceError
from mnist_bench.numerics.kinds import (
    MUON_ITERATIONS,
    PORTABLE_VARIABLES,
    Precision,
    cpu_flags,
    cpu_line,
    processor_lacks,
)
from search.hashed import Name, Purpose, derived_seed


def pairwise_sum(values: Tensor) -> Tensor:
    """Return the sum of float32 values (K, ...) over the first axis: (...); K is 1 at least.

    The second half is added to the first, element by element, until one row remains (Higham 1993, pairwise summation).
    With an odd number of rows, the middle one waits for the next round.
    """
    while (rows := len(values)) > 1:
        half = rows // 2
        added = values[:half] + values[rows - half :]
        values = torch.cat([added, values[half : rows - half]]) if rows % 2 else added
    return values[0]


def mean_of_pixels(maps: Tensor) -> Tensor:
    """Return the mean of each map, in float32: from (N, C, H, W) to (N, C, 1, 1)."""
    means: Tensor = _PixelMean.apply(maps)  # type: ignore[no-untyped-call]
    return means


class _PixelMean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor) -> Tensor:
        """From (N, C, H, W) to (N, C, 1, 1) in float32."""
        ctx.form = maps.shape, maps.dtype
        pixels = maps.float().permute(2, 3, 0, 1).flatten(0, 1)  # (H W, N, C)
        means: Tensor = (pairwise_sum(pixels) / len(pixels))[:, :, None, None]
        return means

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """From (N, C, 1, 1) to (N, C, H, W): an equal share for each pixel, channels-last, in the type of the maps."""
        shape, dtype = ctx.form
        share: Tensor = (gradient / (shape[2] * shape[3])).to(dtype)
        return share.expand(shape).contiguous(memory_format=torch.channels_last)


def separable_kernel(each: Tensor, mixing: Tensor) -> Tensor:
    """Return the kernel of one convolution that does what two do: one kernel for each map, then a 1x1 convolution.

    From `each` (C, 1, K, K) and `mixing` (M, C, 1, 1), both float32, to (M, C, K, K), channels-last.
    """
    kernel: Tensor = _SeparableKernel.apply(each, mixing)  # type: ignore[no-untyped-call]
    return kernel


class _SeparableKernel(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, each: Tensor, mixing: Tensor) -> Tensor:
        """From (C, 1, K, K) and (M, C, 1, 1) to (M, C, K, K)."""
        ctx.save_for_backward(each, mixing)
        return (mixing * each.transpose(0, 1)).contiguous(memory_format=torch.channels_last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """From (M, C, K, K) to (C, 1, K, K) and (M, C, 1, 1)."""
        each, mixing = ctx.saved_tensors
        of_each = pairwise_sum(gradient * mixing)[:, None]
        of_mixing = pairwise_sum((gradient * each.transpose(0, 1)).permute(2, 3, 0, 1).flatten(0, 1))
        return of_each, of_mixing[:, :, None, None]


COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of x, x³ and x⁵ in the polynomial that an iteration applies to each singular value x (Jordan et al. 2024)."""
TINY = 1e-14  # added to a sum of squares, so that zero stays zero


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return the matrix (F, W), at least float32, of the singular vectors of `matrix` (F, W), with values near 1.

    Large singular values become 0.7 to 1.2, small ones less; zero stays zero.
    """
    values = matrix.to(torch.promote_types(matrix.dtype, torch.float32))
    values = values * _inverse_norm(values)
    if is_tall := values.shape[0] > values.shape[1]:
        values = values.t()  # the products with itself are then as small as they can be
    linear, cubic, quintic = COEFFICIENTS
    for _ in range(MUON_ITERATIONS):
        # functional.linear(a, b) is a times the transpose of b; it is the product that portable precision replaces.
        square = functional.linear(values, values)
        factor = square.mul(cubic).add_(functional.linear(square, square), alpha=quintic)
        values = functional.linear(factor, values.t()).add_(values, alpha=linear)
    return values.t() if is_tall else values


@torch.no_grad()
def filter_update(gradient: Tensor, buffer: Tensor, momentum: float) -> Tensor:
    """Move the momentum `buffer` (F, ...) by a weight's gradient (F, ...); return the weight's update (F, ...).

    The update is the orthogonalised Nesterov momentum, for a learning rate of 1.
    """
    buffer.mul_(momentum).add_(gradient)
    ahead = gradient.add(buffer, alpha=momentum)
    return orthogonalised(ahead.flatten(1)).reshape(gradient.shape)


@torch.no_grad()
def normalise(weight: Tensor) -> None:
    """Rescale a weight (F, ...), so that its norm is the square root of its number F of filters."""
    weight.mul_(_inverse_norm(weight).mul_(math.sqrt(len(weight))))


def _inverse_norm(values: Tensor) -> Tensor:
    """Return one divided by the norm of values, a scalar on the device."""
    # Not torch.sqrt and not torch.norm: `rsqrt` divides one by the processor's own square root, rounded correctly.
    return values.square().sum().add_(TINY).rsqrt_()


T = TypeVar("T", bound=Optimizer)


def _unwrapped(kind: type[T]) -> type[T]:
    """Return an optimizer of PyTorch's without the wrappers that `torch.compile` needs.

    They import PyTorch's compiler when they are first called. That took 0.9 s in each process that trains (PyTorch
    2.13, a core of an EPYC, Zen 4), and nothing here is compiled. The functions that they wrap are called unchanged, so
    the bits are the same.
    """
    plain = {name: inspect.unwrap(getattr(kind, name)) for name in ("add_param_group", "zero_grad")}
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return cast(type[T], type(kind.__name__, (kind,), {**plain, "step": step}))


Adam = _unwrapped(torch.optim.Adam)
SGD = _unwrapped(torch.optim.SGD)


def seeded(seed: int, *purpose: int | Purpose | Name, device: str = "cpu") -> torch.Generator:
    """Return a generator whose stream depends on the seed and the purpose alone, so that a draw for one purpose never
    changes those for another."""
    return torch.Generator(device).manual_seed(derived_seed(seed, *purpose))


def best_precision(device: torch.device) -> Precision:
    """Return bf16 if the device is faster in it, else fp32; on the CPU portable, if this process was started for it."""
    if device.type == "cuda":
        # Older GPUs emulate bf16 by float32, which is slower than float32 itself.
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return cpu_precision()


def cpu_precision() -> Precision:
    """Return portable if this process was started for it; it lacks the kernels that make other precisions faster.

    Otherwise return bf16 if the CPU has matrix tiles (AMX) or is an AMD with AVX512_BF16, else fp32. The CPU's model
    decides, not a measurement, so that the answer is always the same. AVX512_BF16 alone is not enough: on Intel cores
    whose tiles a hypervisor hides, bf16 reaches 82 GFLOP/s per core in matrix products and 85 in convolutions. fp32
    reaches 151 and 149 there. On AMD's Zen 4, bf16 reaches 378 and 350, fp32 94 and 180 (`mnist-bench bench speed`,
    commit 0e85c3d9).
    """
    if computes_portable_bits():
        return "portable"
    amd = cpu_line("vendor_id") == "AuthenticAMD"
    return "bf16" if "amx_bf16" in cpu_flags() or (amd and "avx512_bf16" in cpu_flags()) else "fp32"


def portable_is_free(device: torch.device) -> bool:
    """Return whether worker processes for portable precision train about as fast as others would here.

    They do on a CPU with AVX2 and FMA that has neither AVX-512 nor a fast bf16: float32 has no faster kernels there
    than those of portable precision (docs/concepts/ordering.md has the figures).
    """
    if device.type != "cpu" or cpu_precision() != "fp32" or "avx512f" in cpu_flags():
        return False
    return machine_lacks() is None


def computing_in(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Return the context in which a net's forward pass is computed in `precision`.

    It must not span several steps: autocast caches the bf16 copies of the weights until it is left, so that later steps
    would compute with outdated weights.
    """
    match precision:
        case "bf16":
            return torch.autocast(device.type, dtype=torch.bfloat16)
        case "fp32":
            return torch.autocast(device.type, dtype=torch.bfloat16, enabled=False)
        case "portable":
            check_process()
            return PortableOperations()
        case _:
            assert_never(precision)


def multiplying_in(precision: Precision) -> AbstractContextManager[object]:
    """Return the context in which an optimizer multiplies float32 matrices, with the bits that `precision` promises."""
    return computing_in(torch.device("cpu"), precision) if precision == "portable" else nullcontext()


WIDTH = 8  # features that a kernel for AVX2 computes at once: 8 numbers of 32 bits fill a register
CACHE_BOUND_KERNEL = 5
"""Side in pixels from which a kernel's gradient with a stride depends on the sizes of the processor's caches, if there
are many feature maps: from 256 for 5x5, from 64 for 7x7."""
OVERRIDING = (
    "MKL_DEBUG_CPU_TYPE",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_VML_DEBUG_CPU_TYPE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
)
"""Environment variables that change the choice of kernels again."""
UNPORTABLE = frozenset({"sqrt", "acos", "asin", "atan", "tan", "log2", "log10", "_euclidean_dist"})
"""Operations of PyTorch whose bits depend on the processor in any precision of numbers."""
UNPORTABLE_IN_FLOAT64 = frozenset({"log", "logit", "logsumexp"})  # those whose bits depend on it in float64 alone


@cache
def check_process() -> None:
    """Check that this process computes portable bits."""
    if (lacking := _lacking()) is not None:
        raise DeviceError(f"Portable precision {lacking}; add --set precision=auto.")


def computes_portable_bits() -> bool:
    """Return whether this process was started to compute portable bits, on a processor and with a PyTorch that do."""
    return _lacking() is None


def machine_lacks() -> str | None:
    """Return what portable precision needs and this processor, or its PyTorch, lacks; None if there is nothing."""
    if (lacking := processor_lacks()) is not None:
        return lacking
    if not (torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()):  # type: ignore[no-untyped-call]
        return f"needs a PyTorch with MKL and oneDNN, as PyPI has it, and {torch.__version__} is built without"
    return None


def _lacking() -> str | None:
    if (lacking := machine_lacks()) is not None:
        return lacking
    unset = [f"{name}={value}" for name, value in PORTABLE_VARIABLES.items() if os.environ.get(name) != value]
    if unset or torch.backends.cpu.get_cpu_capability() != "AVX2":
        return f"needs a process that is started with {' '.join(unset or map('='.join, PORTABLE_VARIABLES.items()))}"
    if overriding := [name for name in OVERRIDING if os.environ.get(name)]:
        return f"needs a process without the environment variable {overriding[0]}"
    return None


class PortableOperations(TorchFunctionMode):
    """A context in which linear layers and batch normalisation compute portable bits, in networks of any origin."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        """Call the portable form of a function that has one, and every other function as it is."""
        return _PORTABLE.get(func, func)(*args, **(kwargs or {}))


class UnportableOperations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A context that notes which operations compute bits that depend on the processor, forward and backward."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()
        """Those found so far, as in `torch.sqrt`."""

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Note the operation if it is one of them, and carry it out."""
        if (name := _unportable(func.overloadpacket.__name__.removeprefix("_foreach_").rstrip("_"), args)) is not None:
            self.names.add(f"torch.{name}")
        return func(*args, **(kwargs or {}))


def _unportable(name: str, args: tuple[Any, ...]) -> str | None:
    """Return the name of an operation whose bits depend on the processor with these arguments; None if they do not."""
    values = args[0] if isinstance(args[0], list | tuple) else [args[0]]
    if name in UNPORTABLE or (name in UNPORTABLE_IN_FLOAT64 and any(value.dtype == torch.float64 for value in values)):
        return name
    if name == "pow" and type(args[1]) is float and args[1] == 0.5:
        return "pow with exponent 0.5"
    if name == "convolution" and max(args[3]) > 1 and max(args[1].shape[2:]) >= CACHE_BOUND_KERNEL:
        return f"conv2d with a stride and a kernel of {CACHE_BOUND_KERNEL} pixels or more"
    return None


class _Linear(torch.autograd.Function):
    """A linear layer and its gradients, computed by oneDNN."""

    @staticmethod
    def forward(ctx: FunctionCtx, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """From (N, F) with weight (U, F) and bias (U,) to (N, U)."""
        ctx.save_for_backward(inputs, weight)
        return _product(inputs, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """From (N, U) to the gradients of inputs, weight and bias."""
        inputs, weight = ctx.saved_tensors
        needed = ctx.needs_input_grad
        return (
            _product(gradient, weight.t()) if needed[0] else None,
            _product(gradient.t(), inputs.t()) if needed[1] else None,
            gradient.sum(0) if needed[2] else None,
        )


def _product(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `left` (N, F) times the transpose of `right` (U, F), plus the bias (U,): (N, U)."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(left, right, bias, "none", [], "")
    return product


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    if input.dtype != torch.float32:
        return functional.linear(input, weight, bias)
    flat = input.reshape(-1, input.shape[-1])
    product: Tensor = _Linear.apply(flat, weight, bias)  # type: ignore[no-untyped-call]
    return product.reshape(*input.shape[:-1], len(weight))


class _BatchNorm(torch.autograd.Function):
    """Batch normalisation of F features, computed on W of them, where W is the next multiple of `WIDTH`.

    Both directions run channels-last: the gradient of a flattened image arrives in another layout, and PyTorch would
    then compute with kernels whose bits depend on its build.
    """

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor | None, bias: Tensor | None, *others: Any) -> Tensor:
        """From (N, F) or (N, F, H, W), with weight, bias and running statistics (W,), to the shape of the input."""
        running_mean, running_var, training, momentum, eps = others
        wide = _widened(input)
        output, *saved = torch.native_batch_norm(wide, weight, bias, running_mean, running_var, training, momentum, eps)
        ctx.save_for_backward(wide, weight, running_mean, running_var, *saved)
        ctx.options = training, eps
        return _narrowed(output, input.shape[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """From the gradient of the output to those of input, weight and bias."""
        of_input, *of_parameters = torch.ops.aten.native_batch_norm_backward(
            _widened(gradient), *ctx.saved_tensors, *ctx.options, ctx.needs_input_grad[:3]
        )
        return of_input if of_input is None else _narrowed(of_input, gradient.shape[1]), *of_parameters, *(None,) * 5


def _widened(values: Tensor) -> Tensor:
    """Return values (N, F, ...) with zeros for the further features, images channels-last."""
    ordered = values.contiguous(memory_format=_memory_format(values))
    padding = -values.shape[1] % WIDTH
    return functional.pad(ordered, (*(0, 0) * (values.ndim - 2), 0, padding)) if padding else ordered


def _narrowed(wide: Tensor, features: int) -> Tensor:
    if features == wide.shape[1]:
        return wide  # a view of all would do as well, but an operation in place may not follow it
    return wide[:, :features].contiguous(memory_format=_memory_format(wide))


def _memory_format(values: Tensor) -> torch.memory_format:
    return torch.channels_last if values.ndim == 4 else torch.contiguous_format


def _batch_norm(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
    bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    features = input.shape[1]
    padding = -features % WIDTH

    def padded(values: Tensor | None) -> Tensor | None:
        return functional.pad(values, (0, padding)) if values is not None and padding else values

    mean, variance = padded(running_mean), padded(running_var)
    found: Tensor = _BatchNorm.apply(  # type: ignore[no-untyped-call]
        input, padded(weight), padded(bias), mean, variance, training, momentum, eps
    )
    if padding and training:
        for running, updated in ((running_mean, mean), (running_var, variance)):
            if running is not None and updated is not None:
                running.copy_(updated[:features])
    return found


def _conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0, dilation: int | Sequence[int] = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Do as `torch.nn.functional.conv2d`; a kernel of a single pixel runs over the pixels that its stride selects."""
    rows, columns = (stride, stride) if isinstance(stride, int) else (stride[0], stride[-1])
    if weight.shape[2:] == (1, 1) and (rows, columns) != (1, 1) and padding in (0, (0, 0), "valid"):
        input, stride = input[:, :, ::rows, ::columns], 1
    return functional.conv2d(input, weight, bias, stride, padding, dilation, groups)


# The functions that layers call: inside a replaced or an unknown function no other one is replaced.
_PORTABLE: Mapping[Callable[..., Any], Callable[..., Any]] = {
    functional.conv2d: _conv2d,
    functional.linear: _linear,
    functional.batch_norm: _batch_norm,
}
