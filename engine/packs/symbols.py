"""The signs of BPMN as SVG paths: tasks in a box of 16 × 16 from its corner, events around 0, 0 in a circle of radius 18,
gateways around 0, 0 in a rhombus of 50, markers around 0, 0."""

TASKS = {
    "userTask": "M8 2a3 3 0 1 0 .01 0M2 15c0-5 2.5-6.5 6-6.5s6 1.5 6 6.5z",
    "manualTask": "M2 7l4-4h5M2 7v6h8l3-1M6 6h8v2H8M14 8.5v2H9M13.5 11v2",
    "serviceTask": "M8 5.5a2.5 2.5 0 1 0 .01 0M8 1v2.5M8 12.5V15M1 8h2.5M12.5 8H15"
    "M3 3l1.8 1.8M11.2 11.2L13 13M13 3l-1.8 1.8M4.8 11.2L3 13",
    "sendTask": "M1 3h14v10H1zM1 3l7 6 7-6",
    "receiveTask": "M1 3h14v10H1zM1 3l7 6 7-6",
    "scriptTask": "M4 2h9c-3 4 3 8 0 12H4c3-4-3-8 0-12zM6 5h5M6 8h5M7 11h5",
    "businessRuleTask": "M1 3h14v10H1zM1 6h14M1 9.5h14M5 6v7",
}
EVENTS = {
    "message": "M-9-6H9V6H-9zM-9-6L0 1 9-6",
    "timer": "M0-10a10 10 0 1 0 .01 0M0-6V0l5 3",
    "error": "M-8 8l4-15 6 8 6-9-4 15-6-8z",
    "escalation": "M0-10l7 18-7-7-7 7z",
    "signal": "M0-10L9 7H-9z",
    "conditional": "M-7-9H7V9H-7zM-4-5h8M-4-1.5h8M-4 2h8M-4 5.5h8",
    "compensate": "M-9 0l9-7V7zM0 0l9-7V7z",
    "link": "M-9-3H2v-5l8 8-8 8V3H-9z",
    "terminate": "M0-10a10 10 0 1 0 .01 0z",
    "cancel": "M-9-6l3-3 6 6 6-6 3 3-6 6 6 6-3 3-6-6-6 6-3-3 6-6z",
    "multiple": "M0-10L10-2.5 6 8.5H-6L-10-2.5z",
}
MARKERS = {
    "exclusiveGateway": "M-8-9L8 9M8-9L-8 9",
    "parallelGateway": "M-12 0H12M0-12V12",
    "inclusiveGateway": "M0-11a11 11 0 1 0 .01 0z",
    "complexGateway": "M-12 0H12M0-12V12M-8-8L8 8M8-8L-8 8",
    "eventBasedGateway": "M0-13a13 13 0 1 0 .01 0zM0-8l7.5 5.5-3 9h-9l-3-9z",
    "closed": "M-7-7H7V7H-7zM-4 0h8M0-4v8",
    "loop": "M-4 5a6 6 0 1 1 6 1M-4 5v-5M-4 5h-5",
    "parallel": "M-5-6V6M0-6V6M5-6V6",
    "sequential": "M-6-5H6M-6 0H6M-6 5H6",
    "compensate": "M-8 0l7-5V5zM-1 0l7-5V5z",
    "adHoc": "M-7 2c3-6 5-5 7-2s4 4 7-2",
}
