"""The one statement that reads everything about a mailed link, fixed so that nothing is compiled for a request.

Where it is planned anew each time, PostgreSQL looks for the best order of all tables it joins at once: `MATERIALIZED`
parts of two or three tables, each found by its key, take a fraction of that time.
"""

from dataclasses import dataclass

from django.db.models import Model

from config.work.prepared import Statement
from customers.models import Contact, Customer
from surveys.models import Invitation, LinkToken, Message, Response, Wave


@dataclass(frozen=True)
class Part:
    """One table of the statement: its name there, its model, and the columns read, in the order of the model's fields."""

    name: str
    model: type[Model]
    columns: tuple[str, ...]


def _part(name: str, model: type[Model], columns: str) -> Part:
    wanted = columns.split()
    known = [field.attname for field in model._meta.concrete_fields]
    return Part(name, model, tuple(sorted(wanted, key=known.index)))


PARTS = (
    _part("token", LinkToken, "sha256 purpose message_id"),
    _part("message", Message, "id invitation_id accepted_at delivery_state"),
    _part(
        "invitation",
        Invitation,
        "id wave_id contact_id customer_id text_id email_norm email_hash email_domain language phase_at_send"
        " response_state expires_at is_test",
    ),
    _part("wave", Wave, "id campaign_id version_id"),
    _part("contact", Contact, "id name erased_at"),
    _part("customer", Customer, "id name archived_at"),
    _part(
        "response",
        Response,
        "id invitation_id message_id customer_id kind status score comment wants_contact extra revision device_hash"
        " owner_at_answer_id sent_at first_answered_at answered_at needs_follow_up_at",
    ),
)
# Names of the values that follow the parts; the last three only for a press.
ALSO = ("frozen_at", "wording", "home_zone", "review_url", "rules")
JSON = "::json"  # arrives as Python values; jsonb as text
VALUES = {
    "sha256": "text",
    "purposes": "text[]",
    "now": "timestamptz",
    "known": "bigint[]",
    "known_at": "timestamptz[]",
}
OF_CLIENT = {"clients": "text[]", "today": "date"}
LOOKS = 100  # newest looks of a client at one invitation's links that are read
CLIENT_LOOKS = 300  # newest looks of a client at any link that are read
OF_A_PRESS = ("looks", "domain_looks", "owners")


def _read(*names: str) -> str:
    """Columns of those parts from their tables, each under a name that tells its part."""
    return ", ".join(
        f"{part.name}.{column}{JSON if column == 'extra' else ''} AS {part.name}_{column}"
        for part in PARTS
        if part.name in names
        for column in part.columns
    )


def _passed_on(by: str, *names: str) -> str:
    """The same columns as the inner query `by` hands them on."""
    found = (part for part in PARTS if part.name in names)
    return ", ".join(f"{by}.{part.name}_{column}" for part in found for column in part.columns)


