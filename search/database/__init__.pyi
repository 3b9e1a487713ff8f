from .engines import (
    BESIDE as BESIDE,
    checkpoint as checkpoint,
    damage as damage,
    open_damaged as open_damaged,
    open_for_reading as open_for_reading,
    open_for_writing as open_for_writing,
    open_tables_for_reading as open_tables_for_reading,
    sqlite_url as sqlite_url,
    storage_errors as storage_errors,
)
from .postgres import (
    Away as Away,
    StudyLock as StudyLock,
    wait_for_writers as wait_for_writers,
    wait_to_make_tables as wait_to_make_tables,
)
from .urls import (
    is_postgresql as is_postgresql,
    is_secret as is_secret,
    redacted as redacted,
    sqlite_file as sqlite_file,
)
