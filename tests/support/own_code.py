"""Samplers and pruners that a user may have written, as the text of files."""

from __future__ import annotations

from pathlib import Path

_HEAD = """
import random
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, RandomSampler


class Base(BaseSampler):
    def infer_relative_search_space(self, study, trial):
        return {}

    def sample_relative(self, study, trial, search_space):
        return {}

"""
SEEDED = f"""{_HEAD}
class Mine(Base):
    def __init__(self, seed, share=0.5):
        self.draws, self.rng, self.share = RandomSampler(seed=seed), random.Random(seed), share

    def sample_independent(self, study, trial, name, span):
        done = [t for t in study.get_trials(deepcopy=False) if t.value is not None]
        best = max(done, key=lambda t: t.value).params if done else {{}}
        if name in best and self.rng.random() < self.share:
            return best[name]
        return self.draws.sample_independent(study, trial, name, span)
"""
"""Half of its values are those of the best trial."""
UNSEEDED = f"""{_HEAD}
class Mine(Base):
    def sample_independent(self, study, trial, name, span):
        return RandomSampler(seed=int(2**32 * random.random())).sample_independent(study, trial, name, span)
"""
"""Draws from Python's own generator, which nobody seeds."""
HASHING = f"""{_HEAD}
class Mine(Base):
    def sample_independent(self, study, trial, name, span):
        seed = hash(name + str(trial.number)) % 2**32
        return RandomSampler(seed=seed).sample_independent(study, trial, name, span)
"""
"""Draws by hashes of texts, which are others in every process."""
COUNTING = f"""{_HEAD}
class Mine(Base):
    def __init__(self):
        self.asked = 0

    def sample_independent(self, study, trial, name, span):
        self.asked += 1
        return RandomSampler(seed=self.asked).sample_independent(study, trial, name, span)

    def after_trial(self, study, trial, state, values):
        self.asked += 1000
"""
"""Keeps a counter in the object."""
REMEMBERING = COUNTING.replace("self.asked", "Base.asked").replace(
    "        Base.asked = 0\n", "        Base.asked = getattr(Base, 'asked', 0)\n"
)
"""Keeps a counter in the class, which lives as long as the process."""
STRAYING = f"""{_HEAD}
class Mine(Base):
    def __init__(self, seed):
        self.draws = RandomSampler(seed=seed)

    def sample_independent(self, study, trial, name, span):
        if trial.number == 2 and name == "model.width":
            return 4096
        return self.draws.sample_independent(study, trial, name, span)
"""
"""Leaves the space in the third proposal."""
RAISING = f"""{_HEAD}
class Mine(Base):
    def sample_independent(self, study, trial, name, span):
        if trial.number == 2:
            raise LookupError("nothing is left to try")
        return RandomSampler(seed=0).sample_independent(study, trial, name, span)
"""
RAISING_LINE = 1 + RAISING.split("\n").index('            raise LookupError("nothing is left to try")')
REFUSING = f"""{_HEAD}
class Mine(Base):
    def __init__(self, share):
        if share > 1:
            raise ValueError("a share is at most 1")

    def sample_independent(self, study, trial, name, span):
        return span.low
"""
PRUNER = f"""{_HEAD}
class Third(BasePruner):
    def __init__(self, least=0.5):
        self.least = least

    def prune(self, study, trial):
        return trial.intermediate_values[trial.last_step] < self.least
"""
"""Stops what is below a fixed value."""


def write(folder: Path, text: str, name: str = "mine.py") -> str:
    """Write a file of code and return the name of its sampler, or of its pruner where it has one."""
    path = folder / name
    path.write_text(text)
    return f"{path}:{'Third' if 'class Third' in text else 'Mine'}"
