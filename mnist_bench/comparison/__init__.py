"""What differs between studies, trials and records: settings, best results, shared trials, and where two runs part."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
