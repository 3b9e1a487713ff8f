from .in_memory import (
    MAX_TRIALS as MAX_TRIALS,
    Simulated as Simulated,
    search_in_memory as search_in_memory,
    simulate as simulate,
)
from .virtual_executor import VirtualExecutor as VirtualExecutor
