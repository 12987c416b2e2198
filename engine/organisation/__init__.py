"""Units from the district down to the communities, the people in them, the roles they hold for a term, their accounts.

Whoever calls a verb here for somebody passes that `actor`, who then needs `manage_people` over the unit; left out, it
is the product itself that acts (the command line, the demo).
"""

from .accounts import (
    SignedIn,
    TurnedAway,
    account_of,
    add_account,
    change_password,
    disable,
    enable,
    log_in,
    log_out,
    reset_password,
    seen,
    wants_seen,
)
from .names import sort_key, syllables
from .people import (
    Representation,
    Vacancy,
    add_person,
    add_unit,
    assign,
    end_term,
    find_or_add_unit,
    leave,
    people_with,
    representatives_check,
    subtree,
    topmost,
    unit_by_code,
    vacant_roles,
)

__all__ = [
    "Representation",
    "SignedIn",
    "TurnedAway",
    "Vacancy",
    "account_of",
    "add_account",
    "add_person",
    "add_unit",
    "assign",
    "change_password",
    "disable",
    "enable",
    "end_term",
    "find_or_add_unit",
    "leave",
    "log_in",
    "log_out",
    "people_with",
    "representatives_check",
    "reset_password",
    "seen",
    "sort_key",
    "subtree",
    "syllables",
    "topmost",
    "unit_by_code",
    "vacant_roles",
    "wants_seen",
]
