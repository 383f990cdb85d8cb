// What makes the page nicer. Everything that matters is there without it.
"use strict";

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const said = one("#said");

function say(text) {
  said.textContent = text;
}

// How long ago, in words; the same as `duration` in page_filters.py.
function duration(seconds) {
  for (const [name, unit] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= (unit > 60 ? 2 * unit : unit)) return `${Math.floor(seconds / unit)} ${name}`;
  }
  return `${Math.max(0, Math.floor(seconds))} s`;
}

// Ages, and whether what is shown is older than it may be.

const LATE = 60;  // seconds after which a build that was to come is late

function tellAges() {
  const now = Date.now();
  for (const age of all("[data-since]")) {
    const text = `${duration((now - Date.parse(age.dataset.since)) / 1000)} ago`;
    if (age.textContent !== text) age.textContent = text;
  }
  const late = now > Date.parse(one("#fresh")?.dataset.next) + LATE * 1000;
  const next = one("#fresh .when-due");
  if (next) next.textContent = late ? "Was due at" : "Next";
  const fresh = one("#fresh[data-stale-at]");
  if (fresh && !fresh.classList.contains("stale") && now > Date.parse(fresh.dataset.staleAt)) {
    fresh.classList.add("stale");
    say("This page's data is stale.");
  }
}

// The filter: rows that do not match hide at once, and the address says what is looked for.

const search = one("#ranking") && one(".tools input[name=q]");

function applyFilter() {
  if (!search) return;
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = all("#ranking tbody tr");
  let shown = 0;
  for (const row of rows) {
    const text = one(".name", row).textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    shown += !row.hidden;
  }
  const text = search.value.trim();
  one("#ranking").classList.toggle("filtered", text !== "");
  one("#matches").textContent = !text ? "" : shown
    ? `${shown} of ${rows.length} ${shown === 1 ? "matches" : "match"} “${text}”.`
    : `Nothing here has “${text}” in its name, description or language.`;
  const beyond = one("#beyond");
  beyond.hidden = !text;
  one("a", beyond).href = withParameter(one(".find").action, "q", text);
}

function withParameter(url, name, value) {
  const changed = new URL(url, location.href);
  if (value) changed.searchParams.set(name, value);
  else changed.searchParams.delete(name);
  return changed.pathname + changed.search.replaceAll("%2F", "/").replaceAll("%2C", ",");
}

let telling;

function tellAddress() {
  const text = search.value.trim();
  for (const link of all(".tools .choices a")) {
    link.setAttribute("href", withParameter(link.href, "q", text));
  }
  clearTimeout(telling);
  telling = setTimeout(() => {  // once typing pauses: browsers refuse an address changed too often
    try {
      history.replaceState(null, "", withParameter(location.href, "q", text));
    } catch { /* refused all the same; the filter works without it */ }
  }, 300);
}

if (search) {
  search.addEventListener("input", () => { applyFilter(); tellAddress(); });
  search.form.addEventListener("submit", (event) => {
    const list = one("select[name=list]", search.form);
    if (list.value !== one("option[selected]", list).value) return;  // another list: go there
    event.preventDefault();
  });
}

// Choosing repositories to compare, up to as many as a chart shows.

const MOST = 10;

document.addEventListener("change", (event) => {
  if (!event.target.matches(".comparing [type=checkbox]")) return;
  const count = all(".comparing :checked").length;
  const told = one(".bar span");
  if (count > MOST) {
    event.target.checked = false;
    told.textContent = `no more than ${MOST}: leave out one of them first`;
    say(`No more than ${MOST} can be compared.`);
  } else told.textContent = count ? `${count} of up to ${MOST} chosen` : `the chosen repositories, up to ${MOST}`;
});

// Copying a snippet.

function addCopy(snippet) {
  const text = one("textarea", snippet);
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy: ${one("label", snippet).textContent}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.value);
    } catch {  // no permission, or not over TLS
      text.select();
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    say("Copied");
  });
  snippet.append(button);
}

all(".snippet").forEach(addCopy);

// Renewing: when a new build is due the page is asked for again, and what changed takes its place.
// Where the reader is, what has the focus, what is typed and what is chosen stay as they are.

const LIVE = ["fresh", "lead", "ranking", "lately", "figures", "gained", "current-ranks", "progress", "sources", "following", "waits", "sides", "partly", "totals",
  "verdict", "polled", "working", "coming", "watching"];
const FIRST_RETRY = 20, LAST_RETRY = 600, PATIENCE = 30;  // seconds
let lost, retry = FIRST_RETRY, timer, etag, due = Infinity;

