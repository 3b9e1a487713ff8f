from .cache import options_for as options_for
