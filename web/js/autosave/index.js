/**
 * Keeps a draft of what is being typed, so that a closed window or a dead battery costs two seconds of work.
 *
 * Needs: form[data-autosave="URL"] with its CSRF token among its fields, and [data-autosave-state], inside or outside of
 * the form. POSTs the form's fields, without files, to the URL when nothing has been typed for two seconds and when the
 * page goes out of sight. Any 2xx answer means saved; any other is said in words and tried again with the next change,
 * or after a quarter of a minute. It never holds up the form's own buttons.
 */

import { fill, gettext } from "../words/index.js";

const QUIET = 2000;
const PATIENCE = 15000;

for (const form of document.querySelectorAll("form[data-autosave]")) {
  start(form, form.querySelector("[data-autosave-state]") || document.querySelector("[data-autosave-state]"));
}

function start(form, state) {
  let saved = fingerprint(form);
  let timer = null;
  let turn = Promise.resolve();

  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(now, QUIET);
  };
  // One after the other, so that an older draft never arrives after a newer one.
  const now = () => {
    clearTimeout(timer);
    turn = turn.then(save);
  };

  async function save() {
    const fields = fingerprint(form);
    if (fields === saved) {
      return;
    }
    try {
      const answer = await fetch(form.dataset.autosave, {
        method: "POST",
        body: new URLSearchParams(fields),
        credentials: "same-origin",
        redirect: "error",
        keepalive: fields.length < 60000, // also when the page is being left; browsers allow it no more than that
      });
      if (!answer.ok) {
        throw new Error(String(answer.status));
      }
      saved = fields;
      tell(gettext("Saved at {time}"));
    } catch {
      tell(gettext("Not saved at {time}: your text is still on this page. It will be tried again."));
      clearTimeout(timer);
      timer = setTimeout(now, PATIENCE);
    }
  }

  function tell(sentence) {
    if (state) {
      state.textContent = fill(sentence, { time: clock() });
      state.hidden = false;
    }
  }

  form.addEventListener("input", later);
  form.addEventListener("change", later);
  form.addEventListener("submit", () => clearTimeout(timer));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      now();
    }
  });
}

function fingerprint(form) {
  const fields = [...new FormData(form)].filter(([, value]) => typeof value === "string");
  return new URLSearchParams(fields).toString();
}

function clock() {
  return new Date().toLocaleTimeString(document.documentElement.lang || undefined, {
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  });
}
