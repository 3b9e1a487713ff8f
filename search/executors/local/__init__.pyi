from .pool import LocalExecutor as LocalExecutor
