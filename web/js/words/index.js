/**
 * The words of the page's language, for what scripts say.
 *
 * Needs: <script type="application/json" id="words">{"English sentence": "its translation"}</script>; a sentence that is
 * not in it, or a page without it, stays English. Which sentences there are: `words.json` beside the bundles.
 */

const element = document.getElementById("words");
const words = element ? JSON.parse(element.textContent) : {};

/** `sentence` in the page's language. */
export function gettext(sentence) {
  return words[sentence] || sentence;
}

/** `sentence` with each `{name}` in it replaced by `values.name`. */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (place, name) => (name in values ? values[name] : place));
}
