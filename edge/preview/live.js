const SPAN = 120;           // seconds of the strip
const SILENT = 3;           // seconds without a picture before the notice
const GIVE_UP = 15000;      // milliseconds for an answer; the server sends one every 5 s
const RETRY = 1500;

const viewer = Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, "0")).join("");
let shown = null;           // the newest facts
let since = null;           // when their picture was taken, by the clock of this page, ms
let after = "";
let trouble = "";           // why there are no answers
let why = false;            // whether the evidence for the label is asked for
let asking = null;          // what ends the request that is waiting
let switched = false;       // whether that was done, for another kind of picture
let frozen = false;         // while a person says what the picture is that is shown
let drawing = null;         // the picture that is being drawn
let opened = performance.now();
const sources = $("sources").dataset.names.split(" ").filter(Boolean);
let source = sources[0] || "";

// Of no class, -1, it is grey; beyond the eight colours hues are generated.
const colour = index => index < 0 ? "#8b949e" : COLOURS[index] || `hsl(${(index * 137.5) % 360} 60% 50%)`;

async function ask() {
  const control = asking = new AbortController();
  const timer = setTimeout(() => control.abort(), GIVE_UP);
  try {
    const answer = await fetch(`next?viewer=${viewer}&after=${after}${why ? "&why=1" : ""}${source ? `&source=${encodeURIComponent(source)}` : ""}`, { cache: "no-store", signal: control.signal });
    const content = answer.status === 200 ? await answer.arrayBuffer() : null;
    return { status: answer.status, age: parseFloat(answer.headers.get("X-Age")), content };
  } finally {
    clearTimeout(timer);
  }
}

async function take(content, age) {
  if (frozen) return;
  const size = new DataView(content).getUint32(0);
  const facts = JSON.parse(new TextDecoder().decode(new Uint8Array(content, 4, size)));
  after = `${facts.run}.${facts.number}`;
  const asked = source;
  // The next one is requested once this one is drawn, so a slow phone skips pictures.
  await (drawing = draw(content.byteLength > 4 + size ? new Blob([new Uint8Array(content, 4 + size)], { type: "image/jpeg" }) : null, facts));
  if (asked !== source) return blank();
  shown = facts;
  since = performance.now() - (age || 0) * 1000;
  describe(facts);
  evidence(facts);
}

function evidence(facts) {
  $("why").hidden = !facts.explains;
  $("wrong").hidden = !facts.corrects;
  $("evidence").hidden = facts.why === null;
  set("evidence", facts.why === null ? "" : `Evidence for ${facts.why}: orange for it, blue against it`);
}

// "Wrong?": the picture stays until a person has said what it is.

async function told(asked) {
  const answer = await fetch("wrong", { method: "POST", headers: { "X-Edgetl": "1" }, body: JSON.stringify({ viewer, run: shown.run, number: shown.number, ...asked }) });
  if (!answer.ok) throw new Error((await answer.text()) || `The server answers with error ${answer.status}.`);
  return answer.json();
}

const words = error => error instanceof TypeError ? "edgetl has stopped, or this device cannot reach it." : error.message;

async function freeze() {
  if (frozen || !shown) return;
  frozen = true;
  $("wrong").setAttribute("aria-pressed", "true");
  set("kept", "");
  set("refused", "");
  try {
    await drawing;
    choices((await told({ do: "hold" })).classes);
    document.querySelector(".answer").hidden = true;
    $("choose").hidden = false;
    $("choose-title").focus();
  } catch (error) {
    thaw(words(error));
  }
}

function choices(classes) {
  const make = (text, name, key) => {
    const button = part("button"), sign = part("kbd");
    button.type = "button";
    button.dataset.name = name;
    sign.textContent = key;
    button.append(sign, text);
    button.addEventListener("click", () => keep(name));
    return button;
  };
  const named = classes.map((name, index) => make(name, name, index < 9 ? index + 1 : ""));
  $("choices").replaceChildren(...named, ...(classes.includes("none") ? [] : [make("None of these", "none", 0)]));
}

async function keep(name) {
  set("refused", "");
  try {
    thaw(`Kept as ${(await told({ do: "keep", class: name })).kept}.`);
  } catch (error) {
    set("refused", words(error));
  }
}

