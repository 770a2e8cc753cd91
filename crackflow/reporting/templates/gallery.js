"use strict";
const get = (id) => document.getElementById(id);
const {fields, suffixes, rows} = JSON.parse(get("data").textContent);
const images = rows.map((row) => Object.fromEntries(fields.map((name, index) => [name, row[index]])));
const list = get("cards"), viewer = get("viewer"), tools = get("tools"), form = tools.elements, more = get("more");
const NAMES = ["sort", "kind", "source", "low", "high", "thin", "thick", "find", "layer"];
const PAGE = 36; // cards that are added at a time

const path = (kind, stem) => `${kind}/${encodeURIComponent(stem)}.${suffixes[kind]}`;
const figure = (value, digits = 3) => (value === null ? "–" : value.toFixed(digits));
// an image without the measure comes last
const by = (name, sign) => (a, b) => (a[name] === null) - (b[name] === null) || sign * (a[name] - b[name]);
const wrong = (a, b) => b.fp + b.fn - (a.fp + a.fn);
const ORDER = {
  worst: (a, b) => by("iou", 1)(a, b) || wrong(a, b),
  best: (a, b) => by("iou", -1)(a, b) || wrong(b, a),
  false: by("fp", -1), missed: by("fn", -1),
  thin: by("width", 1), thick: by("width", -1), faint: by("contrast", 1),
  name: (a, b) => (a.stem < b.stem ? -1 : Number(a.stem > b.stem)),
};
const KIND = {
  all: () => true, cracked: (one) => one.cracked, free: (one) => !one.cracked,
  alarm: (one) => !one.cracked && one.fp > 0, far: (one) => one.far, near: (one) => !one.far,
};

let chosen = [], current = null;

function within(value, low, high) {
  if (low.value === "" && high.value === "") return true;
  return value !== null && (low.value === "" || value >= Number(low.value)) && (high.value === "" || value <= Number(high.value));
}
function fits(one) {
  return KIND[form.kind.value](one) && (form.source.value === "" || form.source.value === `=${one.source}`) &&
    within(one.iou, form.low, form.high) && within(one.width, form.thin, form.thick) &&
    one.stem.toLowerCase().includes(form.find.value.toLowerCase());
}

function put(image, kind, one) {
  [image.width, image.height] = one.size; // so that a picture has its place before it is loaded
  image.src = path(kind, one.stem);
}
function card(one) {
  const item = get("card").content.cloneNode(true).querySelector("li");
  const open = item.querySelector(".open"), [facts, pixels] = item.querySelectorAll(".facts");
  open.setAttribute("aria-label", `Open ${one.stem}`);
  open.addEventListener("click", () => show(one));
  item.querySelector(".name").textContent = one.stem;
  facts.textContent = one.cracked ? `IoU ${figure(one.iou)}` : one.fp ? "crack-free, false alarm" : "crack-free, nothing marked";
  pixels.textContent = `${one.source}${one.far ? ", never seen" : ""}; false ${one.fp}, missed ${one.fn} px`;
  // small ones for a page full of them: with the photograph below, errors would be two large pictures a card
  put(item.querySelector("img"), form.layer.value === "errors" ? "thumb" : form.layer.value, one);
  return item;
}
function add(upTo) {
  const here = list.children.length;
  list.append(...chosen.slice(here, upTo).map(card));
  more.hidden = list.children.length >= chosen.length;
}
function apply() {
  chosen = images.filter(fits).sort(ORDER[form.sort.value]);
  list.replaceChildren();
  add(PAGE);
  get("shown").textContent = `${chosen.length} of ${images.length} images`;
  get("nothing").hidden = chosen.length > 0;
}
function choose() {
  apply();
  remember();
}

