"""A model as SVG, drawn on the server: no script, no inline style, its colours are classes of the page's stylesheet.

Classes: `s` the outline of a node, `f` not filled, `ar` filled with ink, `lane`, `end`, `call` (thick border), `n` a name inside,
`sm` a name outside, `tag` and `tagt`; on the group of a node `done now bad`. Each node is a `<g data-element="its id">`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from lxml import etree

from engine.errors import ModelRefused, say

from .layout import layout
from .layout.graph import text_width
from .model import SUB_PROCESSES, Drawing, Model, Process, Step, drawing, read
from .symbols import EVENTS, MARKERS, TASKS
from .xml import BPMNDI, kind

SCALE = 1.25
"""Names are 12 px in a model, and no text on a page is smaller than 15 px."""
MAX_SIDE = 20_000
_PAD = 12
_NAME, _LABEL = 12, 11
_ARTIFACTS = ("textAnnotation", "dataObjectReference", "dataStoreReference", "group")

Box = tuple[float, float, float, float]


def svg(
    data: bytes,
    process_id: str | None = None,
    *,
    done: Iterable[str] = (),
    now: Iterable[str] = (),
    bad: Iterable[str] = (),
    tags: Mapping[str, str] | None = None,
    title: str = "",
) -> str:
    """-> a BPMN file as an `<svg>` element; one without a drawing is laid out first.

    `process_id`: draw this process only (default: all of the first sheet). `done`, `now`, `bad`: ids of elements that are over,
    that wait, where something is wrong. `tags`: a few words under an element. `title`: what a screen reader says, default the
    name of the process. ModelRefused for what is no BPMN, has no such process, or is larger than MAX_SIDE."""
    model = read(data)
    if process_id and process_id not in model.processes:
        raise ModelRefused(say("There is no process {id} in the model.", id=process_id), where={"element": process_id})
    process = model.processes.get(process_id or "") or next(iter(model.processes.values()), None)
    drawn = _sheet(model, process)
    if process and not any(step.id in drawn.boxes for step in process.walk()):
        model = read(layout(data))
        drawn = drawing(model.root)
        process = model.processes.get(process.id, process)
    states = {name: word for word, names in (("done", done), ("now", now), ("bad", bad)) for name in names}
    return _Picture(model, drawn, process if process_id else None, states, tags or {}).text(
        title or (process.name or process.id if process else "")
    )


def _sheet(model: Model, process: Process | None) -> Drawing:
    """The first diagram that shows the process: content of closed sub-processes lies on sheets of its own."""
    wanted = {step.id for step in process.walk()} if process else set()
    for diagram in model.root.findall(f"{{{BPMNDI}}}BPMNDiagram"):
        found = drawing(diagram)
        if wanted & found.boxes.keys():
            return found
    return drawing(model.root)


class _Picture:
    def __init__(
        self, model: Model, drawn: Drawing, only: Process | None, states: Mapping[str, str], tags: Mapping[str, str]
    ) -> None:
        self.model, self.drawn, self.states, self.tags = model, drawn, states, tags
        processes = [only] if only else list(model.processes.values())
        self.steps = {step.id: step for process in processes for step in process.walk()}
        self.defaults = {step.default for step in self.steps.values()}
        nodes = {node.get("id"): node for node in model.root.iter() if kind(node) and node.get("id")}
        inside = {node.get("id") for process in processes for node in process.node.iter() if kind(node)}
        if only:
            pools = {node.get("id") for node in nodes.values() if kind(node) == "participant" and node.get("processRef") == only.id}
            nodes = {name: node for name, node in nodes.items() if name in inside | pools}
        self.nodes = nodes
        self.root = etree.Element("svg")

    def text(self, title: str) -> str:
        boxes = [box for name, box in self.drawn.boxes.items() if name in self.nodes]
        boxes += [box for name, box in self.drawn.labels.items() if name in self.nodes]
        boxes += [(x, y, 0, 0) for name, points in self.drawn.lines.items() if name in self.nodes for x, y in points]
        boxes += [(x, y, w, h + 24) for x, y, w, h in (self.drawn.boxes[name] for name in self.tags if name in self.drawn.boxes)]
        left, top = min((box[0] for box in boxes), default=0) - _PAD, min((box[1] for box in boxes), default=0) - _PAD
        width = max((box[0] + box[2] for box in boxes), default=0) + _PAD - left
        height = max((box[1] + box[3] for box in boxes), default=0) + _PAD - top
        if max(width, height) > MAX_SIDE:
            raise ModelRefused(say("The drawing is larger than {limit} points.", limit=MAX_SIDE))
        view = " ".join(map(_number, (left, top, width, height)))
        self.root.attrib.update({"xmlns": "http://www.w3.org/2000/svg", "class": "model", "role": "img", "aria-label": title})
        self.root.attrib.update({"viewBox": view, "width": _number(width * SCALE), "height": _number(height * SCALE)})
        etree.SubElement(self.root, "title").text = title
        self._frames()
        self._lines()
        self._shapes()
        self._labels()
        return etree.tostring(self.root, encoding="unicode")

    # --- frames: pools, lanes, open sub-processes -----------------------------------------------------------------------
    def _frames(self) -> None:
        for name, node in self.nodes.items():
            what, box = kind(node), self.drawn.boxes.get(name)
            if box and what == "participant":
                _add(self.root, "rect", "lane", **_rect(box))
                self._upright(box, node.get("name") or "")
        for name, node in self.nodes.items():
            box = self.drawn.boxes.get(name)
            if box and kind(node) == "lane":
                _add(self.root, "rect", "lane", **_rect(box))
                self._upright(box, node.get("name") or "")
        for step in sorted(self._open(), key=lambda one: -self.drawn.boxes[one.id][2] * self.drawn.boxes[one.id][3]):
            group, box = self._group(step), self.drawn.boxes[step.id]
            self._body(group, step, box)
            self._lines_of_text(group, step.name, (box[0] + 8, box[1] + 5, box[2] - 16, 16), _NAME, "n")
            self._markers(group, step, box, False)

    def _open(self) -> list[Step]:
        return [
            step
            for step in self.steps.values()
            if step.id in self.drawn.boxes and step.kind in SUB_PROCESSES and self._is_open(step)
        ]

    def _is_open(self, step: Step) -> bool:
        return step.id not in self.drawn.collapsed and any(one in self.drawn.boxes for one in step.inside)

    def _upright(self, box: Box, name: str) -> None:
        """A name at the left end, read from below, in as many lines as fit."""
        x, y, _, h = box
        _add(self.root, "path", "lane f", d=f"M{_number(x + 30)} {_number(y)}v{_number(h)}")
        lines = wrap(name, max(24, h - 12), _NAME)[:2]
        for number, line in enumerate(lines):
            at = f"translate({_number(x + 19 + (number - (len(lines) - 1) / 2) * 13)} {_number(y + h / 2)}) rotate(-90)"
            _add(self.root, "text", "n", transform=at).text = line

    # --- lines ----------------------------------------------------------------------------------------------------------
    def _lines(self) -> None:
        for name, points in self.drawn.lines.items():
            node = self.nodes.get(name)
            what = kind(node) if node is not None else ""
            if not what:
                continue
            group = _add(self.root, "g", "", data_element=name)
            path = "M" + " ".join(f"{_number(x)} {_number(y)}" for x, y in points)
            dash = (
                {"stroke_dasharray": "1 3"}
                if what.endswith(("association", "Association"))
                else {"stroke_dasharray": "6 4"}
                if what == "messageFlow"
                else {}
            )
            _add(group, "path", "f", d=path, **dash)
            if what == "messageFlow":
                _add(group, "circle", "", cx=_number(points[0][0]), cy=_number(points[0][1]), r="4")
            if what in ("sequenceFlow", "messageFlow"):
                _add(group, "path", "ar" if what == "sequenceFlow" else "", d=_arrow(points))
            if name in self.defaults:
                _add(group, "path", "f", d=_slash(points))

    # --- nodes ----------------------------------------------------------------------------------------------------------
    def _shapes(self) -> None:
        open_ones = {step.id for step in self._open()}
        ordered = sorted(self.steps.values(), key=lambda step: step.kind == "boundaryEvent")
        for step in ordered:
            box = self.drawn.boxes.get(step.id)
            if not box or step.id in open_ones:
                continue
            group = self._group(step)
            if step.kind.endswith("Event"):
                self._event(group, step, box)
            elif step.kind.endswith("Gateway"):
                self._gateway(group, step, box)
            else:
                self._body(group, step, box)
                symbol = TASKS.get(step.kind)
                if symbol:
                    _add(group, "path", "f i", d=symbol, transform=f"translate({_number(box[0] + 5)} {_number(box[1] + 5)})")
                self._lines_of_text(group, step.name, (box[0] + 6, box[1] + 4, box[2] - 12, box[3] - 8), _NAME, "n")
                self._markers(group, step, box, step.kind in ("callActivity", *SUB_PROCESSES))
            self._state(group, step.id, box)
        for name, node in self.nodes.items():
            if kind(node) in _ARTIFACTS and name in self.drawn.boxes:
                self._artifact(node, self.drawn.boxes[name])

    def _group(self, step: Step) -> Any:
        return _add(self.root, "g", self.states.get(step.id, ""), data_element=step.id)

    def _body(self, group: Any, step: Step, box: Box) -> None:
        dash = {"stroke_dasharray": "2 3"} if step.is_event_sub_process else {}
        _add(group, "rect", "s call" if step.kind == "callActivity" else "s", rx="8", **_rect(box), **dash)
        if step.kind == "transaction":
            x, y, w, h = box
            _add(group, "rect", "f", rx="6", **_rect((x + 3, y + 3, w - 6, h - 6)))

    def _event(self, group: Any, step: Step, box: Box) -> None:
        x, y, w, h = box
        cx, cy, r = x + w / 2, y + h / 2, min(w, h) / 2
        softly = step.node.get("cancelActivity") == "false" or step.node.get("isInterrupting") == "false"
        dash = {"stroke_dasharray": "4 3"} if softly else {}
        _add(
            group,
            "circle",
            "s end" if step.kind == "endEvent" else "s",
            cx=_number(cx),
            cy=_number(cy),
            r=_number(r - (1.5 if step.kind == "endEvent" else 0)),
            **dash,
        )
        if step.kind.startswith("intermediate") or step.kind == "boundaryEvent":
            _add(group, "circle", "f", cx=_number(cx), cy=_number(cy), r=_number(r - 3.5), **dash)
        what = step.events[0] if len(step.events) == 1 else "multiple" if step.events else ""
        if what in EVENTS:
            throws = step.kind in ("endEvent", "intermediateThrowEvent") or what == "terminate"
            _add(
                group,
                "path",
                "ar" if throws and what not in ("timer", "conditional") else "f",
                d=EVENTS[what],
                transform=f"translate({_number(cx)} {_number(cy)}) scale({_number(r / 18)})",
            )

    def _gateway(self, group: Any, step: Step, box: Box) -> None:
        x, y, w, h = box
        cx, cy = x + w / 2, y + h / 2
        corners = " ".join(f"{_number(a)} {_number(b)}" for a, b in ((cx, y), (x + w, cy), (cx, y + h), (x, cy)))
        _add(group, "path", "s", d=f"M{corners}z")
        sign = MARKERS.get(step.kind)
        if sign:
            _add(group, "path", "f b", d=sign, transform=f"translate({_number(cx)} {_number(cy)}) scale({_number(w / 50)})")

    def _markers(self, group: Any, step: Step, box: Box, closed: bool) -> None:
        found = ["closed"] if closed else []
        for child in step.node:
            if kind(child) == "standardLoopCharacteristics":
                found.append("loop")
            if kind(child) == "multiInstanceLoopCharacteristics":
                found.append("sequential" if child.get("isSequential") == "true" else "parallel")
        if step.compensates:
            found.append("compensate")
        if step.kind == "adHocSubProcess":
            found.append("adHoc")
        x, y, w, h = box
        for number, name in enumerate(found):
            at = x + w / 2 + (number - (len(found) - 1) / 2) * 18
            _add(group, "path", "f", d=MARKERS[name], transform=f"translate({_number(at)} {_number(y + h - 10)})")

    def _artifact(self, node: Any, box: Box) -> None:
        x, y, w, h = box
        group = _add(self.root, "g", "", data_element=node.get("id"))
        if kind(node) == "textAnnotation":
            _add(group, "path", "f", d=f"M{_number(x + 10)} {_number(y)}h-10v{_number(h)}h10")
            said = " ".join("".join(part.itertext()) for part in node if kind(part) == "text")
            self._lines_of_text(group, said, (x + 8, y, w - 8, h), _NAME, "sm")
        elif kind(node) == "group":
            _add(group, "rect", "f", rx="8", stroke_dasharray="8 3 2 3", **_rect(box))
        elif kind(node) == "dataObjectReference":
            _add(group, "path", "s", d=f"M{_number(x)} {_number(y)}h{_number(w - 10)}l10 10v{_number(h - 10)}h{_number(-w)}z")
        else:
            half, whole = _number(w / 2), _number(w)
            lid = f"a{half} 7 0 0 1 {whole} 0"
            barrel = f"v{_number(h - 14)}a{half} 7 0 0 1 {_number(-w)} 0z"
            _add(group, "path", "s", d=f"M{_number(x)} {_number(y + 7)}{lid}{barrel}a{half} 7 0 0 0 {whole} 0")

    def _state(self, group: Any, name: str, box: Box) -> None:
        """Not by colour alone: what is done has a tick."""
        x, y, w, h = box
        if self.states.get(name) == "done":
            corner = (x + w - 9, y + 14) if h > 60 else (x + w - 6, y + h - 4) if w > 40 else (x + w - 5, y)
            _add(group, "text", "n", x=_number(corner[0]), y=_number(corner[1])).text = "✓"
        if name in self.tags:
            width = max(w, text_width(self.tags[name], _LABEL) + 12)
            _add(group, "rect", "tag", rx="3", **_rect((x + w / 2 - width / 2, y + h + 4, width, 18)))
            _add(group, "text", "sm tagt", x=_number(x + w / 2), y=_number(y + h + 17)).text = self.tags[name]

    # --- names ----------------------------------------------------------------------------------------------------------
    def _labels(self) -> None:
        for name, node in self.nodes.items():
            what, said = kind(node), node.get("name") or ""
            outside = what.endswith(("Event", "Gateway", "Flow")) or what in ("dataObjectReference", "dataStoreReference")
            box = self._label_box(name, said) if said and outside else None
            if box:
                self._lines_of_text(self.root, said, box, _LABEL, "sm")

    def _label_box(self, name: str, said: str) -> Box | None:
        """Where the drawing says, else below the shape, or at the middle of the line."""
        if name in self.drawn.labels and (name in self.drawn.boxes or name in self.drawn.lines):
            return self.drawn.labels[name]
        width = min(92.0, text_width(said, _LABEL) + 4)
        height = 14.0 * len(wrap(said, width, _LABEL))
        if name in self.drawn.boxes:
            x, y, w, h = self.drawn.boxes[name]
            return (x + w / 2 - width / 2, y + h + 4, width, height)
        if name in self.drawn.lines:
            points = self.drawn.lines[name]
            (x1, y1), (x2, y2) = max(pairwise(points), key=lambda pair: abs(pair[0][0] - pair[1][0]) + abs(pair[0][1] - pair[1][1]))
            return ((x1 + x2) / 2 - width / 2, (y1 + y2) / 2 - height - 2, width, height)
        return None

    def _lines_of_text(self, parent: Any, said: str, box: Box, size: int, name: str) -> None:
        if not said:
            return
        x, y, w, h = box
        lines, step = wrap(said, w, size), size + 3
        first = y + h / 2 - (len(lines) - 1) * step / 2 + size * 0.36
        element = _add(parent, "text", name, x=_number(x + w / 2), y=_number(first))
        if len(lines) == 1:
            element.text = lines[0]
            return
        for number, line in enumerate(lines):
            _add(element, "tspan", "", x=_number(x + w / 2), y=_number(first + number * step)).text = line


def wrap(text: str, width: float, size: float) -> list[str]:
    """-> the text in lines no wider than `width`, of even length: between Chinese characters anywhere, else between words."""
    whole = text_width(" ".join(text.split()), size)
    count = max(1, -(-int(whole) // max(int(width), int(size))))
    for aim in (whole / count + size / 2, width):
        lines = _filled(text, min(width, aim), size)
        if len(lines) <= count:
            return lines
    return lines


def _filled(text: str, width: float, size: float) -> list[str]:
    lines, line = [], ""
    for piece in _pieces(text):
        if line and text_width((line + piece).strip(), size) > width + 0.01 and piece not in "，。、；：！？）》”":
            lines.append(line.strip())
            line = ""
        line += piece
    return [*lines, line.strip()] if line.strip() or not lines else lines


def _pieces(text: str) -> list[str]:
    pieces: list[str] = []
    for char in " ".join(text.split()):
        joins = pieces and char.isascii() and pieces[-1][-1:].isascii() and pieces[-1][-1:] != " " and char != " "
        if joins or (char == " " and pieces):
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def _add(parent: Any, tag: str, name: str, **attributes: str) -> Any:
    element = etree.SubElement(parent, tag)
    if name:
        element.set("class", name)
    for key, value in attributes.items():
        element.set(key.replace("_", "-"), value)
    return element


def _rect(box: Box) -> dict[str, str]:
    return dict(zip(("x", "y", "width", "height"), map(_number, (box[0], box[1], max(0, box[2]), max(0, box[3]))), strict=True))


def _direction(points: list[tuple[float, float]]) -> tuple[float, float]:
    (x1, y1), (x2, y2) = points
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5 or 1.0
    return (x2 - x1) / length, (y2 - y1) / length


def _arrow(points: list[tuple[float, float]]) -> str:
    dx, dy = _direction(points[-2:])
    x, y = points[-1]
    corners = [(x, y), (x - 9 * dx + 5 * dy, y - 9 * dy - 5 * dx), (x - 9 * dx - 5 * dy, y - 9 * dy + 5 * dx)]
    return "M" + " ".join(f"{_number(a)} {_number(b)}" for a, b in corners) + "z"


def _slash(points: list[tuple[float, float]]) -> str:
    """The mark of the way that is taken when no condition holds."""
    dx, dy = _direction(points[:2])
    x, y = points[0][0] + 10 * dx, points[0][1] + 10 * dy
    ax, ay = 5 * (dx + dy), 5 * (dy - dx)
    return f"M{_number(x - ax)} {_number(y - ay)}L{_number(x + ax)} {_number(y + ay)}"


def _number(value: float) -> str:
    return f"{round(value, 1):g}" if abs(value) < 100_000 else f"{value:.0f}"
