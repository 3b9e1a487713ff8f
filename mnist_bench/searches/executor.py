"""Where the trials of a search are trained."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from mnist_bench import own_nets
from mnist_bench.data import DataOptions, TrainingSet, idx_files
from mnist_bench.searches.config import SearchConfig
from mnist_bench.training import trainer_spec
from search.executors import Executor, InProcessExecutor
from search.executors.local import LocalExecutor
from search.executors.ray import RayExecutor, StagedFiles
from search.study import StudyLocation


def executor_of(config: SearchConfig, data: TrainingSet, location: StudyLocation) -> Executor:
    """Return what trains the trials of a search: worker processes, this process, or a Ray cluster."""
    trainer = trainer_spec(data, device=config.device, net=config.net)
    match config.executor:
        case "local":
            return LocalExecutor(trainer, config.workers, location.files.workers_log, config.lanes)
        case "in-process":
            return InProcessExecutor(trainer)
        case "ray":
            return _ray_executor(config, data)
        case _:
            assert_never(config.executor)


def _ray_executor(config: SearchConfig, data: TrainingSet) -> RayExecutor:
    """Return the executor for Ray. Its workers read the packaged MNIST; any other data set is sent to them, as is the
    file of a net of the user's own."""
    options: dict[str, str] = {}
    files: dict[str, bytes] = {}
    net = None if config.net is None else own_nets.use(config.net)
    if data.options.data_dir or data.options.dataset != "mnist":
        options["data_dir"] = ""
        files |= idx_files(data)
        data = replace(data, options=DataOptions(subset=data.options.subset, form=data.options.form))
    if net is not None and net.file is not None:
        options["net"] = f"{net.file}:{net.loaded.name.rpartition(':')[2]}"
        files[net.file] = net.content
    spec = trainer_spec(data, device=config.device, net=config.net)
    staged = StagedFiles(options=options, files=files) if files else None
    return RayExecutor(
        spec, config.workers, address=config.address, gpus_per_worker=config.gpus_per_worker, staged=staged
    )
