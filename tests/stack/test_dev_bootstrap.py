"""`manage.py` on a bare machine, tried on a small project with the real bootstrap and nothing to download."""

import os
import shutil
import subprocess
import sys

import pytest

from config.devstack.paths import ROOT

pytestmark = pytest.mark.stack

SECONDS = 120
TELL_WHERE = "import sys\ndef run(argv):\n    print('ran', argv[1:], 'in', sys.prefix)\n"
NO_ENSUREPIP = """
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == 'ensurepip' else real(name, package)
"""


@pytest.fixture(scope="module")
def prepared_checkout(tmp_path_factory):
    """A checkout after its first start."""
    root = tmp_path_factory.mktemp("ein Prüf 'stand'")
    bare(root)
    first = start(root, "first")
    assert first.returncode == 0, first.stderr
    assert f"ran ['first'] in {root / '.venv'}" in first.stdout
    assert "Installing" in first.stderr
    return root


def bare(root):
    """What `git clone` brings, cut down to the bootstrap."""
    (root / "config" / "devstack").mkdir(parents=True)
    (root / ".ci").mkdir()
    for name in (
        "manage.py",
        "config/__init__.py",
        "config/devstack/__init__.py",
        "config/devstack/bootstrap.py",
    ):
        shutil.copy(ROOT / name, root / name)
    (root / "config/devstack/commands.py").write_text(TELL_WHERE)
    (root / "requirements.txt").write_text("# nothing\n")
    (root / ".ci/constraints.txt").write_text("")


def begin(root, *arguments, **more):
    python = getattr(sys, "_base_executable", sys.executable)
    env = {"PATH": os.environ["PATH"], "HOME": str(root), **more}
    return subprocess.Popen(
        [python, "manage.py", *arguments],
        cwd=root,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def end(process):
    out, err = process.communicate(timeout=SECONDS)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def start(root, *arguments, **more):
    return end(begin(root, *arguments, **more))


def test_the_second_start_installs_nothing(prepared_checkout):
    again = start(prepared_checkout, "again", "--port", "8001")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == f"ran ['again', '--port', '8001'] in {prepared_checkout / '.venv'}\n"


def test_changed_requirements_are_installed_before_the_command_runs(prepared_checkout):
    (prepared_checkout / "requirements.txt").write_text("# still nothing\n")
    assert "Updating" in start(prepared_checkout, "x").stderr
    assert start(prepared_checkout, "x").stderr == ""


def test_an_interrupted_installation_begins_again(prepared_checkout):
    (prepared_checkout / ".venv" / "installed").unlink()
    half_made = prepared_checkout / ".venv" / "half-made"
    half_made.touch()
    assert "Installing" in start(prepared_checkout, "x").stderr
    assert not half_made.exists()


def test_a_failed_installation_says_where_its_log_is_and_heals(prepared_checkout):
    requirements = prepared_checkout / "requirements.txt"
    before = requirements.read_text()
    requirements.write_text("./no-such-folder\n")
    failed = start(prepared_checkout, "x")
    assert failed.returncode == 1
    assert str(prepared_checkout / ".venv" / "install.log") in failed.stderr
    assert "no-such-folder" in failed.stderr
    assert failed.stdout == ""
    requirements.write_text(before)
    assert start(prepared_checkout, "x").returncode == 0


def test_two_first_starts_at_once_install_once(prepared_checkout):
    (prepared_checkout / ".venv" / "installed").unlink()
    results = [end(process) for process in [begin(prepared_checkout, "one"), begin(prepared_checkout, "two")]]
    assert [result.returncode for result in results] == [0, 0]
    assert sorted("Installing" in result.stderr for result in results) == [False, True]


def test_no_bootstrap_leaves_the_caller_alone(tmp_path):
    bare(tmp_path)
    done = start(tmp_path, "x", NO_BOOTSTRAP="1")
    assert done.returncode == 0
    assert not (tmp_path / ".venv").exists()


def test_an_environment_of_the_caller_with_django_is_used_as_it_is(tmp_path):
    bare(tmp_path)
    env = {"PATH": os.environ["PATH"]}
    command = [sys.executable, "manage.py", "x"]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (done.stdout, done.stderr) == (f"ran ['x'] in {sys.prefix}\n", "")
    assert not (tmp_path / ".venv").exists()


def test_without_the_venv_module_the_missing_package_is_named(tmp_path):
    bare(tmp_path)
    (tmp_path / "sitecustomize.py").write_text(NO_ENSUREPIP)
    done = start(tmp_path, "x", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert f"apt install python{sys.version_info.major}.{sys.version_info.minor}-venv" in done.stderr
    assert not (tmp_path / ".venv").exists()
