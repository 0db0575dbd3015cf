// One region at a glance: each driving force with its level, what separates it from country and Union, its course, and
// the Digital Decade's target.
"use strict";

// Of several publishers the one whose figures compare with the Union; then the newest year.
tejido.pickSeries = function pickSeries(rows) {
  const measured = rows.filter((row) => row.status === undefined || row.status === "measured" || row.share != null);
  const groups = [...tejido.group(measured, (row) => `${row.publisher} ${row.sector}`).values()];
  const worth = (group) => [group.filter((row) => row.share != null).length > 0, group.some((row) => row.eu_share != null), group.length];
  groups.sort((a, b) => {
    const [x, y] = [worth(a), worth(b)];
    const i = x.findIndex((value, k) => value !== y[k]);
    return i < 0 ? 0 : Number(y[i]) - Number(x[i]);
  });
  return groups[0] || [];
};

tejido.pages.overview = async function overview(route) {
  const { h, t } = tejido;
  const region = tejido.region();
  const country = tejido.country();
  const [rows, targets, countryTargets, countryRows] = await Promise.all([
    tejido.load("overview", region), tejido.load("targets", region),
    region === country ? [] : tejido.load("targets", country), region === country ? [] : tejido.load("overview", country)]);
  const forces = tejido.forces.map((force) => {
    const mine = rows.filter((row) => row.force === force.force);
    const series = tejido.pickSeries(mine);
    const newest = tejido.latest(series.filter((row) => row.share != null)) || tejido.latest(mine);
    const ofCountry = tejido.pickSeries(countryRows.filter((row) => row.force === force.force));
    return { force, series, newest, status: newest && newest.share != null ? "measured" : newest ? newest.status : "not_in_data",
      ofCountry: tejido.latest(ofCountry.filter((row) => row.share != null)),
      target: tejido.targetOf(targets, newest) };
  });
  const measured = forces.filter((one) => one.status === "measured");
  const lagging = measured.filter((one) => one.newest.gap_to_country_points != null && one.newest.gap_to_country_points < 0);
  const comparable = measured.filter((one) => one.newest.gap_to_country_points != null);
  const lead = !measured.length ? t("overview_none", { region: tejido.regionName(region) })
    : region === country || !comparable.length ? t("overview_lead_country", { region: tejido.regionName(region) })
    : tejido.sentence("overview_lead", { region: tejido.regionName(region), country: tejido.regionName(country),
      behind: tejido.ofRows(lagging.map((one) => one.newest), "gap_to_country_points", comparable.map((one) => one.newest)),
      measured: tejido.ofRows(comparable.map((one) => one.newest), "gap_to_country_points") });
  return [
    tejido.heading(tejido.regionName(region), lead, tejido.regionChoice()),
    tejido.key(),
    tejido.overviewTable(forces, region, country),
    tejido.overviewChart(measured, region, country),
    tejido.targetSection(targets, countryTargets, region, country),
  ];
};

// How many rows, each of which can be asked for this column of it; where it is none, those that were looked at.
tejido.ofRows = function ofRows(rows, column, among = []) {
  const asked = rows.length ? rows : among;
  const isOfficial = asked.every((row) => (row.row_provenance ?? row.provenance) === "official");
  return tejido.figure(tejido.number(rows.length), { provenance: isOfficial ? "official" : "synthetic" }, [], null, asked.map((row) => tejido.asked(row, column)));
};

tejido.targetOf = (targets, row) =>
  row && targets.find((one) => one.indicator === row.indicator && one.publisher === row.publisher && one.share != null);

