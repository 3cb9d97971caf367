"""Facts about customers and the work of a CSM, one subject per file."""

from customers.models.alert import Alert
from customers.models.assignment import Assignment
from customers.models.attribute_value import AttributeValue
from customers.models.contact import Contact
from customers.models.cost_entry import CostEntry
from customers.models.custom_field import CustomField
from customers.models.customer import Customer, ExternalId
from customers.models.erasure import Erasure
from customers.models.field_value import FieldValue
from customers.models.follow_up import FollowUp
from customers.models.fx_rate import FxRate
from customers.models.import_batch import BatchItem, ImportBatch
from customers.models.order import Order
from customers.models.plan import Plan
from customers.models.pulse import Pulse
from customers.models.saved_view import SavedView
from customers.models.stale_mark import StaleMark
from customers.models.subscription import LineVersion, Subscription
from customers.models.summary import CustomerSummary
from customers.models.ticket import Ticket
from customers.models.touchpoint import Touchpoint
from customers.models.usage_event import UsageEvent

__all__ = [
    "Alert",
    "Assignment",
    "AttributeValue",
    "BatchItem",
    "Contact",
    "CostEntry",
    "CustomField",
    "Customer",
    "CustomerSummary",
    "Erasure",
    "ExternalId",
    "FieldValue",
    "FollowUp",
    "FxRate",
    "ImportBatch",
    "LineVersion",
    "Order",
    "Plan",
    "Pulse",
    "SavedView",
    "StaleMark",
    "Subscription",
    "Ticket",
    "Touchpoint",
    "UsageEvent",
]
