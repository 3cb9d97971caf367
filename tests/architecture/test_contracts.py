"""Arrows between and inside the apps, and the places where special things may stand."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

from django.urls import NoReverseMatch, get_resolver, reverse

from config.celery import TICKERS, app
from config.checks import FOREIGN, routes

ROOT = Path(__file__).resolve().parents[2]
APPS = ("config", "accounts", "customers", "surveys", "metrics")
RAW_SQL_PLACES = (
    "metrics/rollups/",
    "metrics/sql/",
    "config/work/pg.py",
    "config/work/partitions.py",
    "surveys/queries/links.py",  # runs the one statement of link_sql.py
    "surveys/services/answer_sql.py",
    "surveys/services/mail_sql.py",
    "/migrations/",
    "config/devstack/",
)
RAW_SQL = re.compile(r"\.cursor\(|\.raw\(|RawSQL\(|\.extra\(")
JUNK_NAMES = {"utils", "common", "misc", "manager", "handler", "base2", "helpers"}
LONGEST_MODULE = 400  # lines


app.loader.import_default_modules()


def sources():
    for name in APPS:
        for path in sorted((ROOT / name).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def test_import_contracts_are_kept():
    runner = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    found = subprocess.run(
        [sys.executable, "-c", runner, "--config", ".ci/importlinter.ini", "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr


def imports_of(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def imports_beyond(folder, *allowed):
    """Imports of the modules in a folder that are neither standard library nor begin with an allowed name."""
    return [
        f"{path.name}: {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in imports_of(path.read_text(encoding="utf-8"))
        if name.split(".")[0] not in sys.stdlib_module_names
        and not any(name == one or name.startswith(f"{one}.") for one in allowed)
    ]


def test_formulas_import_the_standard_library_only():
    assert imports_beyond("metrics/formulas", "metrics.formulas") == []


def test_scoring_imports_numpy_and_formulas_only():
    assert imports_beyond("metrics/scoring", "numpy", "metrics.formulas", "metrics.scoring") == []


def test_numpy_is_known_to_scoring_only():
    users = {path for path, text in sources() if any(n.split(".")[0] == "numpy" for n in imports_of(text))}
    assert {path for path in users if not path.startswith("metrics/scoring/")} == set()


def test_raw_sql_stands_only_where_it_may():
    wrong = [
        path
        for path, text in sources()
        if RAW_SQL.search(text) and not any(p in path for p in RAW_SQL_PLACES)
    ]
    assert wrong == []


def test_customers_are_reached_through_one_door():
    allowed = (
        "customers/models/",
        "customers/queries/access.py",
        "customers/services/",
        "metrics/rollups/",
        "metrics/sql/",
    )
    wrong = [path for path, text in sources() if "Customer.objects" in text and not path.startswith(allowed)]
    assert wrong == []


def test_views_never_fetch_rows_past_the_scope():
    shortcut = re.compile(r"get_object_or_404\([A-Z]\w+\s*,|[A-Z]\w+\.objects\.get\(")
    wrong = [
        f"{path}: {found.group()}"
        for path, text in sources()
        if re.search(r"/(views|api|forms)/", path)
        for found in shortcut.finditer(text)
    ]
    assert wrong == []


def test_no_module_is_longer_than_a_person_reads_at_once():
    long = {
        path: n
        for path, text in sources()
        if (n := text.count("\n")) > LONGEST_MODULE and "/migrations/" not in path
    }
    assert long == {}


def test_no_module_has_a_junk_name():
    assert [path for path, _ in sources() if Path(path).stem in JUNK_NAMES] == []


def test_there_are_no_own_signals_and_no_save_overrides():
    signals = [
        path
        for path, text in sources()
        if re.search(r"@receiver\b|\b(?:pre|post)_(?:save|delete|init)\b", text)
    ]
    saves = [path for path, text in sources() if "/models" in path and "def save(self" in text]
    assert (signals, saves) == ([], [])


def test_every_route_declares_its_access():
    undeclared = [
        route["pattern"]
        for route in routes()
        if not hasattr(route["view"], "declaration") and not route["name"].startswith(FOREIGN)
    ]
    assert undeclared == []


def test_every_ticker_is_a_registered_task():
    assert [name for name in TICKERS if name not in app.tasks] == []


def test_every_nudged_name_is_a_registered_task():
    called = re.compile(r"\b(?:nudge|ring)\(\s*\"([\w.]+)\"")
    names = {name for _, text in sources() for name in called.findall(text)}
    assert names - set(app.tasks) == set()


def test_every_url_name_in_a_template_exists():
    used = re.compile(r"{%\s*url\s+['\"]([\w:-]+)['\"]([^%]*)%}")
    known = {route["name"] for route in routes()} | {
        name for name in get_resolver().reverse_dict if isinstance(name, str)
    }
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "templates").rglob("*.html")
        for name, rest in used.findall(path.read_text(encoding="utf-8"))
        if name not in known and not _reversible(name, rest)
    ]
    assert missing == []


def _reversible(name, rest):
    try:
        reverse(name)
    except NoReverseMatch:
        return False
    return True


def test_templates_hold_no_inline_style_or_script():
    wrong = re.compile(r"\sstyle=|<script(?![^>]*\bsrc=)|\son\w+=|hx-on|javascript:|<style")
    bad = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "templates").rglob("*.html")
        if "/emails/" not in path.as_posix() and "/mail/" not in path.as_posix()
        if wrong.search(path.read_text(encoding="utf-8"))
    ]
    assert bad == []


def test_whole_stacks_are_started_only_where_the_pipeline_looks_for_such_tests():
    marked = {
        path.relative_to(ROOT).parts[1]
        for path in (ROOT / "tests").rglob("test_*.py")
        if re.search(r"\bmark\.(?:stack|chaos)\b", path.read_text(encoding="utf-8"))
    }
    named = set(re.findall(r"\btests/(\w+)", (ROOT / ".ci/run").read_text(encoding="utf-8")))
    assert marked == named
