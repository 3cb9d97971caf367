import pytest

from accounts.models import Team
from accounts.queries.users import team_tree
from accounts.services import teams as services
from tests.factories.users import make_team


def test_a_team_cannot_stand_below_itself(vera, company, north, now):
    with pytest.raises(services.TeamLoopError):
        services.save_team(team=company, name="Customer success", parent=north, by=vera, now=now)


def test_a_name_is_used_once_whatever_its_case(vera, north, now):
    with pytest.raises(services.TeamNameTakenError):
        services.save_team(team=None, name=" NORTH ", parent=None, by=vera, now=now)
    assert services.save_team(team=north, name="north", parent=None, by=vera, now=now).name == "north"


def test_only_an_empty_team_is_removed(vera, north, anna, company, now):
    for team in (north, company):
        with pytest.raises(services.TeamInUseError):
            services.remove_team(team=team, by=vera, now=now)
    empty = make_team("Empty")
    services.remove_team(team=empty, by=vera, now=now)
    assert not Team.objects.filter(name="Empty").exists()


def test_the_tree_lists_teams_under_their_parents(company, north, south, anna, mia):
    rows = [(row.team.name, row.depth, row.members, row.managers) for row in team_tree()]
    assert rows == [("Customer success", 0, 0, ()), ("North", 1, 2, ("Mia Holm",)), ("South", 1, 0, ())]
