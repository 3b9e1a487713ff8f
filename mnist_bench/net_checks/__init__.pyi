from .net_check import (
    examine as examine,
    require as require,
    require_portable as require_portable,
)
