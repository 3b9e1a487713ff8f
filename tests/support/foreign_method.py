"""A foreign method of search for tests: it says what it is told to say. Imports the standard library alone.

    python foreign_method.py REPLIES ACTION...

An action is JSON: a request of `benchmarks/peers/search_methods/channel.py`, or one of `{"say": TEXT}`,
`{"sleep": SECONDS}` and `{"exit": CODE, "error": TEXT}`. What it is told it writes to the file REPLIES.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main() -> None:
    """Do what the arguments say, in turn."""
    replies = Path(sys.argv[1])
    heard = [sys.stdin.readline()]
    print(json.dumps({"library": "foreign 1.0"}), flush=True)
    for action in map(json.loads, sys.argv[2:]):
        if "exit" in action:
            sys.stderr.write(action["error"] + "\n")
            sys.exit(action["exit"])
        elif "sleep" in action:
            time.sleep(action["sleep"])
        elif "say" in action:
            print(action["say"], flush=True)
        else:
            print(json.dumps({"own_seconds": 2.0, **action}), flush=True)
            heard.append(sys.stdin.readline())
    replies.write_text("".join(heard))


if __name__ == "__main__":
    main()
