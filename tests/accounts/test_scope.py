"""Whose books a user reads and writes."""

import pytest

from accounts.choices import Grant, ReadScope, Role
from accounts.permissions import can_write, may, may_see_identities
from accounts.queries.scope import book_owner_ids, write_owner_ids
from tests.factories.users import make_organisation, make_team, make_user


def test_a_csm_reads_and_writes_the_own_book_by_default(anna, ben):
    assert book_owner_ids(anna) == {anna.pk}
    assert write_owner_ids(anna) == {anna.pk}


@pytest.mark.parametrize("scope", [ReadScope.TEAM, ReadScope.ALL])
def test_the_organisation_switch_widens_what_a_csm_reads_and_not_what_a_csm_writes(anna, ben, carl, scope):
    make_organisation(csm_read_scope=scope)
    assert book_owner_ids(anna) == (None if scope == ReadScope.ALL else {anna.pk, ben.pk})
    assert write_owner_ids(anna) == {anna.pk}


def test_a_manager_reads_and_writes_the_teams_below(company, north, anna, ben, carl):
    head = make_user("Hanna Top", Role.MANAGER, team=company)
    assert book_owner_ids(head) == write_owner_ids(head) == {head.pk, anna.pk, ben.pk, carl.pk}


def test_a_manager_does_not_reach_the_team_beside(mia, anna, ben, carl):
    assert book_owner_ids(mia) == {mia.pk, anna.pk, ben.pk}


def test_an_admin_reads_and_writes_all_and_a_viewer_only_reads(vera, vic):
    assert book_owner_ids(vera) is None
    assert write_owner_ids(vera) is None
    assert book_owner_ids(vic) is None
    assert write_owner_ids(vic) == set()
    assert not can_write(vic)


def test_a_setting_on_the_person_narrows_and_never_widens(north, anna):
    narrow = make_user("Nell Low", Role.VIEWER, read_scope=ReadScope.OWN)
    manager = make_user("Max Own", Role.MANAGER, team=north, read_scope=ReadScope.OWN)
    wide = make_user("Walt All", Role.MANAGER, team=north, read_scope=ReadScope.ALL)
    assert book_owner_ids(narrow) == {narrow.pk}
    assert book_owner_ids(manager) == write_owner_ids(manager) == {manager.pk}
    assert book_owner_ids(wide) == {wide.pk, manager.pk, anna.pk}


def test_who_has_left_reads_nothing_and_their_book_stays_in_the_teams_view(mia, anna, ben):
    ben.is_active = False
    ben.save()
    assert book_owner_ids(ben) == set()
    assert ben.pk in book_owner_ids(mia)


def test_a_manager_without_a_team_has_the_own_book(db):
    lone = make_user("Lona Self", Role.MANAGER)
    assert book_owner_ids(lone) == {lone.pk}


def test_grants_are_held_by_admins_and_by_those_who_got_them(vera, anna, vic):
    assert all(may(vera, grant) for grant in Grant)
    assert may(anna, Grant.EXPORT)
    assert not may(anna, Grant.MANAGE_USERS)
    assert not may_see_identities(vic)
    vera.is_active = False
    assert not may(vera, Grant.EXPORT)


def test_a_loop_in_the_tree_ends(db):
    first = make_team("First")
    second = make_team("Second", parent=first)
    first.parent = second
    first.save()
    mary = make_user("Mary Loop", Role.MANAGER, team=first)
    assert book_owner_ids(mary) == {mary.pk}