# The wording is left out when this process knows it: a frozen version never changes.
_LOOK = f"""
WITH link AS MATERIALIZED (
    SELECT {_read("token", "message", "invitation")}
      FROM surveys_linktoken token
      JOIN surveys_message message ON message.id = token.message_id
      JOIN surveys_invitation invitation ON invitation.id = message.invitation_id
     WHERE token.sha256 = %(sha256)s AND token.purpose = ANY(%(purposes)s) AND token.revoked_at IS NULL
), round AS MATERIALIZED (
    SELECT {_read("wave")}, version.frozen_at,
           CASE WHEN EXISTS (
               SELECT FROM unnest(%(known)s, %(known_at)s) known(id, frozen_at)
                WHERE known.id = version.id AND known.frozen_at = version.frozen_at
           ) THEN NULL ELSE json_build_object(
               'version', json_build_object(
                   'id', version.id, 'campaign_id', version.campaign_id, 'kind', version.kind, 'nature', version.nature,
                   'series_key', version.series_key, 'company', version.company, 'edit_days', version.edit_days,
                   'is_anonymous', version.is_anonymous, 'default_language', version.default_language,
                   'reply_to', version.reply_to
               ),
               'texts', ARRAY(SELECT to_json(spoken) FROM surveys_campaigntext spoken WHERE spoken.version_id = version.id ORDER BY spoken.id)
           ) END AS wording
      FROM link
      JOIN surveys_wave wave ON wave.id = link.invitation_wave_id
      JOIN surveys_campaignversion version ON version.id = wave.version_id
)
SELECT {_passed_on("link", "token", "message", "invitation")}, {_passed_on("round", "wave")},
       {_read("contact", "customer", "response")}, frozen_at, wording,
       (SELECT time_zone FROM accounts_organisation LIMIT 1) AS home_zone,
       (SELECT review_url FROM surveys_senderidentity LIMIT 1) AS review_url,
       (SELECT json_build_object(
               'scanners', scanners, 'grace_minutes', grace_minutes, 'many_scores', many_scores,
               'many_scores_s', many_scores_s, 'form_ms', form_ms, 'accept_s', accept_s, 'quick_look_s', quick_look_s,
               'many_links', many_links, 'many_links_minutes', many_links_minutes,
               'anonymous_min_group', anonymous_min_group
           ) FROM surveys_surveypolicy WHERE valid_from <= %(now)s ORDER BY valid_from DESC, id DESC LIMIT 1) AS rules
       /* press */
  FROM link CROSS JOIN round
  LEFT JOIN customers_contact contact ON contact.id = link.invitation_contact_id
  LEFT JOIN customers_customer customer ON customer.id = link.invitation_customer_id
  LEFT JOIN surveys_response response ON response.invitation_id = link.invitation_id
"""

# `looks`: the newest looks of this client at links of the invitation. `domain_looks`: of the client's newest looks within
# the hour, when it last opened each answer link of the same receiving domain. `owners`: primary CSMs around today.
_PRESS = f""", ARRAY(
           SELECT json_build_object(
                      'at', look.at, 'client', look.fingerprint, 'of', look.token, 'method', look.method, 'score', look.r,
                      'since_accept', look.seconds_since_accept, 'honeypot', sibling.purpose = 'honeypot'
                  )
             FROM surveys_message mail
             JOIN surveys_linktoken sibling ON sibling.message_id = mail.id
             JOIN surveys_visit look ON look.token = sibling.sha256
            WHERE mail.invitation_id = link.invitation_id AND look.fingerprint = ANY(%(clients)s)
            ORDER BY look.at DESC LIMIT {LOOKS}
       ) AS looks,
       ARRAY(
           SELECT link_of_client.at
             FROM (SELECT token, max(at) AS at
                     FROM (SELECT token, at FROM surveys_visit
                            WHERE fingerprint = ANY(%(clients)s) AND at >= %(now)s - interval '1 hour'
                            ORDER BY at DESC LIMIT {CLIENT_LOOKS}) lately
                    GROUP BY token) link_of_client
            WHERE (SELECT neighbour.email_domain
                     FROM surveys_linktoken opened
                     JOIN surveys_message mail ON mail.id = opened.message_id
                     JOIN surveys_invitation neighbour ON neighbour.id = mail.invitation_id
                    WHERE opened.sha256 = link_of_client.token AND opened.purpose = 'answer'
                  ) = link.invitation_email_domain
       ) AS domain_looks,
       ARRAY(
           SELECT json_build_object('user', held.user_id, 'from_on', held.from_on, 'to_on', held.to_on)
             FROM customers_assignment held
            WHERE held.customer_id = link.invitation_customer_id AND held.role = 'primary'
              AND held.superseded_by_id IS NULL AND NOT held.voids
              AND held.from_on <= %(today)s + 1 AND (held.to_on IS NULL OR held.to_on > %(today)s - 1)
       ) AS owners"""
LOOK = Statement("answer_look", VALUES, _LOOK)
PRESS = Statement("answer_press", VALUES | OF_CLIENT, _LOOK.replace("/* press */", _PRESS))
