from .confirmation import Opening as Opening, RaceOptions as RaceOptions, confirm_study as confirm_study
from .confirmation_table import (
    accuracy as accuracy,
    command as command,
    committee as committee,
    footnote as footnote,
    table_of as table_of,
)
from .evaluations import (
    Evaluated as Evaluated,
    evaluated as evaluated,
    preferred as preferred,
    seeds_of as seeds_of,
)
from .front import confirm_front as confirm_front
from .front_result import (
    Front as Front,
    FrontMember as FrontMember,
    load_front as load_front,
    plain_front as plain_front,
)
from .front_table import front_footnote as front_footnote, table_of_front as table_of_front
from .lost_nets import command_for_nets as command_for_nets, lost_nets as lost_nets
from .race_result import (
    MIN_COMMITTEE as MIN_COMMITTEE,
    Confirmed as Confirmed,
    Final as Final,
    RaceCandidate as RaceCandidate,
    figures as figures,
    load as load,
    plain as plain,
    winner_of as winner_of,
)
from .runs import (
    FINAL as FINAL,
    ConfirmOptions as ConfirmOptions,
)