tejido.overviewTable = function overviewTable(forces, region, country) {
  const { h, t } = tejido;
  const label = (one, what) => `${tejido.named(one.force)}, ${what}, ${one.newest.time_period}`;
  const if_ = (one, cell) => (one.status === "measured" ? cell() : h("span", { class: "missing" }, "–"));
  return tejido.table(t("overview_table", { region: tejido.regionName(region) }), [
    { label: t("force"), head: true, cell: (one) => [
      h("a", { href: tejido.link("force", one.force.force, tejido.carried()) }, tejido.named(one.force)),
      h("small", {}, one.status === "measured" ? tejido.named(one.force, "statement") : t(`status_${one.status}`))] },
    { label: t("level"), number: true, cell: (one) => (one.status === "measured"
      ? [h("span", { class: "big" }, tejido.share(one.newest, label(one, tejido.regionName(region)))),
        h("small", {}, `${one.newest.time_period} · ${one.newest.publisher}`)]
      : one.ofCountry && region !== country
        ? [tejido.share(one.ofCountry, `${tejido.named(one.force)}, ${tejido.regionName(country)}`), h("small", {}, t("only_country", { country: tejido.regionName(country), year: one.ofCountry.time_period }))]
        : h("span", { class: "missing" }, t("no_figure"))) },
    region === country ? null : { label: t("gap_to", { name: tejido.regionName(country) }), number: true, cell: (one) => if_(one, () => [
      tejido.gap(one.newest.gap_to_country_points, one.newest, ["country"], label(one, t("gap_to", { name: tejido.regionName(country) })), "gap_to_country_points"),
      one.newest.years_behind_country_status === "known"
        ? h("small", {}, tejido.sentence("years_behind", { years: tejido.computed(one.newest, "years_behind_country", tejido.number(one.newest.years_behind_country, 1),
          label(one, t("years_behind_label")), tejido.origins(one.newest, ["country_before", "country_after"]), { provenance: one.newest.row_provenance }) })) : null]) },
    { label: t("gap_to", { name: t("eu_short") }), number: true, cell: (one) => if_(one, () =>
      tejido.gap(one.newest.gap_to_eu_points, one.newest, ["eu"], label(one, t("gap_to", { name: t("eu_short") })), "gap_to_eu_points")) },
    region === country ? null : { label: t("place"), number: true, cell: (one) => if_(one, () => (one.newest.rank_in_country
      ? tejido.rank(one.newest, label(one, t("place"))) : "–")) },
    { label: t("course"), cell: (one) => if_(one, () => h("a", { class: "course", href: tejido.link("force", one.force.force, tejido.carried()) }, tejido.plots.spark(
      one.series.slice().sort((a, b) => (a.time_period < b.time_period ? -1 : 1)),
      t("course_label", { name: tejido.named(one.force), course: one.series.filter((row) => row.share != null).map((row) => `${row.time_period} ${tejido.percent(row.share)}`).join(", ") })))) },
    { label: t("target"), cell: (one) => (one.target ? tejido.targetBar(one.target) : h("span", { class: "missing" }, t("no_target"))) },
  ].filter(Boolean), forces, { class: "cards" });
};

// The place among the regions of the country; the panel has them all.
tejido.rank = (row, label) => tejido.computed(row, "rank_in_country", tejido.t("place_of", { place: row.rank_in_country, of: row.regions_in_country }),
  label, tejido.origins(row), { provenance: row.row_provenance });

// How far towards a target: a bar with the target as its end, and the words.
tejido.targetBar = function targetBar(row) {
  const { h, t } = tejido;
  const done = Math.min(100, (row.share / row.target_share) * 100);
  return h("div", { class: "target" },
    h("div", { class: `bar ${row.provenance}`, "aria-hidden": "true" }, h("i", { style: `width:${done}%` })),
    h("small", {}, tejido.sentence("target_is", { share: tejido.computed(row, "target_share", tejido.percent(row.target_share, 0), t("target"), [], {}), year: row.target_year }), " ",
      tejido.targetWords(row)));
};

