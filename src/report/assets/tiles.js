// The heat map of regions and activities, and the tile maps: equal squares in about the right places. The grids are our
// own, so no boundaries of anybody are drawn, and small regions are as large as others.
"use strict";

// column, row
tejido.grids = {
  spain: {
    ES11: [0, 0], ES12: [1, 0], ES13: [2, 0], ES21: [3, 0], ES22: [4, 0],
    ES41: [2, 1], ES23: [3, 1], ES24: [4, 1], ES51: [5, 1],
    ES43: [1, 2], ES30: [2, 2], ES42: [3, 2], ES52: [4, 2], ES53: [5, 2],
    ES61: [2, 3], ES62: [3, 3],
    ES70: [0, 4], ES63: [2, 4], ES64: [3, 4],
  },
  europe: {
    IS: [0, 0], NO: [4, 0], SE: [5, 0], FI: [6, 0],
    DK: [4, 1], EE: [6, 1],
    IE: [0, 2], UK: [1, 2], NL: [3, 2], DE: [4, 2], PL: [5, 2], LV: [6, 2],
    BE: [2, 3], LU: [3, 3], CZ: [4, 3], SK: [5, 3], LT: [6, 3],
    FR: [2, 4], CH: [3, 4], AT: [4, 4], HU: [5, 4], RO: [6, 4],
    PT: [0, 5], ES: [1, 5], IT: [3, 5], SI: [4, 5], HR: [5, 5], RS: [6, 5], BG: [7, 5],
    BA: [5, 6], ME: [6, 6], MK: [7, 6], TR: [8, 6],
    MT: [3, 7], AL: [6, 7], EL: [7, 7], CY: [8, 7],
  },
};

tejido.shortRegion = {
  ES11: "GAL", ES12: "AST", ES13: "CAN", ES21: "PVA", ES22: "NAV", ES23: "RIO", ES24: "ARA", ES30: "MAD", ES41: "CYL",
  ES42: "CLM", ES43: "EXT", ES51: "CAT", ES52: "VAL", ES53: "BAL", ES61: "AND", ES62: "MUR", ES63: "CEU", ES64: "MEL", ES70: "CNR",
};

// From the paper's colour to the accent's, as plain rgb, with ink that can be read on it.
tejido.shade = function shade(top) {
  const style = getComputedStyle(document.documentElement);
  const rgb = (name) => d3.rgb(style.getPropertyValue(name).trim());
  const ramp = d3.interpolateRgb(rgb("--paper"), rgb("--accent"));
  const light = (colour) => {
    const linear = (c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(colour.r) + 0.7152 * linear(colour.g) + 0.0722 * linear(colour.b);
  };
  return (value) => {
    if (value == null) return { fill: "var(--paper)", ink: "var(--muted)" };
    const fill = ramp(0.06 + 0.94 * Math.min(1, value / top));
    // Black on it, or white: whichever has more contrast.
    return { fill, ink: light(d3.rgb(fill)) > 0.179 ? "#000" : "#fff" };
  };
};

tejido.tileText = (row) => (row.share == null ? (/c/.test(row.flags || "") ? "c" : "–") : tejido.number(row.share, 1));

// Squares of any grid: rows { x, y, code, share, … }.
tejido.plots.tiles = function tiles(rows, width, id, { chosen, columns, lines }) {
  const side = Math.min(width / columns, 92);
  const narrow = side < 50;
  const shade = tejido.shade(Math.max(1, ...rows.map((row) => row.share ?? 0)));
  const shown = rows.map((row) => ({ ...row, ...shade(row.share) }));
  const svg = Plot.plot(tejido.plots.base(side * columns, side * lines, {
    margin: 1, x: { domain: d3.range(columns), axis: null, padding: 0 }, y: { domain: d3.range(lines), axis: null, padding: 0 },
    marks: [
      Plot.cell(shown, { x: "x", y: "y", inset: 2, fill: "fill", stroke: (row) => (row.share == null ? "var(--line)" : "none"), render: tejido.askable(shown, tejido.plots.describe) }),
      // Synthetic: a dashed frame within the square.
      Plot.cell(shown.filter((row) => row.provenance === "synthetic" && row.share != null), { x: "x", y: "y", inset: narrow ? 4 : 5, fill: "none", stroke: "ink", strokeDasharray: "3 3", pointerEvents: "none" }),
      Plot.cell(shown.filter((row) => row.code === chosen), { x: "x", y: "y", inset: 1, fill: "none", stroke: "var(--ink)", strokeWidth: 3, pointerEvents: "none" }),
      Plot.text(shown, { x: "x", y: "y", dy: narrow ? -7 : -10, text: (row) => tejido.shortRegion[row.code] || row.code, fill: "ink", fontWeight: 600, fontSize: narrow ? 9.5 : 12, pointerEvents: "none" }),
      tejido.plots.texts(shown, { x: "x", y: "y", dy: narrow ? 6 : 9, text: (row) => tejido.tileText(row) + (narrow ? "" : (row.flags || "").replace("c", "")), fill: "ink", fontSize: narrow ? 10 : 14, pointerEvents: "none" }),
    ],
    color: { type: "identity" },
  }));
  return tejido.plots.defs(svg, id);
};

// Regions down, activities across.
tejido.plots.heat = function heat(rows, width, id, { chosen, regions, sectors, name }) {
  const shade = tejido.shade(Math.max(1, ...rows.map((row) => row.share ?? 0)));
  const shown = rows.map((row) => ({ ...row, ...shade(row.share) }));
  // On a telephone the names would take half of the screen.
  const narrow = matchMedia("(max-width: 720px)").matches;
  const label = (region) => (narrow ? tejido.shortRegion[region] || region : tejido.fit(tejido.regionName(region), 176));
  const svg = Plot.plot(tejido.plots.base(width, regions.length * 30 + 160, {
    marginTop: 150, marginLeft: narrow ? 44 : 186, marginRight: 130, marginBottom: 6,
    x: { domain: sectors, axis: "top", label: null, tickSize: 0, tickRotate: -38, padding: 0, tickFormat: (sector) => tejido.cut(name(sector), 30) },
    y: { domain: regions, label: null, tickSize: 0, padding: 0 },
    marks: [
      Plot.cell(shown, { x: "sector", y: "region", inset: 1, fill: "fill", stroke: (row) => (row.share == null ? "var(--line)" : "none"), render: tejido.askable(shown, tejido.plots.describe) }),
      Plot.cell(shown.filter((row) => row.provenance === "synthetic" && row.share != null), { x: "sector", y: "region", inset: 3, fill: "none", stroke: "ink", strokeDasharray: "3 3", strokeOpacity: 0.7, pointerEvents: "none" }),
      tejido.plots.texts(shown, { x: "sector", y: "region", text: (row) => tejido.tileText(row) + (row.share == null ? "" : (row.flags || "")), fill: "ink", pointerEvents: "none" }),
      Plot.axisY(regions.filter((region) => region !== chosen), { tickSize: 0, label: null, tickFormat: label }),
      chosen && regions.includes(chosen) ? Plot.axisY([chosen], { tickSize: 0, label: null, fontWeight: 700, tickFormat: label }) : null,
    ],
    color: { type: "identity" },
  }));
  return tejido.plots.defs(svg, id);
};
