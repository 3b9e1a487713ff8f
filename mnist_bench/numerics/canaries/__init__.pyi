from .canary import multiprocessors as multiprocessors
