// Star history that can be looked at closely: uPlot draws what /api/v1/repos/…/history gives.
"use strict";

const STEPS = { "10m": 600, "1h": 3600, "1d": 86400 };  // seconds
const NEAR = 4;  // readings on each side that say how far apart readings are

const LABELS = [  // from a span between two of them on: each label, and what is under it where that changes
  [31536000, "{YYYY}", null, null, null, null, null, null, 1],
  [2419200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
];

// The upper one of two in the middle; 0 of no numbers.
function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
}

// Times and counts of a series, with a null where readings are missing: where two lie further apart
// than a step, and further than those before and those after them do.
function withGaps({ step, points }) {
  const times = points.map((point) => Date.parse(point.at) / 1000);
  const apart = times.slice(1).map((at, i) => at - times[i]);
  const xs = [], ys = [];
  points.forEach((point, i) => {
    const far = apart[i - 1] / 1.5;
    const before = median(apart.slice(Math.max(0, i - 1 - NEAR), Math.max(0, i - 1)));
    const after = median(apart.slice(i, i + NEAR));
    if (i && far > STEPS[step] && far > before && far > after) {
      xs.push(times[i - 1] + 1);
      ys.push(null);
    }
    xs.push(times[i]);
    ys.push(point.stars);
  });
  return [xs, ys];
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
  let plot, data, drawnFor;

  const readout = document.createElement("p");
  readout.className = "note";
  const stage = document.createElement("div");
  stage.className = "plot";
  stage.setAttribute("role", "img");
  const zoom = document.createElement("div");
  zoom.className = "zoom";
  zoom.setAttribute("role", "group");
  zoom.setAttribute("aria-label", "Zoom");
  for (const [text, label, by] of [["−", "Zoom out", [-.5, .5]], ["+", "Zoom in", [.25, -.25]], ["←", "Earlier", [-.5, -.5]], ["→", "Later", [.5, .5]], ["Reset", "Reset the zoom", null]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => by ? move(...by) : show(whole()));
    zoom.append(button);
  }

  const whole = () => { const xs = data[0]; return [xs[0], xs[xs.length - 1]]; };

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
    const counts = data.slice(1).map((line) => {
      let near = at;
      while (near > 0 && line[near] == null) near--;
      return line[near]?.toLocaleString("en") ?? "–";
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
      axes: [
        { ...axis, grid: { show: false }, space: 80, values: LABELS },
        {
          ...axis,
          size: 60,
          grid: { stroke: colour("--line"), width: 1 },
          values: (_, counts) => counts.map(rounded),
        },
      ],
      series: [{}, ...lines.map((_, i) => ({
        stroke: alone ? colour("--green") : colour(`--line-${i}`), width: 2, spanGaps: false, points: { show: false },
      }))],
      hooks: {
        setCursor: [({ cursor }) => tell(cursor.idx ?? data[0].length - 1)],
      },
    }, data, stage);
    drawnFor = whole();
    if (shown && !wasWhole) plot.setScale("x", { min: shown[0], max: shown[1] });
    tell(data[0].length - 1);
  }

  function fallBack() {
    const picture = document.createElement("img");
    picture.src = box.dataset.picture;
    picture.alt = box.dataset.alt;
    box.replaceChildren(picture);
  }

  async function load() {
    const answers = await Promise.all(lines.map(async ({ url }) => {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(answer.status);
      return withGaps(await answer.json());
    }));
    if (!answers.some(([xs]) => xs.length)) throw new Error("no readings");
    data = alone ? answers[0] : uPlot.join(answers, answers.map(() => [0, 2]));
    const [first, last] = whole();
    const counts = data.slice(1).map((line, i) => {
      const known = line.filter((count) => count != null).map((count) => count.toLocaleString("en"));
      return `${alone ? "" : `${lines[i].name} `}from ${known[0]} to ${known.at(-1)} stars`;
    });
    const span = `${day.format(first * 1000)} to ${day.format(last * 1000)}`;
    stage.setAttribute("aria-label", `${box.dataset.alt}, ${span}: ${counts.join("; ")}`);
    if (!stage.isConnected) box.replaceChildren(readout, stage, zoom);
    draw();
  }

  load().catch(fallBack);
  new ResizeObserver(() => plot?.setSize({ width: stage.clientWidth, height: stage.clientHeight })).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot && draw());
  document.addEventListener("renewed", ({ detail }) => {
    // The span ends with the newest reading, so where it starts moves as well.
    const renewed = JSON.parse(all(".chart", detail)[index]?.dataset.lines ?? "[]");
    if (renewed.length === lines.length) lines = renewed;
    load().catch(() => {});
  });
}

all(".chart").forEach(chart);