tejido.targetWords = function targetWords(row) {
  const { t } = tejido;
  return tejido.sentence(`target_${row.status}`, {
    distance: tejido.computed(row, "distance_points", tejido.number(row.distance_points, 1), t("missing_points"), tejido.origins(row)),
    year: row.reached_in_year ? tejido.computed(row, "reached_in_year", String(Math.ceil(row.reached_in_year)), t("outlook"), tejido.cellList(row.cells), { provenance: row.row_provenance }) : "" });
};

tejido.intervalWords = (row, from, to) => tejido.sentence("interval", {
  from: tejido.computed(row, "reached_from_year", String(Math.floor(from)), tejido.t("interval_label"), tejido.cellList(row.cells), { provenance: row.row_provenance }),
  to: tejido.computed(row, "reached_to_year", String(Math.ceil(to)), tejido.t("interval_label"), tejido.cellList(row.cells), { provenance: row.row_provenance }) });

tejido.overviewChart = function overviewChart(measured, region, country) {
  const { t } = tejido;
  const kinds = [
    { key: "region", code: region, symbol: "circle", r: 7, colour: "var(--accent)", name: tejido.regionName(region) },
    region === country ? null : { key: "country", code: country, symbol: "square", r: 5, colour: "var(--ink)", name: tejido.regionName(country) },
    { key: "eu", symbol: "triangle", r: 5, colour: "var(--muted)", name: t("eu") },
    { key: "best", symbol: "star", r: 5, colour: "var(--second)", name: t("best_region") },
  ].filter(Boolean);
  const rows = measured.map(({ force, newest }) => {
    const beside = (prefix, code) => newest[`${prefix}_share`] == null ? null : {
      region: code, time_period: newest.time_period, share: newest[`${prefix}_share`],
      flags: newest[`${prefix}_flags`], provenance: newest[`${prefix}_provenance`], snapshot: newest[`${prefix}_snapshot`], cell: newest[`${prefix}_cell`],
    };
    return { name: tejido.named(force), region: newest, country: beside("country", country),
      eu: beside("eu", "EU27_2020"), best: beside("best", newest.best_region) };
  });
  if (!rows.length) return null;
  return tejido.chart({
    title: t("levels_title"), note: t("levels_note"), name: `${tejido.regionName(region)} ${t("levels_title")}`,
    legend: kinds.map((kind) => tejido.legendMark(kind)),
    draw: (width, id) => tejido.plots.levels(rows, width, id, kinds),
    table: () => tejido.table(t("levels_title"), [
      { label: t("force"), head: true, cell: (row) => row.name },
      { label: t("year"), cell: (row) => row.region.time_period },
      ...kinds.map((kind) => ({ label: kind.name, number: true, cell: (row) => (row[kind.key]
        ? [tejido.share(row[kind.key], `${row.name}, ${kind.name}`), kind.key === "best" ? h_small(tejido.regionName(row.best.region)) : null] : "–") })),
    ], rows),
  });
};

function h_small(text) { return tejido.h("small", {}, text); }

// A mark as the charts draw it, with its name.
tejido.legendMark = function legendMark({ symbol, colour, name, dash, line }) {
  const { svg } = tejido;
  const shape = {
    circle: () => svg("circle", { cx: 8, cy: 8, r: 5 }), square: () => svg("rect", { x: 3.5, y: 3.5, width: 9, height: 9 }),
    triangle: () => svg("path", { d: "M8 3 L13 12 L3 12 Z" }),
    star: () => svg("path", { d: "M8 2 L9.8 6.2 L14.3 6.6 L10.9 9.6 L11.9 14 L8 11.6 L4.1 14 L5.1 9.6 L1.7 6.6 L6.2 6.2 Z" }),
  }[symbol];
  return tejido.h("span", { class: "mark" },
    svg("svg", { width: line ? 28 : 16, height: 16, "aria-hidden": "true", style: `color:${colour}`, fill: "currentColor", stroke: "currentColor" },
      line ? svg("line", { x1: 1, x2: 27, y1: 8, y2: 8, "stroke-width": 2.5, "stroke-dasharray": dash }) : shape()),
    name);
};

