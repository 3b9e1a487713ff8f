from .make import make as make
from .sources import source as source
