from .building import Counts as Counts, build as build, counts as counts
from .draws import seed_draws as seed_draws
from .net_settings import NetSection as NetSection
from .own_net import (
    HOW as HOW,
    OwnNet as OwnNet,
    is_net as is_net,
    known as known,
    name_of as name_of,
    named as named,
    of_function as of_function,
    use as use,
    used as used,
)
