from .files import Written as Written, write as write
