"""Whether a net of a user's own repeats: trained a little, in several ways that have to come to the same bits."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
