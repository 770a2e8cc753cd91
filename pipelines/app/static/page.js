"use strict";
// The page of `crackflow app`. Names of photographs are words of strangers: they are set as text, never as HTML.

const get = (id) => document.getElementById(id);
const make = (tag, text = "", cls = "") => Object.assign(document.createElement(tag), {textContent: text, className: cls});

// The address holds the token where no server sees it. It is kept for reloads of this tab, and taken out of sight.
const KEY = "crackflow-token";
const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  sessionStorage.setItem(KEY, given);
  history.replaceState(null, "", "/");
}
const token = sessionStorage.getItem(KEY) || "";

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch("/api/" + path, {...options, headers: {Authorization: "Bearer " + token}});
  } catch {
    throw new Error("crackflow app does not answer; start it again, and open the address that it prints");
  }
  if (!answer.ok) {
    const text = await answer.text();
    let said = text;
    try { said = JSON.parse(text).error; } catch { /* plain words */ }
    throw new Error(said || `the request failed (${answer.status})`);
  }
  return answer;
}

const fault = (error) => { get("fault").textContent = error ? error.message : ""; };

// what the server said last; which photograph is shown, and which answer about it
let state = {photos: [], limits: {photographs: 0, bytes: 0}, endings: []};
let current = null, shown = "", detail = null, pictures = [];
let uploads = 0, skipped = [];

// as crackflow/results/millimetres.py writes a length: at least two digits that count
const inMm = (mm, digits) => `${mm.toFixed(mm > 0 ? Math.min(20, Math.max(digits, 1 - Math.floor(Math.log10(mm)))) : digits)} mm`;

// photographs that are sent

async function send(files) {
  const wanted = [...files];
  // dropped before the server said what it takes, or without a token
  if (!state.model) await look();
  if (!state.model) return;
  fault();
  skipped = [];
  uploads += wanted.length;
  for (const file of wanted) {
    try {
      if (!state.endings.some((ending) => file.name.toLowerCase().endsWith(ending)))
        throw new Error(`${file.name} is no photograph; expected a file that ends in ${state.endings.join(", ")}`);
      if (file.size > state.limits.bytes)
        throw new Error(`${file.name} is larger than ${state.limits.bytes / 2 ** 20} MiB; use crackflow predict for it`);
      const answer = await ask("photos?name=" + encodeURIComponent(file.name), {method: "PUT", body: file});
      const photo = await answer.json();
      if (current === null) current = photo.number;
    } catch (error) {
      skipped.push(error.message);
    }
    uploads -= 1;
    await look();
  }
  if (skipped.length)
    fault(new Error(skipped.length === 1 ? `Not sent: ${skipped[0]}` : `${skipped.length} not sent; the first: ${skipped[0]}`));
}

get("files").addEventListener("change", (event) => { send(event.target.files).catch(fault); event.target.value = ""; });
const drop = get("drop");
for (const name of ["dragenter", "dragover"])
  document.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over-it"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over-it"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over-it");
  if (event.dataTransfer.files.length) send(event.dataTransfer.files).catch(fault);
});

// what the server says

const busy = () => state.photos.some((photo) => ["arriving", "waiting", "working"].includes(photo.state));
let timer = 0;

async function look() {
  clearTimeout(timer);
  try {
    state = await (await ask("state")).json();
    showState();
    await showCurrent();
  } catch (error) { fault(error); return; }
  if (busy() || uploads) timer = setTimeout(look, 700);
}

function showState() {
  get("model").textContent = `Model: ${state.model}. crackflow ${state.version}. The photographs stay on this machine.`;
  get("terms").textContent = state.terms ? `Terms: ${state.terms}` : "";
  get("terms").hidden = !state.terms;
  get("limits").textContent = `Up to ${state.limits.photographs} photographs of at most ${state.limits.bytes / 2 ** 20} MiB each.`;
  const count = (name) => state.photos.filter((photo) => photo.state === name).length;
  const left = count("arriving") + count("waiting") + count("working") + uploads;
  const parts = [`${count("done")} done`];
  if (count("failed")) parts.push(`${count("failed")} failed`);
  if (left) parts.push(`${left} to do (squares looked at so far: ${state.squares})`);
  get("status").textContent = state.photos.length || left ? `Photographs: ${parts.join(", ")}.` : "";
  get("columns").hidden = !state.photos.length;
  for (const button of document.querySelectorAll("[data-file]")) button.disabled = !count("done") || left > 0;
  if (!state.photos.some((photo) => photo.number === current)) current = state.photos[0]?.number ?? null;
  showList();
}

