"use strict";
const pictures = JSON.parse(document.getElementById("pictures").textContent);
const facts = JSON.parse(document.getElementById("pairs").textContent);
const pairs = [...document.querySelectorAll(".pair")];
const selects = { op: document.getElementById("op"), state: document.getElementById("state"), words: document.getElementById("words") };
const layers = { m: "target", r: "regions", d: "foreign" };
let current = -1;

for (const image of document.querySelectorAll("img[data-picture]")) image.src = pictures[image.dataset.picture];

function passes(fact) {
  const { op, state, words } = Object.fromEntries(Object.entries(selects).map(([name, select]) => [name, select.value]));
  if (op && fact.op !== op) return false;
  if (state === "altered" && !fact.accepted) return false;
  if (state === "alone" && fact.accepted) return false;
  if (state.startsWith("because ") && !fact.reasons.includes(state.slice(8))) return false;
  if (words === "changed" && !fact.changed) return false;
  if (words === "same" && fact.changed) return false;
  return !words.startsWith("word ") || fact.words.includes(words.slice(5));
}

function filter() {
  let shown = 0;
  pairs.forEach((pair, index) => {
    pair.hidden = !passes(facts[index]);
    shown += !pair.hidden;
  });
  document.getElementById("count").textContent = `${shown} of ${pairs.length} pairs`;
  document.getElementById("nothing").hidden = shown > 0;
  if (current >= 0 && pairs[current].hidden) leave();
}

function leave() {
  if (current >= 0) pairs[current].removeAttribute("aria-current");
  current = -1;
}

function goTo(index) {
  leave();
  current = index;
  pairs[index].setAttribute("aria-current", "true");
  pairs[index].focus({ preventScroll: true });
  pairs[index].scrollIntoView({ block: "center" });
}

function move(step) {
  let index = current < 0 && step < 0 ? pairs.length : current;
  do index += step; while (index >= 0 && index < pairs.length && pairs[index].hidden);
  if (index >= 0 && index < pairs.length) goTo(index);
}

function cycle(select, step, first = 0, last = select.options.length - 1) {
  const within = select.selectedIndex >= first && select.selectedIndex <= last;
  const next = within ? select.selectedIndex + step : step > 0 ? first : last;
  select.selectedIndex = next > last || next < first ? 0 : next;
  filter();
}

function show(layer, visible) {
  document.body.classList.toggle(`no-${layer}`, !visible);
}

function clear() {
  for (const select of Object.values(selects)) select.selectedIndex = 0;
  filter();
}

const keys = {
  ArrowRight: () => move(1),
  ArrowDown: () => move(1),
  ArrowLeft: () => move(-1),
  ArrowUp: () => move(-1),
  o: () => cycle(selects.op, 1),
  a: () => cycle(selects.state, 1, 0, 2),
  c: () => cycle(selects.words, 1, 0, 2),
  w: () => cycle(selects.words, 1, 3),
  W: () => cycle(selects.words, -1, 3),
  Escape: clear,
};
for (const [key, layer] of Object.entries(layers)) {
  const box = document.getElementById(`show-${layer}`);
  if (!box) continue;
  box.addEventListener("change", () => show(layer, box.checked));
  keys[key] = () => box.click();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("select, input, summary");
  if (event.ctrlKey || event.altKey || event.metaKey || (typing && event.key !== "Escape")) return;
  if (!(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
});
for (const select of Object.values(selects)) select.addEventListener("change", filter);
document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
document.getElementById("clear").addEventListener("click", (event) => {
  event.preventDefault();
  clear();
});
pairs.forEach((pair, index) => pair.addEventListener("click", () => goTo(index)));
for (const button of document.querySelectorAll("button[data-op]")) {
  button.addEventListener("click", () => {
    selects.op.value = button.dataset.op;
    filter();
  });
}
clear();
