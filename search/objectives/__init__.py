"""A function or a program as an objective: each running trial is a child process, suspended between its reports."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
