"""Configuration as files: export, plan, apply, and what they refuse."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from metrics.models import AlertRule, DefinitionVersion, OwnMeasure, ScorecardVersion
from metrics.services import own_measures
from metrics.services.alert_rules import install_alert_rules
from tests.factories.customers import NOW
from tests.factories.health import TODAY, starter

pytestmark = pytest.mark.django_db

SPEC = {"actions": [{"event": "invite", "impact": 25_000}]}


@pytest.fixture(autouse=True)
def installed(time_machine, vera):
    time_machine.move_to(NOW, tick=False)
    starter()
    install_alert_rules()
    own_measures.add(
        title="Points", kind="actions", spec=SPEC, better="up", window_days=30, by=vera, now=NOW, as_of=TODAY
    )


def run(what, folder, *options):
    out = StringIO()
    call_command("config", what, str(folder), *options, stdout=out)
    return out.getvalue()


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_what_was_exported_differs_in_nothing(tmp_path):
    assert "Wrote scorecards/core.yaml" in run("export", tmp_path)
    assert "impact: 2.5" in (tmp_path / "measures.yaml").read_text()
    assert run("plan", tmp_path) == "Nothing differs.\n"
    assert run("apply", tmp_path) == "Nothing differs.\n"
    assert ScorecardVersion.objects.count() == 1


def test_apply_makes_drafts_of_cards_and_takes_over_the_rest_once(tmp_path):
    run("export", tmp_path)
    edit(tmp_path / "scorecards/core.yaml", "weight: 35", "weight: 50")
    edit(tmp_path / "measures.yaml", "impact: 2.5", "impact: 3")
    edit(tmp_path / "alert_rules.yaml", "points: 10", "points: 12.5")
    plan = run("plan", tmp_path)
    assert "Usage 35 → 50 (35 % → 43 % of the weight)." in plan
    assert "points 10 → 12.5" in plan
    document = json.loads(run("plan", tmp_path, "--json"))
    assert [one["file"].partition(",")[0] for one in document["changes"]] == [
        "measures.yaml",
        "alert_rules.yaml",
        "scorecards/core.yaml",
    ]
    done = run("apply", tmp_path)
    draft = ScorecardVersion.objects.get(state="draft")
    assert f"Core is draft {draft.pk} now" in done
    assert ScorecardVersion.objects.get(state="live").number == 1
    assert OwnMeasure.objects.get(version=2).spec["actions"][0]["impact"] == 30_000
    assert AlertRule.objects.filter(points="12.5").count() == 1
    assert run("apply", tmp_path) == "Nothing differs.\n"
    assert ScorecardVersion.objects.count() == 2


def test_the_definition_is_published_under_a_new_number(tmp_path):
    run("export", tmp_path)
    edit(tmp_path / "metric_definition.yaml", "gross_margin: ", "gross_margin: '0.5' # was ")
    assert "gross_margin" in run("plan", tmp_path)
    assert "Definition 1 is in force" in run("apply", tmp_path)
    assert DefinitionVersion.objects.get().note == "From files"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("scorecards/core.yaml", "a: [", "scorecards/core.yaml: The file is no YAML"),
        ("scorecards/core.yaml", "\udcff", "cannot be read"),
        ("measures.yaml", "measures: 5", "measures.yaml: “measures” must be a list"),
        ("measures.yaml", "measures: [{key: a, spec: {}, owner: b}]", "owner is not known in measure 1"),
        ("alert_rules.yaml", "alert_rules: [{title: a}]", "Alert rule 1 lacks kind"),
        ("metric_definition.yaml", "colour: red", "there is no key 'colour'"),
    ],
)
def test_a_bad_file_is_named_and_nothing_is_changed(tmp_path, name, content, said):
    run("export", tmp_path)
    (tmp_path / name).write_text(content, errors="surrogateescape")
    with pytest.raises(CommandError, match=said) as caught:
        run("plan", tmp_path)
    assert caught.value.returncode == 1
    with pytest.raises(CommandError, match="Nothing was changed") as caught:
        run("apply", tmp_path)
    assert caught.value.returncode == 2


def test_a_folder_without_files_is_refused(tmp_path):
    with pytest.raises(CommandError, match="is no folder") as caught:
        run("plan", tmp_path / "nowhere")
    assert caught.value.returncode == 2
    with pytest.raises(CommandError, match="no file of a configuration"):
        run("apply", tmp_path)
