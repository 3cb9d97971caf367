#!/usr/bin/env python3
"""Tend's one command. `python3 manage.py dev` starts everything; `python3 manage.py help` lists the rest."""

import os
import sys


def main() -> None:
    """Prepare the environment, then hand over to the command."""
    if sys.version_info < (3, 11):  # noqa: UP036 - before-bootstrap
        sys.exit("Tend needs Python 3.11 or newer; this one is older. Try: python3.11 manage.py ...")
    if os.name != "posix":
        sys.exit("Tend runs on Linux and macOS. On Windows use WSL, or a container.")
    from config.devstack import bootstrap

    bootstrap.ensure()
    from config.devstack import commands

    commands.run(sys.argv)


if __name__ == "__main__":
    main()
