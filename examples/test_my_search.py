"""A unit test: a search of your own function has the digest that it had, also if it is killed in the middle."""

import os
import signal
import subprocess
import sys

import search

DIGEST = "10eee50431233bc3e33914f8762de88d8191680df00b15c773446d1f4e905a18"


def objective(config):
    return -((config.x - 2) ** 2) / config.y


def digest(results, *callbacks):
    space = {"x": {"float": [0, 5]}, "y": {"int": [1, 9]}}
    return search.run(objective, space, trials=8, results=results, callbacks=callbacks).digest


def kill(trial):
    if trial.number == 3:
        os.kill(os.getpid(), signal.SIGKILL)


def test_the_search_has_the_digest_that_it_had(tmp_path):
    assert digest(tmp_path) == DIGEST


def test_it_has_this_digest_also_after_a_kill(tmp_path):
    killed = subprocess.run([sys.executable, __file__, tmp_path])
    assert killed.returncode == -signal.SIGKILL
    assert digest(tmp_path) == DIGEST


if __name__ == "__main__":
    digest(sys.argv[1], kill)
