"""Why a trial was proposed as it was, and why it was stopped or continued: decided again from the log."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
