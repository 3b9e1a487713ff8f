"""A study that a search for a receiver has made, and its certificate."""

from __future__ import annotations

import pytest

from mnist_bench.certificates.certificate import Certificate, certify
from search.study.location import StudyLocation
from support import certified


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyLocation:
    """Return where a search of 8 trials for alice has left its study."""
    with pytest.MonkeyPatch.context() as patch:
        return certified.searched(patch, tmp_path_factory.mktemp("certified"), receiver="alice")


@pytest.fixture(scope="session")
def certificate(study: StudyLocation) -> Certificate:
    """Return its certificate."""
    return certify(study)
