// The charts: lines over the years, bars of regions, levels side by side, and the heat map. Drawn with Observable Plot.
// What is official is filled, what is synthetic hollow or hatched; a break cuts the line; low reliability has a dotted ring.
"use strict";

tejido.plots = {};

tejido.plots.base = (width, height, more) => ({
  width, height, className: "plot",
  style: { background: "transparent", color: "var(--ink)", fontFamily: "inherit", fontSize: "12px", overflow: "visible" },
  ...more,
});

// Hatchings of one chart, since patterns are named within a document.
tejido.plots.defs = function defs(svg, id) {
  const pattern = (name, colour) => tejido.svg("pattern",
    { id: `${id}-${name}`, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    tejido.svg("rect", { width: 6, height: 6, fill: "var(--paper)" }),
    tejido.svg("rect", { width: 2.4, height: 6, fill: colour }));
  svg.prepend(tejido.svg("defs", {}, pattern("accent", "var(--accent)"), pattern("grey", "var(--muted)"),
    pattern("second", "var(--second)"), pattern("ink", "var(--ink)")));
  return svg;
};

// Texts, of which some look different. Plot gives style and weight to a whole mark, so there are two.
tejido.plots.texts = (rows, options, isOther = (row) => row.provenance === "synthetic", look = { fontStyle: "italic" }) => [
  Plot.text(rows.filter((row) => !isOther(row)), options),
  Plot.text(rows.filter(isOther), { ...options, ...look }),
];

tejido.plots.describe = (row) => ({
  label: `${tejido.regionName(row.region)}${row.sector && row.sector !== tejido.totals[0] && row.sector !== "_Z" ? `, ${tejido.sectorName(row.sector, true)}` : ""}, ${row.time_period}: ${
    row.share == null ? tejido.t(/c/.test(row.flags || "") ? "confidential" : "no_value") : tejido.percent(row.share, 2)} (${tejido.kindWords(row)})`,
  origins: tejido.origins(row),
  value: row.share,
  numbers: row.snapshot ? [] : [tejido.asked(row, "share")],
});

// Whether a series begins anew: the source says so with a flag, or the codelist of breaks with another segment.
tejido.plots.begins = (row, before) => /b/.test(row.flags || "") || (before != null && row.segment != null && row.segment !== before.segment);

// Lines: series are { name, rows, colour, width, dash }, each row with time_period, share, flags, provenance.
tejido.plots.lines = function lines(series, width, id, target) {
  const narrow = width < 560;
  const years = [...new Set(series.flatMap((one) => one.rows.map((row) => Number(row.time_period))))].sort();
  const points = series.flatMap((one) => {
    let run = 0;
    let before = null;
    return one.rows.slice().sort((a, b) => (a.time_period < b.time_period ? -1 : 1)).map((row) => {
      // After a break or a missing year the figures do not continue the line.
      const begins = tejido.plots.begins(row, before);
      if (begins || row.share == null) run += 1;
      before = row;
      return { ...row, begins, year: Number(row.time_period), series: one, run: `${one.name} ${run}` };
    });
  });
  const drawn = points.filter((point) => point.share != null);
  const height = narrow ? 300 : 340;
  const top = Math.min(100, Math.max(5, ...drawn.map((point) => point.share), target || 0) * 1.12);
  const right = narrow ? 84 : 168;
  const last = series.map((one) => drawn.filter((point) => point.series === one).at(-1)).filter(Boolean)
    .map((point) => ({ ...point, at: point.share })).sort((a, b) => b.at - a.at);
  // Labels at the ends of the lines keep their distance.
  const step = (14 / (height - 50)) * top;
  for (let i = 1; i < last.length; i += 1) last[i].at = Math.min(last[i].at, last[i - 1].at - step);
  const breaks = [...new Set(drawn.filter((point) => point.begins).map((point) => point.year))];
  const svg = Plot.plot(tejido.plots.base(width, height, {
    marginLeft: 50, marginRight: right, marginTop: 18, marginBottom: 30,
    x: { domain: [Math.min(...years) - 0.2, Math.max(...years) + 0.2], ticks: years, tickFormat: (year) => String(year), label: null },
    y: { domain: [0, top], grid: true, ticks: 5, tickFormat: (value) => tejido.percent(value, 0), label: null, zero: true },
    marks: [
      Plot.ruleY([0], { stroke: "var(--line)" }),
      target ? Plot.ruleY([target], { stroke: "var(--ink)", strokeDasharray: "1 4" }) : null,
      target ? Plot.text([target], { x: () => years[0], y: (value) => value, text: (value) => tejido.t("target_line", { share: tejido.percent(value, 0) }), textAnchor: "start", dy: -7, fill: "var(--ink)" }) : null,
      breaks.length ? Plot.ruleX(breaks, { x: (year) => year - 0.5, stroke: "var(--muted)", strokeDasharray: "4 3" }) : null,
      breaks.length ? Plot.text(breaks, { x: (year) => year - 0.5, y: top, text: () => tejido.t("break_mark"), textAnchor: "start", dx: 4, dy: 6, fill: "var(--muted)" }) : null,
      series.map((one) => Plot.line(drawn.filter((point) => point.series === one), {
        x: "year", y: "share", z: "run", stroke: one.colour, strokeWidth: one.width, strokeDasharray: one.dash,
      })),
      Plot.dot(drawn.filter((point) => /u/.test(point.flags || "")), { x: "year", y: "share", r: 9, stroke: "var(--ink)", strokeDasharray: "1 2.5" }),
      Plot.dot(drawn, {
        x: "year", y: "share", r: 4.5, strokeWidth: 2,
        symbol: (point) => (tejido.isEstimated(point.flags) ? "triangle" : point.provenance === "synthetic" ? "diamond" : "circle"),
        stroke: (point) => point.series.colour,
        fill: (point) => (point.provenance === "synthetic" ? "var(--paper)" : point.series.colour),
        render: tejido.askable(drawn, tejido.plots.describe),
      }),
      points.length > drawn.length ? Plot.text(points.filter((point) => point.share == null), {
        x: "year", y: 0, dy: -9, text: () => "×", fontSize: 15, fill: (point) => point.series.colour,
        render: tejido.askable(points.filter((point) => point.share == null), tejido.plots.describe),
      }) : null,
      tejido.plots.texts(last, {
        x: "year", y: "at", dx: 12, textAnchor: "start", fill: (point) => point.series.colour,
        text: (point) => tejido.fit(point.series.name, right - 16),
      }, (point) => point.series.width > 2, { fontWeight: 600 }),
    ].flat(),
    symbol: { type: "identity" },
    color: { type: "identity" },
  }));
  return tejido.plots.defs(svg, id);
};

// Bars: rows with a key (a region's code, say), a value, flags, provenance; the chosen one in the accent colour;
// references as rules across.
tejido.plots.bars = function bars(rows, width, id, options) {
  const { chosen, references = [], key = (row) => row.region, value = (row) => row.share, name = tejido.regionName,
    text = (row) => tejido.percent(row.share), describe = tejido.plots.describe } = options;
  const narrow = width < 560;
  const all = rows.map((row) => ({ ...row, key: key(row), bar: value(row) }))
    .sort((a, b) => (b.bar ?? -Infinity) - (a.bar ?? -Infinity) || (a.key < b.key ? -1 : 1));
  const sorted = all.filter((row) => row.bar != null);
  const isChosen = (row) => chosen === undefined || row.key === chosen;
  const solid = (row) => (isChosen(row) ? "var(--accent)" : "var(--muted)");
  const top = Math.max(1, ...sorted.map((row) => row.bar), ...references.map((one) => one.share));
  const low = Math.min(0, ...sorted.map((row) => row.bar));
  const left = tejido.labelMargin(all.map((row) => name(row.key)), narrow ? 128 : 220);
  const svg = Plot.plot(tejido.plots.base(width, all.length * 24 + 50, {
    marginLeft: left, marginRight: 70, marginTop: 26, marginBottom: 8,
    // Room for the number of a bar to the left: 60 of the pixels between the margins.
    x: { domain: [low - (low < 0 ? (top - low) * (60 / Math.max(60, width - left - 70 - 60)) : 0), top], axis: null },
    y: { domain: all.map((row) => row.key), label: null, tickSize: 0, padding: 0.25,
      tickFormat: (one) => tejido.fit(name(one), left - 10) },
    marks: [
      Plot.barX(sorted, {
        x: "bar", y: "key",
        fill: (row) => (row.provenance === "synthetic" ? `url(#${id}-${isChosen(row) ? "accent" : "grey"})` : solid(row)),
        stroke: solid, render: tejido.askable(sorted, describe),
      }),
      Plot.barX(sorted.filter((row) => /u/.test(row.flags || "")), {
        x: "bar", y: "key", fill: "none", stroke: "var(--ink)", strokeDasharray: "2 2", pointerEvents: "none",
      }),
      Plot.ruleX([0], { stroke: "var(--muted)" }),
      references.length ? Plot.ruleX(references, { x: "share", stroke: "var(--ink)", strokeOpacity: 0.6, strokeDasharray: "5 3" }) : null,
      [1, -1].map((side) => tejido.plots.texts(all.filter((row) => (row.bar < 0 ? -1 : 1) === side), {
        x: (row) => row.bar ?? 0, y: "key", textAnchor: side > 0 ? "start" : "end", dx: 6 * side, fill: "var(--ink)",
        stroke: "var(--paper)", strokeWidth: 4,
        text: (row) => (row.bar == null ? tejido.t("no_value") : `${text(row)} ${tejido.marks(row)}`),
      }, (row) => row.key === chosen, { fontWeight: 700 })),
      references.map((one, i) => Plot.text([one], {
        x: "share", frameAnchor: "top", dy: -10 - 13 * (i % 2), dx: 0, fill: "var(--ink)",
        text: (row) => `${row.name} ${tejido.percent(row.share)}`, textAnchor: one.share > top * 0.6 ? "end" : "start",
      })),
    ].flat(2),
    color: { type: "identity" },
  }));
  return tejido.plots.defs(svg, id);
};

// Levels side by side: rows { name, region: row, country: row, eu: row }, each a point that can be asked; `code` of a kind is the
// region of those of its rows that do not say one.
tejido.plots.levels = function levels(rows, width, id, kinds) {
  const narrow = width < 560;
  const points = rows.flatMap((row) => kinds.map((kind) => ({ region: kind.code, ...row[kind.key], name: row.name, kind }))).filter((point) => point.share != null);
  const spans = rows.map((row) => ({ name: row.name, values: kinds.map((kind) => row[kind.key] && row[kind.key].share).filter((value) => value != null) }))
    .filter((row) => row.values.length > 1);
  const left = tejido.labelMargin(rows.map((row) => row.name), narrow ? 128 : 250);
  const svg = Plot.plot(tejido.plots.base(width, rows.length * 42 + 40, {
    marginLeft: left, marginRight: 28, marginTop: 8, marginBottom: 30,
    x: { domain: [0, Math.min(100, Math.max(10, ...points.map((point) => point.interval_high ?? point.share)) * 1.08)], grid: true, ticks: narrow ? 4 : 6, tickFormat: (value) => tejido.percent(value, 0), label: null },
    y: { domain: rows.map((row) => row.name), label: null, tickSize: 0, tickFormat: (name) => tejido.fit(name, left - 10) },
    marks: [
      Plot.ruleY(spans, { y: "name", x1: (row) => Math.min(...row.values), x2: (row) => Math.max(...row.values), stroke: "var(--line)", strokeWidth: 3 }),
      // How sure an estimate is, and the sign that it is one.
      Plot.ruleY(points.filter((point) => point.interval_low != null), { y: "name", x1: "interval_low", x2: "interval_high", stroke: (point) => point.kind.colour, strokeWidth: 1.5, strokeDasharray: "4 2" }),
      Plot.tickX(points.filter((point) => point.interval_low != null).flatMap((point) => [point.interval_low, point.interval_high].map((x) => ({ x, name: point.name, colour: point.kind.colour }))),
        { x: "x", y: "name", insetTop: 13, insetBottom: 13, stroke: "colour", strokeWidth: 1.5 }),
      Plot.text(points.filter((point) => tejido.isEstimated(point.flags)), { x: "share", y: "name", dy: -13, text: () => "≈", fill: "var(--ink)", fontSize: 13 }),
      Plot.dot(points, {
        x: "share", y: "name", r: (point) => point.kind.r, strokeWidth: 2, symbol: (point) => point.kind.symbol,
        stroke: (point) => point.kind.colour,
        fill: (point) => (point.provenance === "synthetic" ? "var(--paper)" : point.kind.colour),
        render: tejido.askable(points, (point) => ({ ...tejido.plots.describe(point), label: `${point.name}. ${tejido.plots.describe(point).label}` })),
      }),
    ],
    r: { type: "identity" }, symbol: { type: "identity" }, color: { type: "identity" },
  }));
  return tejido.plots.defs(svg, id);
};

// What became of figures that were known.
tejido.plots.changes = {
  revised: { colour: "var(--accent)", pattern: "accent" }, flagged: { colour: "var(--muted)", pattern: "grey" },
  withdrawn: { colour: "var(--second)", pattern: "second" }, returned: { colour: "var(--ink)", pattern: "ink" },
};

// Days side by side, each a stack of rows { day, change, cells, provenance }.
tejido.plots.days = function days(rows, width, id, describe) {
  const names = [...new Set(rows.map((row) => row.day))].sort();
  const order = Object.keys(tejido.plots.changes);
  const sorted = rows.slice().sort((a, b) => order.indexOf(a.change) - order.indexOf(b.change));
  const own = Math.min(width, 120 + names.length * 110);
  const every = Math.ceil(names.length / Math.max(1, Math.floor((own - 80) / 90)));
  const svg = Plot.plot(tejido.plots.base(own, 260, {
    marginLeft: 56, marginRight: 12, marginTop: 14, marginBottom: 30,
    x: { domain: names, label: null, tickSize: 0, padding: 0.35, ticks: names.filter((_, i) => i % every === 0), tickFormat: (day) => tejido.shortDate(day) },
    y: { grid: true, ticks: 5, tickFormat: (value) => tejido.number(value), label: null, zero: true },
    marks: [
      Plot.barY(sorted, { x: "day", y: "cells", insetTop: 1, stroke: (row) => tejido.plots.changes[row.change].colour,
        fill: (row) => (row.provenance === "synthetic" ? `url(#${id}-${tejido.plots.changes[row.change].pattern})` : tejido.plots.changes[row.change].colour),
        render: tejido.askable(sorted, describe) }),
      Plot.ruleY([0], { stroke: "var(--muted)" }),
    ],
    color: { type: "identity" },
  }));
  return tejido.plots.defs(svg, id);
};

// Clusters by clusters: rows { cluster, other_cluster, common_share, common_members, provenance }.
tejido.plots.overlaps = function overlaps(rows, width, id, names, describe) {
  const shade = tejido.shade(Math.max(1, ...rows.map((row) => row.common_share)));
  const shown = rows.map((row) => ({ ...row, ...shade(row.common_share) }));
  const svg = Plot.plot(tejido.plots.base(width, names.length * 40 + 100, {
    marginTop: 92, marginLeft: 104, marginRight: 60, marginBottom: 6,
    x: { domain: names, axis: "top", label: null, tickSize: 0, tickRotate: -38, padding: 0, tickFormat: tejido.clusterName },
    y: { domain: names, label: null, tickSize: 0, padding: 0, tickFormat: tejido.clusterName },
    marks: [
      Plot.cell(names.flatMap((cluster) => names.map((other_cluster) => ({ cluster, other_cluster }))), { x: "other_cluster", y: "cluster", inset: 1,
        fill: (one) => (one.cluster === one.other_cluster ? "var(--line)" : "none"), stroke: "var(--line)", pointerEvents: "none" }),
      Plot.cell(shown, { x: "other_cluster", y: "cluster", inset: 1, fill: "fill", render: tejido.askable(shown, describe) }),
      Plot.cell(shown.filter((row) => row.provenance === "synthetic"), { x: "other_cluster", y: "cluster", inset: 3, fill: "none", stroke: "ink", strokeDasharray: "3 3", strokeOpacity: 0.7, pointerEvents: "none" }),
      tejido.plots.texts(shown, { x: "other_cluster", y: "cluster", text: (row) => tejido.percent(row.common_share, 0), fill: "ink", pointerEvents: "none" }),
    ],
    color: { type: "identity" },
  }));
  return tejido.plots.defs(svg, id);
};

// When each target would be reached by its pace: a mark at the year, its 95 % interval as a line, the target year as a
// rule. Rows { name, year, from, to, goal, provenance, … }; what lies beyond the scale is an arrow at its end.
tejido.plots.outlook = function outlook(rows, width, id, describe) {
  const narrow = width < 560;
  const [first, last] = [2020, 2065];
  const shown = rows.map((row, i) => ({ ...row, key: String(i), at: Math.min(last, Math.max(first, row.year)) }));
  const within = (year) => Math.min(last, Math.max(first, year));
  const left = tejido.labelMargin(shown.map((row) => row.name), narrow ? 150 : Math.max(340, width * 0.4));
  const svg = Plot.plot(tejido.plots.base(width, shown.length * 34 + 50, {
    marginLeft: left, marginRight: 60, marginTop: 22, marginBottom: 26,
    x: { domain: [first, last], ticks: narrow ? 3 : 8, tickFormat: (year) => String(year), label: null, grid: true },
    y: { domain: shown.map((row) => row.key), label: null, tickSize: 0, tickFormat: (key) => tejido.fit(shown[Number(key)].name, left - 10) },
    marks: [
      Plot.ruleX([...new Set(shown.map((row) => row.goal))], { stroke: "var(--ink)", strokeDasharray: "4 3" }),
      Plot.text([...new Set(shown.map((row) => row.goal))], { x: (goal) => goal, frameAnchor: "top", dy: -12, text: (goal) => String(goal), fill: "var(--ink)", fontWeight: 600 }),
      Plot.ruleY(shown.filter((row) => row.from != null), { y: "key", x1: (row) => within(row.from), x2: (row) => within(row.to), stroke: "var(--accent)", strokeWidth: 2 }),
      Plot.tickX(shown.filter((row) => row.from != null).flatMap((row) => [row.from, row.to].filter((year) => year >= first && year <= last).map((year) => ({ year, key: row.key }))),
        { x: "year", y: "key", insetTop: 11, insetBottom: 11, stroke: "var(--accent)", strokeWidth: 2 }),
      Plot.dot(shown, { x: "at", y: "key", r: 6, strokeWidth: 2, stroke: "var(--accent)",
        symbol: (row) => (row.provenance === "synthetic" ? "diamond" : "circle"),
        fill: (row) => (row.provenance === "synthetic" ? "var(--paper)" : "var(--accent)"), render: tejido.askable(shown, describe) }),
      Plot.text(shown, { x: (row) => Math.max(row.at, row.to == null ? first : within(row.to)), y: "key", dx: 11, textAnchor: "start", fill: "var(--ink)", stroke: "var(--paper)", strokeWidth: 4,
        text: (row) => `${row.year > last ? "→ " : ""}${Math.ceil(row.year)}` }),
    ],
    symbol: { type: "identity" }, color: { type: "identity" },
  }));
  return tejido.plots.defs(svg, id);
};

// A small line for a table: no axes, and the newest point as a mark.
tejido.plots.spark = function spark(rows, label) {
  const points = rows.filter((row) => row.share != null);
  if (points.length < 2) return tejido.h("span", { class: "missing" }, tejido.t("one_year"));
  const [w, hgt] = [110, 30];
  const years = points.map((row) => Number(row.time_period));
  const top = Math.max(...points.map((row) => row.share)) * 1.1 || 1;
  const x = (row) => 5 + ((Number(row.time_period) - years[0]) / (years.at(-1) - years[0])) * (w - 10);
  const y = (row) => hgt - 4 - (row.share / top) * (hgt - 8);
  const pieces = [];
  points.forEach((row, i) => {
    if (!pieces.length || tejido.plots.begins(row, points[i - 1])) pieces.push([]);
    pieces.at(-1).push(row);
  });
  return tejido.svg("svg", { class: "spark", width: w, height: hgt, viewBox: `0 0 ${w} ${hgt}`, role: "img", "aria-label": label },
    pieces.map((piece) => tejido.svg("polyline", { points: piece.map((row) => `${x(row)},${y(row)}`).join(" "), fill: "none", stroke: "currentColor", "stroke-width": 1.75 })),
    points.map((row) => tejido.svg("circle", {
      cx: x(row), cy: y(row), r: row === points.at(-1) ? 3.5 : 2, stroke: "currentColor", "stroke-width": 1.25,
      fill: row.provenance === "synthetic" ? "var(--paper)" : "currentColor",
    })));
};
