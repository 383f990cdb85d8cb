// Star history that can be looked at closely: uPlot draws what /api/v1/repos/…/history gives, as the
// picture of the server shows it: with the same gaps, colours and order.
"use strict";

const STEPS = { "10m": 600, "1h": 3600, "1d": 86400 };  // seconds
const PALE = "80";  // of GitHub's part: half of the colour, as in the picture
const NEAR = 12;  // pixels from the pointer within which a dot shows where a line is

// Whether most days that have points have only one, as imported days do; so does core/series.py.
function isDaily(times) {
  if (!times.length || times.at(-1) - times[0] < DAY) return false;
  const inDay = new Map();
  for (const at of times) inDay.set(Math.ceil(at / DAY), (inDay.get(Math.ceil(at / DAY)) ?? 0) + 1);
  const counts = [...inDay.values()].sort((a, b) => a - b);
  return counts[counts.length >> 1] === 1;
}

// Times and counts of points, with a null wherever a step (t − step, t] has none; and the times of
// those that stand alone between two gaps, which no line shows.
function withGaps(points, step) {
  const xs = [], ys = [], alone = new Set();
  let last = -Infinity, length = 0;
  for (const point of points) {
    const at = Date.parse(point.at) / 1000, number = Math.ceil(at / step);
    if (number - last > 1) {
      if (length === 1) alone.add(xs.at(-1));
      if (xs.length) { xs.push(xs.at(-1) + 1); ys.push(null); }
      length = 0;
    }
    xs.push(at);
    ys.push(point.stars);
    last = number;
    length++;
  }
  if (length === 1) alone.add(xs.at(-1));
  return { table: [xs, ys], alone };
}

// A series as its two sources, which are drawn apart: no bridge leads from one to the other.
function bySource({ step, points }, every) {
  const read = points.filter(({ source }) => source !== "github");
  const times = read.map(({ at }) => Date.parse(at) / 1000);
  const length = isDaily(times) ? DAY : Math.max(STEPS[step], every);
  return {
    github: withGaps(points.filter(({ source }) => source === "github"), DAY),
    reading: withGaps(read, length),
    since: times.length && read.length < points.length ? times[0] : null,
    told: read.length < points.length,
    length,
  };
}

// The ends of the time that is shown: a single reading has room on both sides.
const padded = (first, last, by) => first < last ? [first, last] : [first - by, last + by];

