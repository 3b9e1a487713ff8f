from .executor import RayExecutor as RayExecutor
from .file_staging import StagedFiles as StagedFiles