function words(photo) {
  if (photo.state === "failed") return photo.reason;
  if (photo.state !== "done") return photo.state;
  if (!photo.cracks) return "no crack";
  const width = photo.mm_per_px === null ? `${photo.width_p95_px.toFixed(1)} px` : inMm(photo.width_p95_mm, 2);
  return `${photo.cracks} crack${photo.cracks === 1 ? "" : "s"}, widest ${width} (${photo.width_class})`;
}

function showList() {
  const list = get("list");
  const known = new Map([...list.children].map((row) => [Number(row.dataset.number), row]));
  const rows = state.photos.map((photo) => {
    const row = known.get(photo.number) || make("li");
    if (!row.firstChild) {
      row.dataset.number = photo.number;
      const button = make("button");
      button.type = "button";
      button.append(make("span", photo.name), make("small"));
      button.addEventListener("click", () => { current = photo.number; fault(); showList(); showCurrent().catch(fault); });
      row.append(button);
    }
    row.className = photo.state;
    const text = row.querySelector("small"), said = words(photo);
    if (text.textContent !== said) text.textContent = said;
    row.firstChild.setAttribute("aria-current", String(photo.number === current));
    return row;
  });
  // only where it changes, so that the focus stays
  if (rows.length !== list.children.length || rows.some((row, index) => list.children[index] !== row)) list.replaceChildren(...rows);
}

// one photograph

async function showCurrent() {
  const photo = state.photos.find((one) => one.number === current);
  get("viewer").hidden = !photo;
  if (!photo) { shown = ""; return; }
  const version = `${photo.number} ${photo.state} ${photo.mm_per_px}`;
  if (version === shown) return;
  const other = !shown.startsWith(`${photo.number} `);
  shown = version;
  get("name").textContent = photo.name;
  if (other) forget();
  if (photo.state !== "done") {
    get("facts").textContent = words(photo);
    usable(false);
    return;
  }
  try {
    await showDone(photo, version);
  } catch (error) {
    // so that the next look asks again
    if (shown === version) shown = "";
    throw error;
  }
}

// Nothing of one photograph is seen or set while another's answers are on their way.
function forget() {
  detail = null;
  usable(false);
  clearRuler();
  get("stack").hidden = true;
  get("mm").value = get("facts").textContent = get("more").textContent = "";
  get("rows").replaceChildren();
  get("scroll").hidden = true;
}

async function showDone(photo, version) {
  const found = await (await ask(`photos/${photo.number}`)).json();
  if (shown !== version) return;
  if (!detail) {
    const both = await Promise.all(["plain", "painted"].map(async (name) => (await ask(`photos/${photo.number}/${name}`)).blob()));
    if (shown !== version) return;
    showPictures(found, both);
  }
  detail = found;
  usable(true);
  const scale = found.mm_per_px === null ? "no scale" : `${found.mm_per_px.toPrecision(4)} mm per px`;
  const long = found.mm_per_px === null ? `${found.total_length_px.toFixed(0)} px` : inMm(found.total_length_mm, 0);
  get("facts").textContent = `${found.photo_width_px} x ${found.photo_height_px} px; ${scale}; `
    + `${found.cracks} crack${found.cracks === 1 ? "" : "s"}, ${long} long in all; ${(100 * found.crack_share).toFixed(3)} % of the area is crack.`;
  get("lines").setAttribute("viewBox", `0 0 ${found.photo_width_px} ${found.photo_height_px}`);
  get("mm").value = found.wanted_mm_per_px ?? "";
  showRows(found);
}

function usable(yes) {
  for (const one of document.querySelectorAll(".scale input, .scale button")) one.disabled = !yes;
}

function showPictures(found, both) {
  for (const old of pictures) URL.revokeObjectURL(old);
  pictures = both.map((blob) => URL.createObjectURL(blob));
  get("plain").src = pictures[0];
  get("painted").src = pictures[1];
  get("plain").alt = `${found.name} as it is`;
  get("painted").alt = `${found.name} with its cracks painted`;
  get("stack").hidden = false;
}

