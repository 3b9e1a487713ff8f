from .board import (
    Leaderboard as Leaderboard,
    LeaderboardRow as LeaderboardRow,
    Selection as Selection,
    counts as counts,
    cut as cut,
    epochs_done as epochs_done,
    excess_of as excess_of,
    grouped as grouped,
    leaderboard_of as leaderboard_of,
    period_ends as period_ends,
    total_epochs as total_epochs,
)
from .board_records import curve_records as curve_records, plain_row as plain_row
from .board_table import (
    curve_table as curve_table,
    digest_lines as digest_lines,
    headline as headline,
    judged as judged,
    listed as listed,
    selection_line as selection_line,
    table_of as table_of,
    test_set_line as test_set_line,
)
from .correctness import (
    accuracy_interval as accuracy_interval,
    correct_bits as correct_bits,
    validation_images as validation_images,
)
from .early_stop_lines import (
    ahead_line as ahead_line,
    rules_words as rules_words,
    stop_line as stop_line,
    stop_option as stop_option,
)
from .objective import value_name as value_name
from .ranking import (
    ordered as ordered,
    pareto_front as pareto_front,
    place_key as place_key,
    undominated as undominated,
)
from .selection import select as select
from .ties import (
    SIGNIFICANCE as SIGNIFICANCE,
    UNTESTED as UNTESTED,
    Ties as Ties,
    p_values_of as p_values_of,
    ties_of as ties_of,
)
from .worker_time import (
    Kind as Kind,
    LanePeriod as LanePeriod,
    WorkerTimeline as WorkerTimeline,
    worker_time_of as worker_time_of,
)