function thaw(text) {
  set("kept", text);
  setTimeout(() => { if ($("kept").textContent === text) set("kept", ""); }, 8000);
  $("choose").hidden = true;
  document.querySelector(".answer").hidden = false;
  $("wrong").setAttribute("aria-pressed", "false");
  $("other-name").value = "";
  if (since !== null) since = performance.now();
  frozen = false;
  $("wrong").focus();
}

function cancel() {
  told({ do: "release" }).catch(() => {});
  thaw("");
}

$("wrong").addEventListener("click", () => frozen ? cancel() : freeze());
$("cancel").addEventListener("click", cancel);
$("other").addEventListener("submit", event => {
  event.preventDefault();
  if ($("other-name").value.trim()) keep($("other-name").value.trim());
});
document.addEventListener("keydown", event => {
  if ($("choose").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return cancel();
  const keys = [...$("choices").children];
  const chosen = /^[0-9]$/.test(event.key) && event.target.tagName !== "INPUT" && keys.find(one => one.firstChild.textContent === event.key);
  if (chosen) { event.preventDefault(); keep(chosen.dataset.name); }
});

function again() {            // ask again, for another kind of picture
  after = "";
  switched = true;
  if (asking) asking.abort();
}

$("why").addEventListener("click", () => {
  why = !why;
  $("why").setAttribute("aria-pressed", why);
  again();
});

// Of several sources the one whose button is pressed is shown.

function choose(name) {
  if (frozen) cancel();
  source = name;
  for (const button of $("sources").children) button.setAttribute("aria-pressed", button.textContent === name);
  opened = performance.now();
  blank();
  again();
}

function blank() {            // nothing of the source before may be taken for one of this one
  const picture = $("picture");
  if (picture.src) URL.revokeObjectURL(picture.src);
  picture.removeAttribute("src");
  picture.hidden = true;
  $("empty").textContent = "Waiting for the first picture";
  $("empty").hidden = false;
  $("evidence").hidden = true;
  shown = since = null;
  for (const id of ["label", "source"]) set(id, "\u2013");
  set("sure", "");
  figure("latency", null, "");
  for (const id of ["bars", "legend"]) $(id).replaceChildren();
  strip();
}

if (sources.length > 1) {
  document.querySelector(".live").classList.add("several");
  $("sources").hidden = false;
  $("sources").append(...sources.map(name => {
    const button = part("button");
    button.type = "button";
    button.textContent = name;
    button.setAttribute("aria-pressed", name === source);
    button.addEventListener("click", () => choose(name));
    return button;
  }));
}

async function draw(blob, facts) {
  const picture = $("picture");
  const old = picture.src;
  $("empty").textContent = "This picture can no longer be read";
  picture.hidden = !blob;
  $("empty").hidden = !!blob;
  if (!blob) return;
  picture.alt = `The picture classified as ${facts.label}`;
  await new Promise(done => {
    picture.onload = picture.onerror = done;
    picture.src = URL.createObjectURL(blob);
  });
  if (old) URL.revokeObjectURL(old);
}

function set(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function describe(facts) {
  set("label", facts.label);
  $("label").classList.toggle("long", facts.label.length > 14);
  // "unsure" has no probability of its own; those of the classes are in the bars.
  set("sure", facts.index < 0 ? "" : percent(facts.probability));
  document.title = `${facts.label} - edgetl`;
  figure("latency", facts.milliseconds, "ms");
  set("source", (facts.frame === null ? "" : `frame ${facts.frame.toLocaleString("en")} of `) + facts.source);
  bars(facts);
  legend(facts);
}

function figure(id, number, unit) {
  const text = number === null ? "\u2013" : number < 100 ? number.toFixed(1) : String(Math.round(number));
  if ($(id).dataset.shown === text) return;
  $(id).dataset.shown = text;
  const small = part("small", number === null ? "" : unit);
  $(id).replaceChildren(text, " ", small);
}

function items(list, count, make) {
  while (list.children.length > count) list.lastChild.remove();
  while (list.children.length < count) list.append(make());
  return [...list.children];
}

function bars(facts) {
  const make = () => {
    const item = part("li"), track = part("span", undefined, "track");
    track.append(part("i"));
    item.append(part("span", undefined, "name"), part("span", undefined, "share"), track);
    return item;
  };
  items($("bars"), facts.bars.length, make).forEach((item, index) => {
    const bar = facts.bars[index], fill = item.querySelector("i");
    item.className = bar.index === facts.index ? "first" : "";
    item.children[0].textContent = bar.label;
    item.children[1].textContent = percent(bar.probability);
    fill.style.width = `${bar.probability * 100}%`;
    fill.style.background = colour(bar.index);
  });
}

function legend(facts) {
  const times = {};
  for (const [, index] of facts.marks) times[index] = (times[index] || 0) + 1;
  const often = Object.keys(times).sort((a, b) => times[b] - times[a]);
  const make = () => {
    const item = part("li");
    item.append(part("i"), part("span"));
    return item;
  };
  // In the order of the classes, so that they stay where they are.
  const named = often.slice(0, 8).sort((a, b) => a - b);
  items($("legend"), named.length, make).forEach((item, index) => {
    item.children[0].style.background = colour(+named[index]);
    item.children[1].textContent = facts.names[named[index]];
  });
  const share = index => `${facts.names[index]} ${percent(times[index] / facts.marks.length)}`;
  $("strip").setAttribute("aria-label", `Labels of the last two minutes: ${often.slice(0, 5).map(share).join(", ")}`);
}

function strip() {
  const canvas = $("strip"), ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  if (!shown) return;
  const steps = SPAN / shown.step, late = (performance.now() - since) / 1000 / shown.step;
  const edge = step => Math.round(step * width / steps);
  for (const [age, index, probability] of shown.marks) {
    const step = steps - 1 - age - Math.floor(late);
    if (step < 0) continue;
    const tall = Math.max(2 * ratio, Math.round(probability * height));
    pen.fillStyle = colour(index);
    pen.fillRect(edge(step), height - tall, edge(step + 1) - edge(step), tall);
  }
}

function watch() {
  const now = performance.now();
  const silent = (now - (since === null ? opened : since)) / 1000;
  const quiet = silent > SILENT && !frozen;
  document.body.classList.toggle("old", quiet);
  $("notice").hidden = !quiet;
  if (quiet) notice(`No picture for ${duration(silent)}`, trouble || (shown
    ? `edgetl is running. ${shown.pause || "The camera or stream sends nothing new."}`
    : "edgetl is running. The camera or stream has sent nothing yet."));
  figure("fps", shown && !quiet ? shown.fps : null, "fps");
  strip();
}

function duration(seconds) {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

function notice(title, why) {
  const box = $("notice");
  if (box.dataset.why !== why) {
    // Screen readers read it once for each reason, not every second.
    box.dataset.why = why;
    const small = part("span");
    small.textContent = why;
    box.replaceChildren(document.createTextNode(""), small);
  }
  box.firstChild.nodeValue = title;
}

const TROUBLES = {
  403: "This browser's token is no longer valid. Open the link that edgetl printed when it started.",
  404: "This source is no longer there. Load the page again.",
  421: "The preview does not know this address. Open the link that edgetl printed when it started.",
  503: "As many viewers as allowed are connected. Trying again.",
};

async function run() {
  for (;;) {
    if (document.hidden) {
      await new Promise(done => document.addEventListener("visibilitychange", done, { once: true }));
      continue;
    }
    if (frozen) {
      await pause(100);
      continue;
    }
    try {
      const asked = source;
      const { status, age, content } = await ask();
      if (asked !== source) continue;
      if (status === 200) {
        trouble = "";
        await take(content, age);
      } else if (status === 204) {
        trouble = "";           // nothing new, but it is running
      } else {
        trouble = TROUBLES[status] || `The preview answers with error ${status}. Trying again.`;
        await pause(RETRY);
      }
    } catch {
      if (switched) {
        switched = false;
        continue;
      }
      trouble = "edgetl has stopped, or this device cannot reach it. Trying again.";
      await pause(RETRY);
    }
  }
}

setInterval(watch, 250);
watch();
run();
