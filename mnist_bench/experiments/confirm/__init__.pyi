from .confirming import (
    ConfirmOptions as ConfirmOptions,
    Opening as Opening,
    RaceOptions as RaceOptions,
    confirm_front as confirm_front,
    confirm_study as confirm_study,
    confirm_values as confirm_values,
    lost_nets as lost_nets,
)
from .result_tables import (
    accuracy as accuracy,
    command as command,
    command_for_nets as command_for_nets,
    committee as committee,
    finding_of_values as finding_of_values,
    footnote as footnote,
    front_footnote as front_footnote,
    table_of as table_of,
)
from .results import (
    MIN_COMMITTEE as MIN_COMMITTEE,
    Confirmed as Confirmed,
    ConfirmedValues as ConfirmedValues,
    Evaluated as Evaluated,
    Final as Final,
    Front as Front,
    FrontMember as FrontMember,
    RaceCandidate as RaceCandidate,
    evaluated as evaluated,
    figures as figures,
    load as load,
    seeds_of as seeds_of,
    winner_of as winner_of,
)
from .runs import FINAL as FINAL, preferred as preferred
