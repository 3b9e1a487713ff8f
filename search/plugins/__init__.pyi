from .blamed import blamed as blamed
from .loading import Code as Code, Loaded as Loaded, is_code as is_code, load as load, load_object as load_object
from .watched import WatchedPruner as WatchedPruner, WatchedSampler as WatchedSampler
