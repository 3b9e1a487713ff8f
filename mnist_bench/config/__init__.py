"""What one trial is: every setting with its bounds, its JSON, its schedule, its text as a recipe."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
