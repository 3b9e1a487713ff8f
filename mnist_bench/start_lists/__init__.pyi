from .make import UNPRUNED as UNPRUNED, make as make
from .sources import check_named as check_named, named as named, source as source
