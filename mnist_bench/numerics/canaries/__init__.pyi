from .canary import multiprocessors as multiprocessors
from .portable_canary import is_as_published as is_as_published
