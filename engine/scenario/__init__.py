"""Scenario files: stories which drive a procedure and say what must be seen. Read, run, reported.

    scenario = read(data, "scenarios/passes.scenario.yaml")        # ScenarioError with file and line
    outcome = run(scenario, pack)                                   # Outcome: failures, flows taken, the dated story
    test(["processes/yizheng_sanyi"])                               # what `yishi test` does

The same engine, forms, decisions and permission rules as in production, on an in-memory database and a virtual clock.
"""

from .reading import Act, Scenario, ScenarioError, read
from .running import Failure, Outcome, run
from .suite import Result, coverage, from_pack, junit, test
from .world import World

__all__ = ["Act", "Failure", "Outcome", "Result", "Scenario", "ScenarioError", "World", "coverage", "from_pack", "junit", "read",
           "run", "test"]
