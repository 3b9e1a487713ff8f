from .first_tensor import Trace as Trace, trace as trace
