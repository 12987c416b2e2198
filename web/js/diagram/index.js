/**
 * Shows a procedure's diagram with what is done, where the matter stands and what failed.
 *
 * Needs: [data-diagram="URL of the BPMN XML"] around the diagram that the server drew, and in it
 * <script type="application/json" data-diagram-state>{"done": [ids], "now": [ids], "bad": [ids]}</script>.
 * The server's drawing is replaced only when the model has been read and drawn; if that fails, it simply stays.
 *
 * The sheet scrolls as the page does, by finger, wheel and arrow keys, which the viewer's own navigation could not; so
 * the plain viewer is used. Its watermark stays in the corner of the frame, where it is always in sight.
 */

import Viewer from "bpmn-js/lib/Viewer";

import { gettext } from "../words/index.js";
import "./diagram.css";

const MARGIN = 20;
const STEP = 1.25;
const SMALLEST = 0.2;
const LARGEST = 3;

for (const host of document.querySelectorAll("[data-diagram]")) {
  show(host).catch((error) => console.warn(`diagram: ${error.message}`));
}

async function show(host) {
  const answer = await fetch(host.dataset.diagram, { credentials: "same-origin" });
  if (!answer.ok) {
    throw new Error(`${host.dataset.diagram}: ${answer.status}`);
  }
  const xml = await answer.text();
  const described = host.getAttribute("aria-label") || gettext("Diagram of the procedure");
  const script = host.querySelector("script[data-diagram-state]");
  const state = script ? JSON.parse(script.textContent) : {};

  const sheet = element("div", "y-canvas-sheet");
  const scroller = element("div", "y-canvas-scroll", { tabindex: "0", role: "group", "aria-label": described });
  const frame = element("div", "y-canvas");
  scroller.append(sheet);
  frame.append(scroller);

  // Hidden until it is complete: the viewer needs a place in the page to measure itself.
  frame.classList.add("y-canvas-loading");
  host.append(frame);
  const { fontFamily } = getComputedStyle(frame); // by name, since text is measured where nothing can be inherited
  const viewer = new Viewer({
    container: sheet,
    bpmnRenderer: { defaultFillColor: "var(--sheet)", defaultStrokeColor: "var(--ink-2)", defaultLabelColor: "var(--ink)" },
    textRenderer: { defaultStyle: { fontFamily }, externalStyle: { fontFamily } },
  });
  try {
    await viewer.importXML(xml);
  } catch (error) {
    viewer.destroy();
    frame.remove();
    throw error;
  }
  mark(viewer, state);
  frame.append(frame.querySelector(".bjs-powered-by"));
  for (const child of [...host.children]) {
    if (child !== frame && child !== script) {
      child.remove();
    }
  }
  host.classList.remove("y-dia");
  for (const name of ["tabindex", "role", "aria-label"]) {
    host.removeAttribute(name); // they belong to the part that scrolls
  }
  frame.classList.remove("y-canvas-loading");
  const size = sizing(viewer, scroller, sheet);
  frame.prepend(
    toolbar([
      [gettext("Zoom in"), () => size.zoom(STEP)],
      [gettext("Zoom out"), () => size.zoom(1 / STEP)],
      [gettext("Fit to width"), size.fit],
    ]),
  );
  size.start((state.now || [])[0]);
}

function mark(viewer, state) {
  const canvas = viewer.get("canvas");
  const registry = viewer.get("elementRegistry");
  for (const marker of ["done", "now", "bad"]) {
    for (const id of state[marker] || []) {
      if (registry.get(id)) {
        canvas.addMarker(id, marker);
      }
    }
  }
}

/** The sheet is as large as the drawing at the present scale; the scroller shows a part of it. */
function sizing(viewer, scroller, sheet) {
  const canvas = viewer.get("canvas");
  let scale = 1;

  const drawing = () => {
    const { x, y, width, height } = canvas.getActiveLayer().getBBox();
    return { x: x - MARGIN, y: y - MARGIN, width: width + 2 * MARGIN, height: height + 2 * MARGIN };
  };
  const apply = (wanted) => {
    const box = drawing();
    const middle = {
      x: (scroller.scrollLeft + scroller.clientWidth / 2) / scale,
      y: (scroller.scrollTop + scroller.clientHeight / 2) / scale,
    };
    scale = Math.min(LARGEST, Math.max(SMALLEST, wanted));
    sheet.style.width = `${box.width * scale}px`;
    sheet.style.height = `${box.height * scale}px`;
    canvas.resized();
    canvas.viewbox(box);
    scroller.scrollLeft = middle.x * scale - scroller.clientWidth / 2;
    scroller.scrollTop = middle.y * scale - scroller.clientHeight / 2;
  };
  const fit = () => apply(scroller.clientWidth / drawing().width);

  return {
    fit,
    zoom: (factor) => apply(scale * factor),
    start(id) {
      apply(1);
      viewer.on("root.set", fit);
      const here = id && viewer.get("elementRegistry").get(id);
      if (here && here.width && canvas.findRoot(here) === canvas.getRootElement()) {
        const box = drawing();
        scroller.scrollLeft = (here.x + here.width / 2 - box.x) * scale - scroller.clientWidth / 2;
        scroller.scrollTop = (here.y + here.height / 2 - box.y) * scale - scroller.clientHeight / 2;
      }
    },
  };
}

function toolbar(buttons) {
  const bar = element("div", "y-acts y-canvas-tools");
  for (const [label, act] of buttons) {
    const button = element("button", "btn", { type: "button" });
    button.textContent = label;
    button.addEventListener("click", act);
    bar.append(button);
  }
  return bar;
}

function element(name, classes, attributes = {}) {
  const made = document.createElement(name);
  made.className = classes;
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  return made;
}