function handle(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  const [name, value] = element.matches("a[href]") ? ["href", element.getAttribute("href")] : ["value", element.value];
  const live = element.closest(LIVE.map((id) => `#${id}`).join());
  const of = one("[name=repos]", element.closest("tr") ?? element)?.value;  // a link may stand in many rows
  const row = of ? `tr:has([value="${CSS.escape(of)}"]) ` : "";
  return live && value && `#${live.id} ${row}${element.localName}[${name}="${CSS.escape(value)}"]`;
}

// A repository that is asked for has no page yet: all of it comes at once.
function fill(next) {
  one("#whole").replaceWith(document.adoptNode(next.getElementById("whole")));
  all(".snippet").forEach(addCopy);
}

function replace(next) {
  if (one("#whole.filling") && !one("#whole.filling", next)) {
    fill(next);
    document.dispatchEvent(new CustomEvent("renewed", { detail: document }));
    return;
  }
  const focused = document.activeElement && handle(document.activeElement);
  const chosen = new Set(all(".comparing :checked").map((box) => box.value));
  for (const id of LIVE) {
    const old = document.getElementById(id), renewed = next.getElementById(id);
    if (old && renewed && old.outerHTML !== renewed.outerHTML) old.replaceWith(document.adoptNode(renewed));
  }
  for (const box of all(".comparing [type=checkbox]")) box.checked = chosen.has(box.value);
  applyFilter();
  if (focused && handle(document.activeElement) !== focused) one(focused)?.focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent("renewed", { detail: next }));
}

// Without an answer the page must not go on as if what it says were so now: it says since when it
// does not know. What is renewed takes the place of these words.
function lose() {
  const fresh = one("#fresh"), verdict = one("#verdict");
  if (lost || one(".problem")) return;
  lost = `${new Date().toISOString().slice(11, 16)} UTC`;
  etag = undefined;  // even if nothing is newer then
  const line = document.createElement("span");
  line.className = "lost";
  line.textContent = `cannot be reached since ${lost}`;
  fresh.classList.add("stale");
  fresh.append(line);
  if (verdict) {
    const doubt = document.createElement("p");
    doubt.className = "trouble";
    doubt.textContent = `This page could not be renewed since ${lost}: what it shows may be wrong.`;
    one(".fine", verdict)?.remove();
    one("h2", verdict).after(doubt);
  }
  say(`Starboard ${line.textContent}.`);
}

async function renew() {
  try {
    const url = withParameter(location.href, "q", "");  // the page that is cached; the filter is applied here
    const signal = AbortSignal.timeout?.(PATIENCE * 1000);  // a server may hang, too
    const answer = await fetch(url, { cache: "no-cache", headers: { Accept: "text/html" }, signal });
    if (one(".problem") && answer.ok) return location.reload();
    if (one(".filling") && answer.status === 404) return location.reload();  // it says why
    if (!answer.ok) throw new Error(answer.status);
    const tag = answer.headers.get("ETag");
    if (tag === null || tag !== etag) {
      const text = await answer.text();
      const before = told();
      replace(new DOMParser().parseFromString(text, "text/html"));
      if (lost || told() !== before) say(`Updated: ${told()}`);
      etag = tag;
      lost = undefined;
    }
  } catch {
    lose();
  }
  plan();
}

// What a reader is told of when it changes.
function told() {
  const news = one("#verdict") ?? one("#progress strong") ?? one("#fresh time");
  return news?.textContent.trim().replace(/\s+/g, " ");
}

// When to ask again: after the next build, not all at once; more and more seldom while it is late.
function plan() {
  clearTimeout(timer);
  const fresh = one("#fresh");
  if (!fresh) return;
  const every = Number(fresh.dataset.renew);
  let wait = every || (Date.parse(fresh.dataset.next) - Date.now()) / 1000 + 2;
  if (!every && wait < FIRST_RETRY) {
    wait = retry;
    retry = Math.min(2 * retry, LAST_RETRY);
  } else retry = FIRST_RETRY;
  wait *= 1000;
  if (!every) wait += Math.random() * 10000;
  due = Date.now() + wait;
  timer = setTimeout(() => document.hidden || renew(), Math.min(wait, 2 ** 31 - 1));
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  tellAges();
  if (Date.now() >= due) renew();
});
document.addEventListener("renewed", tellAges);
tellAges();
setInterval(() => document.hidden || tellAges(), 10000);
applyFilter();
plan();
