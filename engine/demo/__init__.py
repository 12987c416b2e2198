"""The demonstration: an invented district with matters at every stage of the procedure, made by running scenario files."""

from .building import build, build_if_empty, forget, settings_of
from .district import PASSWORD, DemoAccount, accounts, build_district

__all__ = ["PASSWORD", "DemoAccount", "accounts", "build", "build_district", "build_if_empty", "forget", "settings_of"]
