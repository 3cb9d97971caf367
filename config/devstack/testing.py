"""`python3 manage.py test [pytest arguments]`: pytest in this process; tests/pgplugin.py brings the database."""

import os
import sys
from collections.abc import Sequence

from config.devstack.paths import ROOT


def run_tests(arguments: Sequence[str]) -> int:
    """Pytest's own exit code."""
    import pytest

    os.chdir(ROOT)
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return int(pytest.main(list(arguments)))
