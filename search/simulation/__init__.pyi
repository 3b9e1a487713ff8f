from .executor import VirtualExecutor as VirtualExecutor
from .run import (
    MAX_TRIALS as MAX_TRIALS,
    Simulated as Simulated,
    search_in_memory as search_in_memory,
    simulate as simulate,
)