// The address tells what is shown: #STEM an image, #sort=...&kind=... a choice. A stem's own = and & are encoded.
function remember() {
  const state = new URLSearchParams();
  for (const name of NAMES) {
    const field = form[name], first = field.options ? field.options[0].value : "";
    if (field.value !== first) state.set(name, field.value);
  }
  history.replaceState(null, "", `#${current ? encodeURIComponent(current.stem) : state}`);
}
function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}
function restore() {
  const hash = location.hash.slice(1), one = images.find((image) => image.stem === decoded(hash));
  if (!one) {
    const state = new URLSearchParams(hash);
    for (const name of NAMES) {
      const value = state.get(name), field = form[name];
      if (value === null) continue;
      if (!field.options || [...field.options].some((option) => option.value === value)) field.value = value;
    }
  }
  apply();
  if (one) show(one);
  else if (viewer.open) viewer.close();
}

const over = () => viewer.querySelector("input[name=over]:checked").value;
function show(one) {
  current = one;
  get("stem").textContent = one.stem;
  draw();
  const numbers = [
    ["IoU", figure(one.iou)], ["precision", one.cracked ? figure(one.precision) : "–"], ["recall", one.cracked ? figure(one.recall) : "–"],
    ["false alarm", `${one.fp} px`], ["missed", `${one.fn} px`],
    ["crack width", one.width === null ? "–" : `${figure(one.width, 1)} px`],
    ["stands out", one.contrast === null ? "–" : `${(100 * one.contrast).toFixed(0)} %`],
    ["source", one.far ? `${one.source} (place never seen)` : one.source],
  ];
  get("numbers").replaceChildren(...numbers.map(([name, value]) => {
    const pair = document.createElement("div"), dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = name;
    dd.textContent = value;
    pair.append(dt, dd);
    return pair;
  }));
  if (!viewer.open) viewer.showModal();
  remember();
}
function draw() {
  const kind = over();
  put(get("under"), "photo", current);
  put(get("over"), kind, current);
  get("over").hidden = kind === "photo";
  get("under").alt = `Photograph ${current.stem}`;
  get("over").alt = {truth: "True mask", prediction: "Predicted mask", errors: "Errors: found, false alarm, missed"}[kind] ?? "";
  get("wipe").disabled = kind === "photo";
  get("over").style.setProperty("--cut", `${get("wipe").value}%`);
}
function step(by) {
  const one = chosen[chosen.indexOf(current) + by];
  if (one) show(one);
}
function move(by) {
  const cards = [...list.children], at = cards.indexOf(document.activeElement.closest(".card"));
  const to = cards[Math.min(Math.max(at + by, 0), cards.length - 1)];
  if (to) to.querySelector(".open").focus();
}

viewer.addEventListener("close", () => {
  const at = chosen.indexOf(current);
  current = null;
  remember();
  add(at + 1);
  if (at >= 0) list.children[at].querySelector(".open").focus();
});
viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
viewer.addEventListener("input", draw);
get("previous").addEventListener("click", () => step(-1));
get("next").addEventListener("click", () => step(1));
get("close").addEventListener("click", () => viewer.close());
more.addEventListener("click", () => {
  const at = list.children.length;
  add(at + PAGE);
  list.children[at].querySelector(".open").focus();
});
const watch = new IntersectionObserver(([seen]) => {
  if (!seen.isIntersecting) return;
  add(list.children.length + PAGE);
  watch.unobserve(more); // and again, or a button that stays near the window would report no change
  watch.observe(more);
}, {rootMargin: "800px"});
watch.observe(more);
tools.addEventListener("input", choose);
tools.addEventListener("reset", () => setTimeout(choose)); // after the fields are as they were
tools.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=radio]), select")) return;
  const way = {ArrowRight: 1, ArrowLeft: -1}[event.key], layer = viewer.querySelectorAll("input[name=over]")["1234".indexOf(event.key)];
  if (viewer.open && way && event.target.type !== "radio") step(way);
  else if (viewer.open && layer) { layer.checked = true; draw(); }
  else if (!viewer.open && way) move(way);
  else if (!viewer.open && event.key === "/") form.find.focus();
  else return;
  event.preventDefault();
});
window.addEventListener("hashchange", restore);
restore();
