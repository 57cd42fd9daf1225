const STATE = 3000;         // milliseconds between looks at what other viewers changed
const RETRY = 1500;
const GROUPS = 20;          // shown at first, and more of as the page is scrolled
const PICTURES = 12;        // of a group that is not opened

const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
let state = { classes: [], undo: null, left: 0, run: "", revision: -1 };
let groups = [];            // { label, pictures: [{ id, file, share, corrected, group }], open, section }
let byId = new Map();
let shown = GROUPS;
let current = null;         // the picture at the cursor
let busy = false;
const selected = new Set();
const buttons = new Map();  // of the thumbnails, by picture

function button(text, name, act) {
  const element = part("button", text, name);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

const names = () => state.classes.map(one => one.name);

function chooser(text, act) {
  const select = part("select");
  select.setAttribute("aria-label", text);
  select.append(part("option", text), ...names().map(name => part("option", name)));
  select.addEventListener("change", () => {
    const name = select.value, chosen = select.selectedIndex > 0;
    select.selectedIndex = 0;
    if (chosen) act(name);
  });
  return select;
}

// What is asked for

async function answer(path, options) {
  const found = await fetch(path, { cache: "no-store", ...options });
  if (!found.ok) throw new Error((await found.text()) || `The server answers with error ${found.status}.`);
  return found.json();
}

async function change(asked) {
  if (busy) return null;
  busy = true;
  const before = state.revision;
  try {
    const found = await answer("change", { method: "POST", headers: { "X-Edgetl": "1" }, body: JSON.stringify({ run: state.run, ...asked }) });
    if (found.gone && found.revision === before + 1) remove(found);
    else await load();
    return found;
  } catch (error) {
    await load().catch(() => {});
    say(error instanceof TypeError ? "edgetl has stopped, or this device cannot reach it." : error.message, true);
    return null;
  } finally {
    busy = false;
  }
}

async function load() {
  const found = await answer("pictures");
  const open = new Set(groups.filter(one => one.open).map(one => one.pictures[0] && one.pictures[0].id));
  state = found;
  byId = new Map();
  groups = found.groups.map(one => {
    const group = { label: one.class, open: false, section: null };
    group.pictures = one.pictures.map(([id, file, share, corrected]) => ({ id, file, share, corrected, group }));
    for (const picture of group.pictures) byId.set(picture.id, picture);
    group.open = group.pictures.some(picture => open.has(picture.id));
    return group;
  });
  for (const id of [...selected]) if (!byId.has(id)) selected.delete(id);
  current = current && byId.get(current.id) || null;
  $("groups").replaceChildren();
  draw();
}

function remove(found) {
  state = { ...state, ...found };
  const touched = new Set();
  for (const id of found.gone) {
    const picture = byId.get(id);
    if (!picture) continue;
    touched.add(picture.group);
    byId.delete(id);
    selected.delete(id);
    buttons.delete(id);
  }
  for (const group of touched) group.pictures = group.pictures.filter(one => byId.has(one.id));
  for (const group of touched) if (group.section) { group.section.remove(); group.section = null; }
  groups = groups.filter(one => one.pictures.length);
  draw();
}

// What is done

function targets(whole) {
  if (whole) return current ? [...current.group.pictures] : [];
  if (selected.size && !$("large").open) return [...selected].map(id => byId.get(id));
  return current ? [current] : [];
}

// The picture at which the cursor is once these have gone.
function following(pictures) {
  const gone = new Set(pictures);
  const all = groups.flatMap(one => one.pictures);
  const at = all.findIndex(one => gone.has(one));
  return all.slice(at).find(one => !gone.has(one)) || all.slice(0, at).reverse().find(one => !gone.has(one)) || null;
}

async function act(pictures, asked, words) {
  if (!pictures.length) return;
  const next = following(pictures);
  const found = await change(asked);
  if (!found) return;
  say(`${plural(pictures.length, "picture")} ${words}.`);
  go(next && byId.get(next.id));
}

function sort(pictures, label) {
  return act(pictures, { do: "sort", classes: { [label]: pictures.map(one => one.id) } }, `to ${label}`);
}

function accept(pictures) {
  const known = pictures.filter(one => one.group.label !== null);
  if (pictures.length && !known.length) return say("There is no suggestion: choose a class, or press its number.", true);
  const classes = {};
  for (const one of known) (classes[one.group.label] = classes[one.group.label] || []).push(one.id);
  return act(known, { do: "sort", classes }, `to ${Object.keys(classes).join(", ")}`);
}

function discard(pictures) {
  return act(pictures, { do: "discard", pictures: pictures.map(one => one.id) }, "discarded");
}

async function undo() {
  const found = await change({ do: "undo" });
  if (found) say(found.undone ? `Taken back: ${found.undone}.` : "Nothing to take back.");
}

function toggle(picture) {
  if (!selected.delete(picture.id)) selected.add(picture.id);
  current = picture;
  marks();
  actions();
}

// What is shown

function draw() {
  $("left").textContent = `${plural(state.left, "picture")} left${state.discarded ? `, ${state.discarded} discarded` : ""}`;
  $("undo").disabled = !state.undo;
  $("undo").title = state.undo || "";
  const keys = names().join("\n");
  if ($("classes").dataset.keys !== keys) {
    $("classes").dataset.keys = keys;
    $("groups").replaceChildren();
    for (const group of groups) group.section = null;
  }
  $("classes").replaceChildren(...state.classes.map((one, index) => {
    const item = part("li");
    item.append(part("kbd", index < 9 ? index + 1 : ""), part("span", one.name), part("b", one.count ? `+${one.count}` : ""));
    return item;
  }));
  const sections = groups.slice(0, shown).map(one => one.section || (one.section = section(one)));
  sections.forEach((one, index) => {
    if ($("groups").children[index] !== one) $("groups").insertBefore(one, $("groups").children[index] || null);
  });
  while ($("groups").children.length > sections.length) $("groups").lastChild.remove();
  $("done").hidden = state.left > 0;
  $("done").textContent = "All are reviewed. Ctrl-C, where edgetl runs, ends it and says what to type next.";
  marks();
  actions();
  if ($("large").open) current ? large(current) : $("large").close();
}

function section(group) {
  const box = part("section", undefined, group.pictures.length > 2 ? "card wide" : "card"), head = part("div", undefined, "head");
  const title = part("h2"), row = part("div", undefined, "row"), thumbs = part("div", undefined, "thumbs");
  const count = group.pictures.length, shares = group.pictures.filter(one => !one.corrected).map(one => one.share);
  const corrected = group.pictures.filter(one => one.corrected).length;
  const range = group.label === null ? "no suggestion"
    : [...new Set(shares.length ? [percent(Math.min(...shares)), percent(Math.max(...shares))] : [])].join(" to ");
  const words = [range, corrected ? `${corrected} corrected on the preview` : ""].filter(Boolean).join(", ");
  title.append(group.label === null ? "?" : group.label, part("small", `${plural(count, "picture")}, ${words}`));
  const all = count > 1 ? ` all ${count}` : "";
  const yes = button(group.label === null ? "Accept" : `Accept${all}`, "accept", () => accept([...group.pictures]));
  yes.disabled = group.label === null;
  row.append(yes, chooser("Other…", name => sort([...group.pictures], name)), button(`Discard${all}`, "", () => discard([...group.pictures])));
  head.append(title, row);
  const some = group.open ? group.pictures : group.pictures.slice(0, PICTURES);
  thumbs.append(...some.map(thumbnail));
  const rest = count - some.length;
  if (rest) thumbs.append(button(`${rest} more`, "more", () => open(group)));
  box.append(head, thumbs);
  return box;
}

function open(group) {
  group.open = true;
  group.section.remove();
  group.section = null;
  draw();
}

function thumbnail(picture) {
  const known = buttons.get(picture.id);
  if (known) { known.picture = picture; return known; }
  const element = part("button"), image = part("img");
  element.type = "button";
  element.picture = picture;
  element.dataset.id = picture.id;
  image.loading = "lazy";
  image.alt = picture.file;
  image.src = `photo?n=${picture.id}`;
  element.append(image, part("small", picture.group.label === null ? "?" : picture.corrected ? "corrected" : percent(picture.share)));
  element.addEventListener("click", () => toggle(element.picture));
  element.addEventListener("dblclick", () => look(element.picture));
  element.addEventListener("focus", () => { current = element.picture; });
  buttons.set(picture.id, element);
  return element;
}

function marks() {
  for (const element of document.querySelectorAll(".thumbs [data-id]")) element.setAttribute("aria-pressed", selected.has(+element.dataset.id));
}

function actions() {
  const chosen = [...selected].map(id => byId.get(id));
  $("actions").hidden = !chosen.length;
  if (!chosen.length) return $("actions").replaceChildren();
  const yes = button("Accept", "accept", () => accept(chosen));
  yes.disabled = chosen.every(one => one.group.label === null);
  $("actions").replaceChildren(part("span", `${chosen.length} selected`), yes,
    chooser("Other class…", name => sort(chosen, name)), button("Discard", "", () => discard(chosen)),
    button("Look", "", () => look(chosen[chosen.length - 1])), button("Clear", "", () => { selected.clear(); marks(); actions(); }));
}

function go(picture) {
  if (!picture) { current = null; if ($("large").open) $("large").close(); return; }
  current = picture;
  const at = groups.indexOf(picture.group);
  if (at >= shown) shown = at + GROUPS;
  const hidden = !picture.group.open && picture.group.pictures.indexOf(picture) >= PICTURES;
  if (hidden) open(picture.group); else draw();
  if ($("large").open) return large(picture);
  const element = buttons.get(picture.id);
  if (element) element.focus();
}

function look(picture) {
  current = picture;
  if (!$("large").open) $("large").showModal();
  large(picture);
}

function large(picture) {
  if (+$("large-picture").dataset.id === picture.id && $("large-actions").children.length) return;
  const group = picture.group;
  $("large-name").textContent = `${group.label === null ? "No suggestion" : `${group.label}, ${picture.corrected ? "corrected on the preview" : percent(picture.share)}`} · ${picture.file}`;
  $("large-picture").dataset.id = picture.id;
  $("large-picture").src = `photo?n=${picture.id}&large=1`;
  $("large-picture").alt = picture.file;
  const yes = button("Accept", "accept", () => accept([current]));
  yes.disabled = group.label === null;
  $("large-actions").replaceChildren(yes, chooser("Other class…", name => sort([current], name)), button("Discard", "", () => discard([current])), button("Next", "", () => step("ArrowRight")), button("Close", "", () => $("large").close()));
}

$("large").addEventListener("close", () => {
  delete $("large-picture").dataset.id;
  $("large-picture").removeAttribute("src");
  const element = current && buttons.get(current.id);
  if (element) element.focus();
});

function step(key) {
  const across = key === "ArrowLeft" ? -1 : key === "ArrowRight" ? 1 : 0;
  const all = [...document.querySelectorAll(".thumbs [data-id]")];
  const here = current && buttons.get(current.id);
  const at = all.indexOf(here);
  if (at < 0) return all.length ? go(all[0].picture) : undefined;
  if (across) return all[at + across] && go(all[at + across].picture);
  const from = here.getBoundingClientRect(), down = key === "ArrowDown";
  let best = null, least = Infinity;
  for (const one of all) {
    const to = one.getBoundingClientRect(), rows = down ? to.top - from.bottom : from.top - to.bottom;
    if (rows < -1) continue;
    const far = rows * 10 + Math.abs(to.left - from.left);
    if (far < least) { least = far; best = one; }
  }
  if (best) go(best.picture);
}

// Keys

const typing = target => ["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName);
document.addEventListener("keydown", event => {
  if (typing(event.target)) return;
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") { event.preventDefault(); undo(); return; }
  if (!plain) return;
  const thumb = event.target.picture || event.target === document.body || event.target.id === "large" || $("large").open && event.target.tagName !== "BUTTON";
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code) || (/^[1-9]$/.test(event.key) ? [0, event.key] : null);
  const does = {
    Enter: () => thumb && !event.repeat && current && accept(targets(event.shiftKey)),
    x: () => !event.repeat && discard(targets(false)),
    X: () => !event.repeat && discard(targets(true)),
    v: () => current && look(current),
    ArrowLeft: () => step(event.key), ArrowRight: () => step(event.key),
    ArrowUp: () => step(event.key), ArrowDown: () => step(event.key),
  }[event.key];
  if (does) {
    if (event.key === "Enter" && !thumb) return;
    event.preventDefault();
    does();
  } else if (digit && !event.repeat && state.classes[digit[1] - 1]) {
    event.preventDefault();
    sort(targets(event.shiftKey), state.classes[digit[1] - 1].name);
  }
});

$("undo").addEventListener("click", undo);
$("new").addEventListener("submit", async event => {
  event.preventDefault();
  if (!$("name").value.trim()) return;
  const found = await change({ do: "add_class", class: $("name").value });
  if (found) { say(`Class ${found.class} is there.`); $("name").value = ""; $("name").blur(); }
});

new IntersectionObserver(entries => {
  if (entries[0].isIntersecting && shown < groups.length) { shown += GROUPS; draw(); }
}, { rootMargin: "600px" }).observe(document.body.appendChild(part("i")));

async function run() {
  for (;;) {
    try {
      const found = await answer("state");
      if (found.run === undefined) {
        $("left").textContent = `looking at the pictures: ${found.read.toLocaleString("en")} of ${found.total.toLocaleString("en")}`;
        await pause(500);
        continue;
      }
      if (!busy && (found.run !== state.run || found.revision !== state.revision)) await load();
      if ($("said").dataset.lost) { delete $("said").dataset.lost; say(""); }
      await pause(STATE);
    } catch {
      $("said").dataset.lost = "1";
      say("edgetl has stopped, or this device cannot reach it. Trying again.", true);
      await pause(RETRY);
    }
  }
}
run();
