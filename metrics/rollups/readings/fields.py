"""Custom fields as facts: the value each held on the day, and the measures made of it. Source: field values.

A number is itself, a date the days since it (below 0 while it lies ahead), a choice its place among the options, yes or
no 1 or 0. The fields wanted come as rows of the parameter `own_fields`, never as SQL.
"""

from customers.choices import CustomFieldType
from customers.models import CustomField, FieldValue
from metrics.rollups.readings.parts import MILLION, UNSET, known, table

HELD = f"""
field_held AS MATERIALIZED (
    SELECT DISTINCT ON (f.customer_id, f.key) f.customer_id, f.key, f.value, f.from_on
    FROM {table(FieldValue)} f JOIN scope s ON s.customer_id = f.customer_id
    WHERE f.from_on <= %(as_of)s AND {known(FieldValue, "f")}
    ORDER BY f.customer_id, f.key, f.from_on DESC, f.seq DESC
)
"""

SELECT = f"""
SELECT h.customer_id, h.slot, h.value, CASE WHEN h.value IS NOT NULL THEN h.from_on END,
    CASE WHEN h.value IS NULL THEN {UNSET} ELSE 0 END
FROM (
    SELECT h.customer_id, w.slot, h.from_on, CASE
        WHEN w.type IN ('{CustomFieldType.NUMBER}', '{CustomFieldType.MONEY}') THEN CASE WHEN h.value ~ '^-?[0-9]{{1,12}}([.][0-9]+)?$'
            THEN metrics_div_even(h.value::numeric * {MILLION}, 1) END
        WHEN w.type = '{CustomFieldType.DATE}' THEN CASE WHEN h.value ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$'
            THEN (%(as_of)s::date - h.value::date) * {MILLION}::bigint END
        WHEN w.type = '{CustomFieldType.CHOICE}' THEN (
            SELECT (o.place - 1) * {MILLION}::bigint
            FROM jsonb_array_elements_text(w.options) WITH ORDINALITY AS o (option, place) WHERE o.option = h.value)
        WHEN w.type = '{CustomFieldType.BOOLEAN}' THEN CASE h.value WHEN 'true' THEN {MILLION}::bigint WHEN 'false' THEN 0 END
        END AS value
    FROM jsonb_to_recordset(%(own_fields)s::jsonb) AS w (slot int, field text, type text, options jsonb)
    JOIN field_held h ON h.key = w.field
) h
"""

# Choices and yes or no are segments: "cf_industry_fit=good", "cf_pilot=true".
LABELS = f"""
SELECT h.customer_id, 'cf_' || h.key || '=' || h.value
FROM field_held h JOIN {table(CustomField)} d ON d.key = h.key
WHERE d.kind IN ('{CustomFieldType.CHOICE}', '{CustomFieldType.BOOLEAN}') AND h.value <> ''
"""
