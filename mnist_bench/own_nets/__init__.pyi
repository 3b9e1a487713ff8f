from .building import Counts as Counts, build as build, counts as counts
from .draws import seed_draws as seed_draws
from .net_settings import NetSection as NetSection
from .own_net import (
    HOW as HOW,
    OwnNet as OwnNet,
    display_name as display_name,
    is_net as is_net,
    load_code as load_code,
    load_net as load_net,
    loaded_net as loaded_net,
    name_of_function as name_of_function,
    split_code as split_code,
    whole_name as whole_name,
)
