"""What differs between the installation and machine of a certificate's author and those here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnist_bench.certificates.certificate import Certificate
from mnist_bench.searches import study_context
from mnist_bench.studies import is_portable, reproduce
from search.differences import differences
from search.errors import SearchError
from search.messages import first_line

COMPUTED = ("driver_revision", "driver_arithmetic", "sampler_arithmetic", "space")
"""Entries of a stored specification that are computed anew wherever it is read."""


def of_decisions(certificate: Certificate) -> list[str]:
    """Return what decides the decisions of a search, and differs here: `torch 2.12.0, here 2.13.0`."""
    spec = certificate.study.spec
    found = [
        f"{row.name} {row.then}, here {row.now}"
        for row in reproduce.version_differences(spec["versions"], builds=not is_portable(spec["numerics"]))
    ]
    try:
        here = certificate.spec.to_json()
    except SearchError as error:  # a package is missing
        return [*found, first_line(error)]
    return [*found, *_worded({key: spec.get(key) for key in COMPUTED}, {key: here.get(key) for key in COMPUTED})]


def of_workers(certificate: Certificate, numerics: Mapping[str, Any]) -> list[str]:
    """Return what else decides the results of training, and differs between a search and workers here."""
    then, here = certificate.study.spec["context"], study_context.context_here(numerics)
    decisive = ("trainer_revision", "defaults")
    return _worded({key: then.get(key) for key in decisive}, {key: here[key] for key in decisive})


def _worded(then: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    return [f"{path} {old}, here {new}" for path, old, new in differences(then, here)]
