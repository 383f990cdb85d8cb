// The ticks on the axes of charts that scripts draw, as web/axes.py has them for pictures. Times are
// in seconds since the epoch, in UTC.
"use strict";

const MINUTE = 60, HOUR = 3600, DAY = 86400, MONDAY = 4 * DAY, YEAR = 365.2425 * DAY;
const CLOCK_STEPS = [MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY];
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const MONTH_STEPS = [1, 3, 6, 12, 24, 60, 120];
const AGE_STEPS = [
  ...[1, 3, 6, 12].map((hours) => [hours * HOUR, "h", hours]),
  ...[1, 2, 5, 10, 20, 30, 60, 90].map((days) => [days * DAY, "d", days]),
  ...[1, 2, 5, 10, 20].map((years) => [years * YEAR, "y", years]),
];
const DIGITS = [...Array(10).keys()].flatMap((zeros) => [1, 2, 5].map((first) => first * 10 ** zeros));  // 1, 2, 5, 10, …
const MOST_TICKS = { clock: 10, month: 12, age: 8 };  // ticks, however wide it is
const ROOM = { clock: 62, month: 38, age: 44 };  // pixels that a label takes, with those around it

const mostTicks = (kind, width) => Math.min(MOST_TICKS[kind], Math.max(2, width / ROOM[kind]));
const ticksBetween = (from, to, every) => Array.from({ length: Math.max(0, Math.floor((to - from) / every) + 1) }, (_, i) => from + i * every);

// The moments on the axis, as those of the picture (web/axes.py), but as many as there is room for.
function moments(first, last, width) {
  for (const every of CLOCK_STEPS) {
    const start = MONDAY + Math.ceil((first - MONDAY) / every) * every;
    if ((last - start) / every < mostTicks("clock", width)) return ticksBetween(start, last, every);
  }
  const year = new Date(first * 1000).getUTCFullYear();
  let ticks = [];
  for (const every of MONTH_STEPS) {
    const months = ticksBetween(0, 12 * (new Date(last * 1000).getUTCFullYear() - year) + 11, 1).filter((month) => (12 * year + month) % every === 0);
    ticks = months.map((month) => Date.UTC(year, month) / 1000).filter((at) => first <= at && at <= last);
    if (ticks.length <= mostTicks("month", width)) break;
  }
  return ticks;
}

// Their labels; under the first of them what those leave out.
function momentLabels(ticks) {
  const monthly = ticks.every((at) => new Date(at * 1000).getUTCDate() === 1 && at % DAY === 0) && ticks[1] - ticks[0] > 14 * DAY;
  return ticks.map((at, i) => {
    const when = new Date(at * 1000), month = MONTHS[when.getUTCMonth()];
    const day = `${when.getUTCDate()} ${month}`, year = when.getUTCFullYear();
    if (monthly) return when.getUTCMonth() ? (i ? month : `${month}\n${year}`) : `${year}`;
    if (at % DAY === 0) return i ? day : `${day}\n${year}`;
    const time = when.toISOString().slice(11, 16);
    return i ? time : `${time}\n${day}`;
  });
}

// The unit of ages: how many seconds, its letter, and how many of those one is.
function ageStep(length, width) {
  return AGE_STEPS.find(([every]) => length / every < mostTicks("age", width)) ?? AGE_STEPS.at(-1);
}

const countStep = (low, high) => DIGITS.find((size) => Math.ceil(high / size) - Math.floor(low / size) <= 5);

// Counts that enclose two: from 0, unless these differ by less than a third.
function counts(low, high) {
  if (low === high) [low, high] = [Math.max(low - 1, 0), high + 1];
  if (3 * (high - low) >= high) low = 0;
  const step = countStep(low, high);
  return ticksBetween(Math.floor(low / step) * step, Math.ceil(high / step) * step, step);
}

// On an axis of powers: 1, 2 and 5 times those of ten, or these alone where there are more.
function powers(low, high) {
  [low, high] = [Math.max(low, 1), Math.max(high, 2)];
  let chosen;
  for (const ticks of [DIGITS, DIGITS.filter((_, i) => i % 3 === 0)]) {
    const first = ticks.findLast((tick) => tick <= low), last = ticks.find((tick) => tick >= high && tick > first);
    chosen = ticks.filter((tick) => first <= tick && tick <= last);
    if (chosen.length <= 7) break;
  }
  return chosen;
}

// A tick's label: 0, 250k, 1.2M, or in full where ticks are less than 1,000 apart.
function countLabel(count, step) {
  if (step < 1000 || !count) return count.toLocaleString("en");
  return count >= 1e6 ? `${count / 1e6}M` : `${count / 1e3}k`;
}

const ends = (ticks) => [ticks[0], ticks.at(-1)];

// Axes, as uPlot takes them.

const widthOf = (plot) => plot.bbox.width / devicePixelRatio;
const ageStepOf = (plot) => ageStep(plot.scales.x.max - plot.scales.x.min, widthOf(plot));
const MOMENTS = {
  splits: (plot, _, first, last) => moments(first, last, widthOf(plot)),
  values: (_, ticks) => momentLabels(ticks),
};
const AGES = {
  splits: (plot, _, first, last) => { const [every] = ageStepOf(plot); return ticksBetween(Math.ceil(first / every) * every, last, every); },
  values: (plot, ticks) => { const [every, unit, number] = ageStepOf(plot); return ticks.map((at) => at ? `${Math.round(at / every) * number} ${unit}` : "0"); },
};
const COUNTS = {
  splits: ({ scales: { y } }) => ticksBetween(y.min, y.max, countStep(y.min, y.max)),
  values: (_, ticks) => ticks.map((count) => countLabel(count, ticks[1] - ticks[0])),
};
const POWERS = {
  splits: ({ scales: { y } }) => powers(y.min, y.max),
  filter: (_, ticks) => ticks,
  values: (_, ticks) => ticks.map((count) => countLabel(count, count)),
};
