from .loading import Code as Code, Loaded as Loaded, is_code as is_code, load as load, load_object as load_object
from .system_errors import system_errors_of as system_errors_of
from .watched import WatchedPruner as WatchedPruner, WatchedSampler as WatchedSampler
