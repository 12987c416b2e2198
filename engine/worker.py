"""The loop which works off what is due: each job in a transaction of its own."""

from __future__ import annotations

import logging
import threading

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from . import incidents, jobs
from .access import Actor
from .database import Database
from .errors import Conflict, EngineError, Incident, Sentence, say
from .models import Job

_log = logging.getLogger(__name__)
IDLE_SECONDS = 1.0


def work_off(database: Database, *, limit: int = 50) -> int:
    """Does up to `limit` jobs that are due. -> how many were done. A job that fails becomes an incident, one that meets a
    passing obstacle is owed a little later; neither keeps the others from being done."""
    with database.readers() as session:
        due = jobs.due(session, limit=limit)
    return sum(_one(database, job_id) for job_id in due)


def run(database: Database, stop: threading.Event) -> None:
    """Works until `stop` is set. A database that is locked or gone is waited for."""
    while not stop.is_set():
        try:
            busy = work_off(database) > 0
        except OperationalError:
            _log.warning("The database cannot be reached; trying again.")
            busy = False
        if not busy:
            stop.wait(IDLE_SECONDS)


def start(database: Database) -> threading.Event:
    """Runs the loop in a thread of this process: the embedded installation. -> set it to stop."""
    stop = threading.Event()
    threading.Thread(target=run, args=(database, stop), name="worker", daemon=True).start()
    return stop


def _one(database: Database, job_id: int) -> bool:
    with database.sessions() as session:
        try:
            done = jobs.run(session, job_id)
            session.commit()
            return done
        except Incident as error:
            session.rollback()
            _record(session, job_id, error)
        except Conflict:
            # Somebody else moved the instance in the same moment: the next round looks again.
            session.rollback()
            _postpone(session, job_id, say("Others kept changing this matter."))
        except OperationalError:
            session.rollback()
            raise
        except EngineError as error:
            session.rollback()
            _record(session, job_id, Incident(error.sentence))
        except Exception:
            session.rollback()
            _log.exception("Job %s failed by a bug", job_id)
            _postpone(session, job_id, say("The product itself failed here. Its log has the details under job {job}.", job=job_id))
    return False


def _postpone(session: Session, job_id: int, sentence: Sentence) -> None:
    if jobs.postpone(session, job_id):
        session.commit()
    else:
        session.rollback()
        _record(session, job_id, Incident(sentence))


def _record(session: Session, job_id: int, error: Incident) -> None:
    job = session.scalar(select(Job).where(Job.id == job_id))
    if job is None:
        return
    incidents.record(session, error, {"verb": "job"}, Actor.system(), instance_id=job.instance_id, unit_id=job.unit_id,
                     definition_id=job.definition_id, job_id=job_id)
    session.commit()