// A target in a word or two, where it is one that we know.
tejido.targetShort = (row) => tejido.text[tejido.language][`short_${row.target_measure}`] || tejido.named(row);

tejido.outlookChart = function outlookChart(rows, where, own) {
  const targetsHere = new Set(own);
  const { t } = tejido;
  const shown = rows.filter((row) => row.reached_in_year != null).map((row) => ({
    ...row, name: `${tejido.targetShort(row)}, ${row.publisher}${targetsHere.has(row) ? "" : `, ${where(row)}`}`, year: row.reached_in_year, from: row.reached_from_year,
    to: row.reached_to_year, goal: row.target_year, provenance: row.row_provenance }));
  if (!shown.length) return null;
  const interval = (row) => (row.from == null ? t("no_interval") : t("interval", { from: Math.floor(row.from), to: Math.ceil(row.to) }));
  return tejido.chart({
    title: t("outlook_title"), note: t("outlook_note"),
    draw: (width, id) => tejido.plots.outlook(shown, width, id, (row) => ({
      label: `${row.name}: ${Math.ceil(row.year)}. ${interval(row)} (${tejido.kindWords(row)})`, origins: tejido.cellList(row.cells), value: row.year, numbers: [tejido.asked(row, "reached_in_year")] })),
    table: () => tejido.table(t("outlook_title"), [
      { label: t("target"), head: true, cell: (row) => row.name },
      { label: t("year"), number: true, cell: (row) => tejido.computed(row, "reached_in_year", String(Math.ceil(row.year)), t("outlook_title"), tejido.cellList(row.cells)) },
      { label: t("interval_label"), cell: (row) => (row.from == null ? t("no_interval") : tejido.intervalWords(row, row.from, row.to)) },
    ], shown),
  });
};

tejido.targetSection = function targetSection(targets, countryTargets, region, country) {
  const { h, t } = tejido;
  const rows = [...targets, ...countryTargets.filter((row) => !targets.some((mine) => mine.target_measure === row.target_measure && mine.share != null))]
    .filter((row) => row.share != null);
  if (!rows.length) return null;
  const where = (row) => (targets.includes(row) ? tejido.regionName(region) : t("only_country", { country: tejido.regionName(country), year: row.time_period }));
  return h("section", {}, h("h2", {}, t("targets_title")), h("p", { class: "muted" }, t("targets_note")),
    tejido.outlookChart(rows, where, targets),
    tejido.table(t("targets_title"), [
      { label: t("target"), head: true, cell: (row) => [tejido.named(row), row.measure === "proxy" ? h_small(t("proxy")) : null] },
      { label: t("where"), cell: (row) => [where(row), h_small(`${row.publisher} · ${row.time_period}`)] },
      { label: t("level"), number: true, cell: (row) => tejido.share(row, tejido.named(row)) },
      { label: t("missing_points"), number: true, cell: (row) => tejido.computed(row, "distance_points", tejido.number(row.distance_points, 1), t("missing_points"), tejido.origins(row)) },
      { label: t("pace"), number: true, cell: (row) => (row.trend_points_per_year == null ? "–"
        : tejido.computed(row, "trend_points_per_year", tejido.points(row.trend_points_per_year), t("pace"), tejido.cellList(row.cells), { provenance: row.row_provenance })) },
      { label: t("needed_pace"), number: true, cell: (row) => (row.needed_points_per_year == null ? "–"
        : tejido.computed(row, "needed_points_per_year", tejido.points(row.needed_points_per_year), t("needed_pace"), tejido.origins(row))) },
      { label: t("outlook"), cell: (row) => [tejido.targetWords(row),
        row.reached_from_year ? h_small(tejido.intervalWords(row, row.reached_from_year, row.reached_to_year))
          : row.interval_status === "fewer_than_four_years" && row.reached_in_year ? h_small(t("interval_few")) : null] },
    ], rows, { class: "cards" }));
};
