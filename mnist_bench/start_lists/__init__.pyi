from .make import make as make
from .sources import named as named, source as source
