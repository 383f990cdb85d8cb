// Star history that can be looked at closely: uPlot draws what /api/v1/repos/…/history gives, as the
// picture of the server shows it: with the same gaps, colours and order.
"use strict";

const STEPS = { "10m": 600, "1h": 3600, "1d": 86400 };  // seconds
const DAY = 86400;
const PALE = "80";  // of GitHub's part: half of the colour, as in the picture

const LABELS = [  // from a span between two of them on: each label, and what is under it where that changes
  [31536000, "{YYYY}", null, null, null, null, null, null, 1],
  [2419200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
];

// Whether most days that have points have only one, as imported days do; so does core/series.py.
function isDaily(times) {
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

// The ends of the counts: whole numbers, with room even where all are the same.
function countsAround(_, low, high) {
  if (low == null) return [0, 1];
  if (high - low >= 4) return uPlot.rangeNum(low, high, .1, true);
  return [Math.max(0, Math.floor(low) - 2), Math.ceil(high) + 2];
}

// A tick's label: 1.2M, 250k, or in full where it is small or not round.
function rounded(count) {
  if (count >= 1e6) return `${count / 1e6}M`;
  return count >= 1e4 && count % 100 === 0 ? `${count / 1e3}k` : count.toLocaleString("en");
}

function chart(box, index) {
  let lines = JSON.parse(box.dataset.lines);
  const alone = lines.length === 1;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const day = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  const legend = all(".legend span", box.parentElement);
  let plot, data, series, length, drawnFor;

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

  function show([min, max]) {
    plot.setScale("x", { min, max });
    say(`The chart shows ${day.format(min * 1000)} to ${day.format(max * 1000)}.`);
  }

  // Move both ends by parts of what is shown, within what there is.
  function move(start, end) {
    const [first, last] = whole(), { min, max } = plot.scales.x, span = max - min;
    const length = Math.min(Math.max(span * (1 + end - start), 1800), last - first);
    const from = Math.min(Math.max(min + span * start, first), last - length);
    show([from, from + length]);
  }

  // The counts at a reading; of a line that has none there, the last before.
  function tell(at) {
    const counts = lines.map((_, i) => {
      const [github, read] = [data[2 * i + 1], data[2 * i + 2]];
      let near = at;
      while (near > 0 && read[near] == null && github[near] == null) near--;
      return (read[near] ?? github[near])?.toLocaleString("en") ?? "–";
    });
    readout.textContent = `${day.format(data[0][at] * 1000)} UTC${alone ? `: ${counts[0]} stars` : ""}`;
    legend.forEach((entry, i) => { entry.textContent = counts[i]; });
  }

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
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      cursor: { y: false, points: { size: 8 }, drag: { setScale: true, x: true, y: false } },
      scales: { x: { range: (_, min, max) => padded(min, max, length) }, y: { range: countsAround } },
      axes: [
        { ...axis, grid: { show: false }, space: 80, values: LABELS },
        {
          ...axis,
          size: 60,
          incrs: [1, 2, 5].flatMap((first) => [...Array(9).keys()].map((zeros) => first * 10 ** zeros)).sort((a, b) => a - b),
          grid: { stroke: colour("--line"), width: 1 },
          values: (_, counts) => counts.map(rounded),
        },
      ],
      series: [{}, ...series.map(({ alone, github }, i) => {
        const stroke = colour(`--line-${i >> 1}`) + (github ? PALE : "");
        const filter = () => data[0].flatMap((at, number) => alone.has(at) && data[i + 1][number] != null ? number : []);
        return { stroke, width: 2, spanGaps: false, points: { show: true, size: 6, width: 0, fill: stroke, filter } };
      })],
      hooks: {
        setCursor: [({ cursor }) => tell(cursor.idx ?? data[0].length - 1)],
      },
    }, data, stage);
    drawnFor = whole();
    if (shown && !wasWhole) plot.setScale("x", { min: shown[0], max: shown[1] });
    tell(data[0].length - 1);
  }

  // What the picture says below itself.
  function tellSources(answers) {
    const told = answers.filter((answer) => answer.told);
    const since = new Set(told.map((answer) => answer.since));
    const [began] = since;
    const when = since.size > 1 ? "Lighter: " : began ? `Before ${day.format(began * 1000).split(",")[0]}: ` : "";
    sources.textContent = told.length ? `${when}GitHub's star history, in stars that stand today` : "";
  }

  async function load(cache = "default") {
    const answers = await Promise.all(lines.map(async ({ url }) => {
      const answer = await fetch(url, { cache });
      if (!answer.ok) throw new Error(answer.status);
      return bySource(await answer.json(), Number(box.dataset.every));
    }));
    const parts = answers.flatMap(({ github, reading }) => [{ ...github, github: true }, reading]);
    if (!parts.some(({ table: [xs] }) => xs.length)) throw new Error("no readings");
    series = parts;
    length = Math.max(...answers.map((answer) => answer.length));
    data = uPlot.join(parts.map(({ table }) => table), parts.map(() => [0, 2]));
    const [first, last] = [data[0][0], data[0].at(-1)];
    const counts = lines.map(({ name }, i) => {
      const known = [2 * i, 2 * i + 1].flatMap((number) => parts[number].table[1]).filter((count) => count != null);
      if (!known.length) return `${name}: nothing`;
      return `${alone ? "" : `${name} `}from ${known[0].toLocaleString("en")} to ${known.at(-1).toLocaleString("en")} stars`;
    });
    tellSources(answers);
    const span = `${day.format(first * 1000)} to ${day.format(last * 1000)}`;
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
