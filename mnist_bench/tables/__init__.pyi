from .points import NearCopy as NearCopy, cells as cells, near_copies as near_copies, spread as spread
from .rows import Row as Row
from .shipped import SHA256 as SHA256
from .stored import About as About, Arrays as Arrays, of_rows as of_rows, pack as pack
from .table import Curve as Curve, Table as Table, encoded as encoded, load as load
