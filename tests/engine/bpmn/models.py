"""Tiny BPMN models for the element tests: nodes as XML, flows as text: "s a g; g b [x > 1]; g c *" (* = default)."""

import itertools
import re

HEAD = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:v="urn:vendor" id="D" targetNamespace="urn:t">'
)
ROOTS = (
    '<message id="M" name="M"/><message id="N" name="N"/><signal id="S" name="S"/><error id="E1" errorCode="E1" name="E1"/>'
    '<error id="E2" errorCode="E2" name="E2"/><escalation id="X1" escalationCode="X1" name="X1"/>'
)
SHORT = {
    "u": "userTask",
    "n": "task",
    "x": "exclusiveGateway",
    "p": "parallelGateway",
    "i": "inclusiveGateway",
    "e": "endEvent",
    "s": "startEvent",
}
EVENTS = {
    "timer": "<timerEventDefinition><timeDuration>{}</timeDuration></timerEventDefinition>",
    "cycle": "<timerEventDefinition><timeCycle>{}</timeCycle></timerEventDefinition>",
    "msg": '<messageEventDefinition messageRef="{}"/>',
    "sig": '<signalEventDefinition signalRef="{}"/>',
    "err": '<errorEventDefinition errorRef="{}"/>',
    "anyerr": "<errorEventDefinition/>",
    "esc": '<escalationEventDefinition escalationRef="{}"/>',
    "anyesc": "<escalationEventDefinition/>",
    "cond": '<conditionalEventDefinition><condition xsi:type="tFormalExpression">{}</condition></conditionalEventDefinition>',
    "term": "<terminateEventDefinition/>",
    "comp": "<compensateEventDefinition/>",
    "compof": '<compensateEventDefinition activityRef="{}"/>',
    "cancel": "<cancelEventDefinition/>",
    "link": '<linkEventDefinition name="{}"/>',
}
_count = 0


def ev(what):
    name, _, arg = what.partition(":")
    return EVENTS[name].format(arg)


def nodes(text):
    """u:a,b x:g s:s → elements; kinds as in SHORT."""
    out = []
    for part in text.split():
        kind, names = part.split(":")
        out += [f'<{SHORT[kind]} id="{n}"/>' for n in names.split(",")]
    return "".join(out)


def boundary(name, host, what, interrupting=True):
    return f'<boundaryEvent id="{name}" attachedToRef="{host}" cancelActivity="{str(interrupting).lower()}">{ev(what)}</boundaryEvent>'


def start(name, what, interrupting=True):
    return f'<startEvent id="{name}" isInterrupting="{str(interrupting).lower()}">{ev(what)}</startEvent>'


def catch(name, what):
    return f'<intermediateCatchEvent id="{name}">{ev(what)}</intermediateCatchEvent>'


def throw(name, what):
    return f'<intermediateThrowEvent id="{name}">{ev(what)}</intermediateThrowEvent>'


def end(name, what):
    return f'<endEvent id="{name}">{ev(what)}</endEvent>'


def script(name, text):
    return f'<scriptTask id="{name}"><script>{text}</script></scriptTask>'


def flows(text, body):
    global _count
    out = []
    for part in filter(None, (p.strip() for p in text.split(";"))):
        condition = re.search(r"\[(.*)\]", part)
        default = part.endswith("*")
        chain = re.sub(r"\[.*\]|\*", "", part).split()
        for k, (a, b) in enumerate(itertools.pairwise(chain)):
            _count += 1
            last = k == len(chain) - 2
            inner = ""
            if last and condition:
                text = condition.group(1).replace("<", "&lt;")
                inner = f'<conditionExpression xsi:type="tFormalExpression">{text}</conditionExpression>'
            if last and default:
                body = body.replace(f' id="{a}"', f' id="{a}" default="f{_count}"', 1)
            out.append(f'<sequenceFlow id="f{_count}" sourceRef="{a}" targetRef="{b}">{inner}</sequenceFlow>')
    return body + "".join(out)


def sub(name, body, flow, tag="subProcess", extra="", loop=""):
    return f'<{tag} id="{name}" {extra}>{loop}{flows(flow, body)}</{tag}>'


def esp(name, body, flow):
    return sub(name, body, flow, extra='triggeredByEvent="true"')


def process(body, flow, pid="p"):
    return f'<process id="{pid}" isExecutable="true">{flows(flow, body)}</process>'


def model(*processes, roots=ROOTS):
    return (HEAD + roots + "".join(processes) + "</definitions>").encode()


def one(body, flow):
    return model(process(body, flow))


def mi(kind, of, condition="", item="", out="", out_item=""):
    """kind: par | seq; of: a number or a collection's name."""
    inner = (
        f'<loopCardinality xsi:type="tFormalExpression">{of}</loopCardinality>'
        if str(of).isdigit() or not item
        else f"<loopDataInputRef>{of}</loopDataInputRef>"
    )
    inner += f"<loopDataOutputRef>{out}</loopDataOutputRef>" if out else ""
    inner += f'<inputDataItem id="{item}" name="{item}"/>' if item else ""
    inner += f'<outputDataItem id="{out_item}" name="{out_item}"/>' if out_item else ""
    inner += f'<completionCondition xsi:type="tFormalExpression">{condition}</completionCondition>' if condition else ""
    return f'<multiInstanceLoopCharacteristics isSequential="{"true" if kind == "seq" else "false"}">{inner}</multiInstanceLoopCharacteristics>'


def loop(condition="", maximum=None, before=False):
    m = f' loopMaximum="{maximum}"' if maximum is not None else ""
    c = f'<loopCondition xsi:type="tFormalExpression">{condition}</loopCondition>' if condition else ""
    return f'<standardLoopCharacteristics testBefore="{str(before).lower()}"{m}>{c}</standardLoopCharacteristics>'
