"""The contract with SpiffWorkflow: fails when it changes a name or a promise on which this room stands."""

import inspect

import pytest
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.parser.event_parsers import EventDefinitionParser
from SpiffWorkflow.bpmn.parser.ProcessParser import ProcessParser
from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.specs.base import TaskSpec
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState
from SpiffWorkflow.workflow import Workflow


@pytest.mark.parametrize(
    ("owner", "name", "arguments"),
    [
        (Task, "__init__", ["self", "workflow", "task_spec", "parent", "state", "id"]),
        (Task, "_set_state", ["self", "value"]),
        (Task, "run", ["self"]),
        (Task, "complete", ["self"]),
        (Task, "cancel", ["self"]),
        (Workflow, "__init__", ["self", "workflow_spec", "deserializing"]),
        (Workflow, "_remove_task", ["self", "task_id"]),
        (Workflow, "_task_completed_notify", ["self", "task"]),
        (TaskSpec, "_run_hook", ["self", "my_task"]),
        (TaskSpec, "_on_complete_hook", ["self", "my_task"]),
        (TaskSpec, "_on_cancel", ["self", "my_task"]),
        (TaskSpec, "_predict_hook", ["self", "my_task"]),
        (TaskSpec, "connect", ["self", "taskspec"]),
        (TaskSpec, "test", ["self"]),
        (BpmnParser, "_add_data_stores", ["self", "bpmn"]),
        (BpmnParser, "_add_diagram_indexes", ["self", "bpmn"]),
        (BpmnParser, "create_parser", ["self", "node", "filename", "lane"]),
        (BpmnParser, "get_spec", ["self", "process_id", "required"]),
        (BpmnParser, "add_bpmn_xml", ["self", "bpmn", "filename"]),
        (ProcessParser, "create_spec", ["self"]),
        (ProcessParser, "add_tasks", ["self"]),
        (ProcessParser, "parse_node", ["self", "node"]),
        (EventDefinitionParser, "parse_timer_event", ["self", "event"]),
        (EventDefinitionParser, "parse_message_event", ["self", "message_event"]),
        (TimerEventDefinition, "parse_iso_duration", ["expression"]),
    ],
)
def test_a_name_on_which_we_stand_is_there(owner, name, arguments):
    assert list(inspect.signature(getattr(owner, name)).parameters) == arguments


def test_a_run_completes_waits_or_fails_by_what_its_hook_returns():
    source = inspect.getsource(Task.run)
    assert "_run(self)" in source and "TaskState.STARTED" in source and "self.complete()" in source


def test_a_token_keeps_its_family_by_ids():
    workflow = Workflow(BpmnProcessSpec(name="p"), deserializing=True)
    parent = Task(workflow, workflow.spec.start, None, TaskState.STARTED, 1)
    child = Task(workflow, workflow.spec.start, parent, TaskState.STARTED, 2)
    assert (child._parent, parent._children, workflow.tasks) == (1, [2], {1: parent, 2: child})
    workflow._remove_task(2)
    assert (parent._children, list(workflow.tasks)) == ([], [1])
