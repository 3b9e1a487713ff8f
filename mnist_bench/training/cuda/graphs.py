"""CUDA graphs: capturing the work of a step, to be replayed without Python."""

from __future__ import annotations

import torch

from mnist_bench.training.cuda.static_buffers import Work
from mnist_bench.training.cuda.streams import new_stream
from search.messages import first_line


class CaptureError(RuntimeError):
    """Work could not be captured."""


class Graphs:
    """Captures work on a GPU, as a `WorkRecorder`. A replay goes into the stream that is then current."""

    def __init__(self, device: torch.device) -> None:
        # A graph that ends takes along what its capture stream shares (pytorch#193402), so steps and evaluations
        # have one each.
        self._steps, self._evaluations = (new_stream(device) for _ in range(2))

    def __call__(self, work: Work, generator: torch.Generator | None) -> Work:
        """Capture `work`, which has been done before; `generator` is the one that it draws from.

        Raises:
            CaptureError: it cannot be captured.
        """
        graph = torch.cuda.CUDAGraph()
        if generator is not None:
            graph.register_generator_state(generator)
        stream = self._evaluations if generator is None else self._steps
        _free_workspaces()
        try:
            # "thread_local": what other threads ask of the device meanwhile does not break the capture off.
            # The outer context leads back to this stream even if the inner one breaks off.
            with torch.cuda.stream(stream), torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                work()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise CaptureError(first_line(_root(error))) from error
        finally:
            _free_workspaces()
        replay: Work = graph.replay
        return replay


def recorder(device: torch.device) -> Graphs | None:
    """Return the recorder that captures work on this device; None if there is none."""
    return Graphs(device) if device.type == "cuda" else None


def _free_workspaces() -> None:
    """Let go of cuBLAS's workspaces, so that a graph's own is part of the graph and of nothing else."""
    torch._C._cuda_clearCublasWorkspaces()


def _root(error: BaseException) -> BaseException:
    """Return the error that broke a capture off; ending the capture then raises one that explains nothing."""
    while error.__context__ is not None:
        error = error.__context__
    return error
