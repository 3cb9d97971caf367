"""Which fields of a draft stand together, and what the window can be."""

POLICY, ANY, OWN = "policy", "any", "own"
WINDOWS = [
    (POLICY, "In the hours of the rules"),
    (ANY, "At any hour of any day"),
    (OWN, "In hours of its own"),
]
WEEK = list(enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")))
FIRST = ("name", "kind", "subject_of_csat", "ease_of")
WORDS = (
    "nature", "default_language", "question", "intro", "prompt_negative", "prompt_neutral", "prompt_positive",
)  # fmt: skip
AUDIENCE = ("age_from", "age_to", "asks_escalated", "is_sampled", "per_customer")
SCHEDULE = (
    "starts_at", "ends_on", "cadence_days", "drip_days", "window", "send_days", "send_from", "send_until",
    "cap_per_hour", "on_throttle", "reminders",
)  # fmt: skip
TRIGGER = (
    "trigger_event", "trigger_phase", "trigger_days", "trigger_from", "trigger_to", "trigger_usage",
    "trigger_delay_hours",
)  # fmt: skip
MANNER = ("sender_mode", "is_anonymous")