function showRows(found) {
  const length = (row, name, digits) => row[`${name}_mm`] === null || row[`${name}_mm`] === undefined
    ? `${row[`${name}_px`].toFixed(digits)} px` : inMm(row[`${name}_mm`], digits ? 2 : 0);
  get("rows").replaceChildren(...found.rows.map((crack) => {
    const row = make("tr"), first = make("td"), button = make("button", String(crack.crack));
    button.type = "button";
    button.setAttribute("aria-label", `Show crack ${crack.crack}`);
    button.addEventListener("click", () => frame(crack));
    first.append(button);
    row.append(first, make("td", length(crack, "length", 0), "n"), make("td", length(crack, "width_mean", 1), "n"),
      make("td", length(crack, "width_p95", 1), "n"), make("td", length(crack, "width_max", 1), "n"),
      make("td", crack.width_kind === "optical" ? "in the photograph" : "in the mask"), make("td", crack.width_class));
    return row;
  }));
  get("scroll").hidden = !found.rows.length;
  get("more").textContent = found.more ? `${found.more} more in cracks.csv.` : found.rows.length ? "" : "No crack was found.";
}

function frame(crack) {
  const box = get("box"), rim = Math.max(4, detail.photo_width_px / 100);
  for (const [name, value] of Object.entries({
    x: crack.left_px - rim, y: crack.top_px - rim, width: crack.box_width_px + 2 * rim, height: crack.box_height_px + 2 * rim,
  })) box.setAttribute(name, value);
  get("stack").scrollIntoView({block: "nearest"});
}

get("wipe").addEventListener("input", (event) => get("painted").style.setProperty("--cut", event.target.value + "%"));

// the scale

const ends = ["x0", "y0", "x1", "y1"];
const rulerPx = () => {
  const [x0, y0, x1, y1] = ends.map((id) => get(id).valueAsNumber);
  return Math.hypot(x1 - x0, y1 - y0);
};

function showRuler() {
  const ruler = get("ruler"), values = ends.map((id) => get(id).valueAsNumber);
  ["x1", "y1", "x2", "y2"].forEach((name, index) => ruler.setAttribute(name, values.every(Number.isFinite) ? values[index] : 0));
  const px = rulerPx(), mm = get("known").valueAsNumber;
  if (px > 0 && mm > 0) get("mm").value = Number((mm / px).toPrecision(6));
}
function clearRuler() {
  for (const id of [...ends, "known"]) get(id).value = "";
  for (const name of ["x", "y", "width", "height"]) get("box").setAttribute(name, 0);
  showRuler();
}
for (const id of [...ends, "known"]) get(id).addEventListener("input", showRuler);

const stack = get("stack");
function place(event) {
  const box = stack.getBoundingClientRect();
  const along = (at, from, length, px) => Math.round(10 * Math.min(1, Math.max(0, (at - from) / length)) * px) / 10;
  return [along(event.clientX, box.left, box.width, detail.photo_width_px), along(event.clientY, box.top, box.height, detail.photo_height_px)];
}
stack.addEventListener("pointerdown", (event) => {
  if (!detail || event.button) return;
  event.preventDefault();
  stack.setPointerCapture(event.pointerId);
  [get("x0").value, get("y0").value] = place(event);
  [get("x1").value, get("y1").value] = place(event);
  showRuler();
});
stack.addEventListener("pointermove", (event) => {
  if (!detail || !stack.hasPointerCapture(event.pointerId)) return;
  [get("x1").value, get("y1").value] = place(event);
  showRuler();
});

async function setScale(photos, value) {
  fault();
  for (const photo of photos)
    await ask(`photos/${photo.number}/scale`, {method: "PUT", body: JSON.stringify({mm_per_px: value})});
  await look();
}
function typed() {
  const value = get("mm").valueAsNumber;
  if (!(value > 0)) throw new Error("Say what a pixel measures first: draw a line and type its length, or type mm per px.");
  return value;
}
const onClick = (id, work) => get(id).addEventListener("click", () => { Promise.resolve().then(work).catch(fault); });
onClick("set", () => setScale([detail], typed()));
onClick("set-all", () => setScale(state.photos, typed()));
onClick("no-scale", () => { clearRuler(); return setScale([detail], null); });
onClick("remove", async () => {
  await ask(`photos/${current}`, {method: "DELETE"});
  current = null;
  shown = "";
  await look();
  (get("list").querySelector("button") || get("files")).focus();
});

// downloads

for (const button of document.querySelectorAll("[data-file]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const blob = await (await ask("download/" + button.dataset.file)).blob();
      const link = make("a");
      link.href = URL.createObjectURL(blob);
      link.download = button.dataset.file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      fault();
    } catch (error) { fault(error); }
    button.disabled = false;
    button.focus();
  });
}

look();
