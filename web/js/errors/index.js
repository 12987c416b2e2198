/**
 * Takes the reader of a refused form to the summary of what is wrong with it.
 *
 * Needs: [data-errors] with tabindex="-1" around the summary. Without scripts it is still the first thing on the page.
 */

const summary = document.querySelector("[data-errors]");

if (summary) {
  summary.focus();
}
