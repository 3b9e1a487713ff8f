from .loading import (
    HOW as HOW,
    INSTALLED as INSTALLED,
    Code as Code,
    Loaded as Loaded,
    end_if_loading as end_if_loading,
    is_code as is_code,
    load as load,
    load_object as load_object,
    loading_until_run as loading_until_run,
)
from .source_parts import loaded_source as loaded_source
from .system_errors import system_errors_of as system_errors_of
from .watched import WatchedPruner as WatchedPruner, WatchedSampler as WatchedSampler