function chart(box, index) {
  let lines = JSON.parse(box.dataset.lines);
  const alone = lines.length === 1, log = box.dataset.scale === "log", byAge = box.dataset.align === "age";
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  const moment = (at) => format.format(at * 1000).replace("Sept", "Sep");  // as pictures have it
  const legend = all(".legend span", box.parentElement);
  let plot, data, series, lasts, length, drawnFor;

  const readout = document.createElement("p");
  readout.className = "note";
  const stage = document.createElement("div");
  stage.className = "plot";
  stage.setAttribute("role", "img");
  const sources = document.createElement("span");
  sources.className = "sources";
  const zoom = document.createElement("div");
  zoom.className = "zoom";
  zoom.setAttribute("role", "group");
  zoom.setAttribute("aria-label", "Zoom");
  zoom.append(sources);
  for (const [text, label, by] of [["−", "Zoom out", [-.5, .5]], ["+", "Zoom in", [.25, -.25]], ["←", "Earlier", [-.5, -.5]], ["→", "Later", [.5, .5]], ["Reset", "Reset the zoom", null]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => by ? move(...by) : show(whole()));
    zoom.append(button);
  }

  const whole = () => { const xs = data[0]; return padded(xs[0], xs[xs.length - 1], length); };

  // A moment of the axis in words.
  function inWords(at) {
    if (!byAge) return `${moment(at)} UTC`;
    const age = at < 2 * DAY ? `${Math.round(at / HOUR)} hours` : `${Math.round(at / DAY).toLocaleString("en")} days`;
    return `${age} from the first known day`;
  }

  function show([min, max]) {
    plot.setScale("x", { min, max });
    say(`The chart shows ${inWords(min)} to ${inWords(max)}.`);
  }

  // Move both ends by parts of what is shown, within what there is.
  function move(start, end) {
    const [first, last] = whole(), { min, max } = plot.scales.x, span = max - min;
    const length = Math.min(Math.max(span * (1 + end - start), 1800), last - first);
    const from = Math.min(Math.max(min + span * start, first), last - length);
    show([from, from + length]);
  }

  // Where the count of a line at a reading is: there or, where it has none, at the last before.
  function known(line, at) {
    const [github, read] = [data[2 * line + 1], data[2 * line + 2]];
    while (at > 0 && read[at] == null && github[at] == null) at--;
    return at;
  }

  // The counts at a point or, where none is pointed at, those at the end of each line, which by age may
  // be before that point, and by a span before the newest.
  function tell(pointed) {
    const at = pointed ?? data[0].length - 1;
    const counts = lines.map((_, i) => {
      const near = known(i, at), over = byAge && pointed != null && data[0][at] > lasts[i];
      return (over ? null : data[2 * i + 2][near] ?? data[2 * i + 1][near])?.toLocaleString("en") ?? "–";
    });
    readout.textContent = byAge && pointed == null ? "From the first known day; counts at the end" : `${inWords(data[0][at])}${alone ? `: ${counts[0]} stars` : ""}`;
    legend.forEach((entry, i) => { entry.textContent = counts[i]; });
  }

  // The dot of a line: on the count that is told, unless that is elsewhere, as before its first.
  function dotted(self, number, at) {
    const near = known((number - 1) >> 1, at), place = (i) => self.valToPos(data[0][i], "x");
    return data[number][near] != null && Math.abs(place(near) - place(at)) <= NEAR ? near : null;
  }

  // 0 is drawn as 1 on an axis of powers, where it has no place.
  const logEnds = (_, low, high) => ends(powers(data.slice(1).some((counts) => counts.includes(0)) ? 1 : low ?? 1, high ?? 1));

  function draw() {
    const shown = plot && [plot.scales.x.min, plot.scales.x.max];
    const wasWhole = plot && drawnFor && shown[0] === drawnFor[0] && shown[1] === drawnFor[1];
    plot?.destroy();
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { font, stroke: colour("--soft"), ticks: { show: false } };
    plot = new uPlot({
      width: stage.clientWidth,
      height: stage.clientHeight,
      legend: { show: false },
      cursor: { y: false, dataIdx: dotted, points: { size: 8 }, drag: { setScale: true, x: true, y: false } },
      scales: {
        x: { time: false, range: (_, min, max) => padded(min, max, length) },
        y: log
          ? { distr: 3, clamp: (_, __, low) => low, range: logEnds }
          : { range: (_, low, high) => ends(counts(low ?? 0, high ?? 1)) },
      },
      axes: [
        { ...axis, size: 50, grid: { show: false }, ...(byAge ? AGES : MOMENTS) },
        { ...axis, size: 60, grid: { stroke: colour("--line"), width: 1 }, ...(log ? POWERS : COUNTS) },
      ],
      series: [{}, ...series.map(({ alone, github }, i) => {
        const stroke = colour(`--line-${i >> 1}`) + (github ? PALE : "");
        const filter = () => data[0].flatMap((at, number) => alone.has(at) && data[i + 1][number] != null ? number : []);
        return { stroke, width: 2, spanGaps: false, points: { show: true, size: 6, width: 0, fill: stroke, filter } };
      })],
      hooks: {
        setCursor: [({ cursor }) => tell(cursor.idx)],
      },
    }, data, stage);
    drawnFor = whole();
    if (shown && !wasWhole) plot.setScale("x", { min: shown[0], max: shown[1] });
    tell();
  }

  // What the picture says below itself.
  function tellSources(answers) {
    const told = answers.filter((answer) => answer.told);
    const since = new Set(told.map((answer) => answer.since));
    const [began] = since;
    const when = byAge || since.size > 1 ? "Lighter: " : began ? `Before ${moment(began).split(",")[0]}: ` : "";
    sources.textContent = told.length ? `${when}GitHub's star history, in stars that stand today` : "";
  }

  // A line from its own first day on, up to an age.
  function aligned({ table: [xs, ys], alone, ...rest }, born, age = Infinity) {
    const ages = xs.map((at) => at - born).filter((each) => each < age);
    return { ...rest, table: [ages, ys.slice(0, ages.length)], alone: new Set([...alone].map((at) => at - born)) };
  }

  async function load(cache = "default") {
    const answers = await Promise.all(lines.map(async ({ url }) => {
      const answer = await fetch(url, { cache });
      if (!answer.ok) throw new Error(answer.status);
      return bySource(await answer.json(), Number(box.dataset.every));
    }));
    const parts = answers.flatMap(({ github, reading }, i) => {
      const born = byAge ? github.table[0][0] ?? reading.table[0][0] ?? 0 : 0;
      return [{ ...github, github: true }, reading].map((part) => byAge ? aligned(part, born, lines[i].age) : part);
    });
    if (!parts.some(({ table: [xs] }) => xs.length)) throw new Error("no readings");
    series = parts;
    lasts = lines.map((_, i) => Math.max(...[2 * i, 2 * i + 1].map((part) => parts[part].table[0].at(-1) ?? 0)));
    length = Math.max(...answers.map((answer) => answer.length));
    data = uPlot.join(parts.map(({ table }) => table), parts.map(() => [0, 2]));
    const [first, last] = [data[0][0], data[0].at(-1)];
    const counts = lines.map(({ name }, i) => {
      const known = [2 * i, 2 * i + 1].flatMap((number) => parts[number].table[1]).filter((count) => count != null);
      if (!known.length) return `${name}: nothing`;
      return `${alone ? "" : `${name} `}from ${known[0].toLocaleString("en")} to ${known.at(-1).toLocaleString("en")} stars`;
    });
    tellSources(answers);
    const span = `${inWords(first)} to ${inWords(last)}`;
    stage.setAttribute("aria-label", `${box.dataset.alt}, ${span}: ${counts.join("; ")}`);
    if (!stage.isConnected) box.replaceChildren(readout, stage, zoom);
    draw();
  }

  load().catch(() => {});  // the picture stays
  new ResizeObserver(() => plot?.setSize({ width: stage.clientWidth, height: stage.clientHeight })).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot && draw());
  document.addEventListener("renewed", ({ detail }) => {
    // The span ends with the newest reading, so where it starts moves as well.
    const renewed = JSON.parse(all(".chart", detail)[index]?.dataset.lines ?? "[]");
    if (renewed.length === lines.length) lines = renewed;
    load("no-cache").catch(() => {});
  });
}

function draw() {
  all(".chart:not([data-drawn])").forEach((box, index) => {
    box.dataset.drawn = "";
    chart(box, index);
  });
}

document.addEventListener("renewed", draw);
draw();
