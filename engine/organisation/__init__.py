"""Units from the district down to the communities, the people in them, the roles they hold for a term, their accounts.

Whoever calls a verb here for somebody passes that `actor`, who then needs `manage_people` over the unit; left out, it
is the product itself that acts (the command line, the demo).
"""

from .absences import end_absence, possible_substitutes, set_absence
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
    one_time_password,
    reset_password,
    seen,
    wants_seen,
)
from .log import deed, log
from .names import sort_key, syllables
from .people import (
    Representation,
    Vacancy,
    add_person,
    add_unit,
    amend,
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
from .register import Duty, Entry, duties, ending, entries, entries_of, vacancies, vacancies_to_come

__all__ = [
    "Duty",
    "Entry",
    "Representation",
    "SignedIn",
    "TurnedAway",
    "Vacancy",
    "account_of",
    "add_account",
    "add_person",
    "add_unit",
    "amend",
    "assign",
    "change_password",
    "deed",
    "disable",
    "duties",
    "enable",
    "end_absence",
    "end_term",
    "ending",
    "entries",
    "entries_of",
    "find_or_add_unit",
    "leave",
    "log",
    "log_in",
    "log_out",
    "one_time_password",
    "people_with",
    "possible_substitutes",
    "representatives_check",
    "reset_password",
    "seen",
    "set_absence",
    "sort_key",
    "subtree",
    "syllables",
    "topmost",
    "unit_by_code",
    "vacancies",
    "vacancies_to_come",
    "vacant_roles",
    "wants_seen",
]
