from .make import NUMBER as NUMBER, make as make
from .sources import Source as Source, source as source
