from .checkpoint_store import CheckpointStore as CheckpointStore
from .cutting import Cut as Cut, cut as cut
from .folder import (
    RESULTS as RESULTS,
    ConfirmFolder as ConfirmFolder,
    ResultsFolder as ResultsFolder,
    StudyFolder as StudyFolder,
    WorkFolder as WorkFolder,
)
from .invocation_log import (
    Invocation as Invocation,
    invocations as invocations,
    keep_invocation as keep_invocation,
    latest_data as latest_data,
    latest_net as latest_net,
)
from .location import (
    StudyLocation as StudyLocation,
    can_name_a_study as can_name_a_study,
    check_belongs as check_belongs,
    checked_name as checked_name,
    is_in_environment as is_in_environment,
    mark_folder as mark_folder,
    name_after as name_after,
    place_words as place_words,
    storage_to_show as storage_to_show,
)
from .log_end import advice_on_damage as advice_on_damage, log_of as log_of, note_end as note_end
from .optuna_tables import OptunaTables as OptunaTables
from .spec import (
    DRIVER_REVISION as DRIVER_REVISION,
    NOT_INSTALLED as NOT_INSTALLED,
    StudySpec as StudySpec,
    check_same as check_same,
    fingerprint as fingerprint,
    installed_version as installed_version,
    option_words as option_words,
    own_code_options as own_code_options,
    stored_history as stored_history,
)
from .start_list import Continuation as Continuation, StartList as StartList, TakenTrial as TakenTrial
from .studies import (
    StoredStudy as StoredStudy,
    StudySummary as StudySummary,
    all_failed as all_failed,
    alone_with as alone_with,
    begun as begun,
    check_idle as check_idle,
    check_not_renamed as check_not_renamed,
    driver_of as driver_of,
    files_of_weights as files_of_weights,
    has_its_folder as has_its_folder,
    latest as latest,
    list_studies as list_studies,
    name_inside as name_inside,
    newest_event as newest_event,
    no_such_study as no_such_study,
    open_study as open_study,
    read_events as read_events,
    remove_study as remove_study,
    remove_weights as remove_weights,
    specification as specification,
    where as where,
)
from .tables_check import TablesDiff as TablesDiff, compare_tables as compare_tables, rebuild as rebuild
