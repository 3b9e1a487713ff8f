"""Several studies in one leaderboard, if their trials were judged on the same validation images."""
