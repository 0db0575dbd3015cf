// Clusters: who their members are, where their activities lag, who in the supplying cluster can help, and who is in two.
"use strict";

tejido.pages.clusters = async function clustersPage(route) {
  const [clusters, needs, overlaps] = await Promise.all([tejido.load("clusters"), tejido.load("needs"), tejido.load("overlaps")]);
  const one = clusters.find((row) => row.cluster === route.subject);
  return one ? tejido.clusterPage(one, needs, overlaps) : tejido.clusterList(clusters, needs, overlaps);
};

tejido.supplierOf = (needs) => tejido.clusterName((needs.find((row) => row.supplier_cluster) || { supplier_cluster: "" }).supplier_cluster);

// A column that counts members, or is computed from such counts: its origin is the export, whose records are never shown.
tejido.memberCount = (column, row, label, digits = 0) =>
  tejido.computed(row, column, tejido.number(row[column], digits), label,
    row.snapshot ? [{ snapshot: row.snapshot, cell: null, role: "export" }] : [], { provenance: row.row_provenance || row.provenance });

tejido.suppliers = (row) => (row.suppliers ? tejido.sentence("suppliers_count", {
  count: tejido.computed(row, "suppliers", tejido.number(row.suppliers), tejido.t("suppliers"), [], { provenance: row.provenance }),
  cluster: tejido.clusterName(row.supplier_cluster) }) : tejido.t("no_suppliers"));

tejido.clusterList = function clusterList(clusters, needs, overlaps) {
  const { h, t } = tejido;
  const largest = (cluster) => needs.find((row) => row.cluster === cluster && row.need_place === 1 && row.lag_points > 0);
  const hasNeeds = (cluster) => needs.some((row) => row.cluster === cluster);
  const names = clusters.map((row) => row.cluster);
  return [
    tejido.heading(t("page_clusters"), needs.length ? t("clusters_lead", { supplier: tejido.supplierOf(needs) }) : null),
    tejido.key(),
    clusters.length ? null : h("p", { class: "notice" }, t("no_rows")),
    tejido.table(t("page_clusters"), [
      { label: t("cluster"), head: true, cell: (row) => [
        h("a", { href: tejido.link("clusters", row.cluster, tejido.carried()) }, tejido.clusterName(row.cluster)), h("small", {}, row.attribution)] },
      { label: t("members"), number: true, cell: (row) => tejido.memberCount("members", row, t("members")) },
      { label: t("largest_need"), cell: (row) => {
        const need = largest(row.cluster);
        return need ? [tejido.forceName(need.force), h("small", {}, tejido.sentence("lag_of", { points: tejido.memberCount("lag_points", need, t("lag"), 1) }))] : "–";
      } },
      { label: t("data_of"), cell: (row) => tejido.date(row.vintage) },
      { label: t("briefing"), cell: (row) => (hasNeeds(row.cluster)
        ? h("a", { href: tejido.link("briefing", row.cluster, tejido.carried()) }, t("open_briefing"), tejido.hidden(` (${tejido.clusterName(row.cluster)})`)) : "–") },
    ], clusters, { class: "cards" }),
    h("h2", {}, t("overlap_title")),
    overlaps.length ? tejido.overlapChart(names, overlaps) : h("p", {}, t("no_overlaps")),
    h("h2", {}, t("quality_of_records")),
    tejido.table(t("quality_of_records"), [
      { label: t("cluster"), head: true, cell: (row) => tejido.clusterName(row.cluster) },
      { label: t("records"), number: true, cell: (row) => tejido.memberCount("records", row, t("records")) },
      ...["duplicate_records", "without_number", "wrong_numbers", "without_activity", "without_region"].map((column) => ({
        label: t(column === "duplicate_records" ? "duplicates" : column), number: true,
        cell: (row) => tejido.memberCount(column, row, t(column === "duplicate_records" ? "duplicates" : column)) })),
    ], clusters, { class: "cards" }),
  ];
};

// Clusters by clusters, each square the share of the row's members that are the column's, too.
tejido.overlapChart = function overlapChart(names, overlaps) {
  const { t } = tejido;
  const rows = overlaps.filter((row) => names.includes(row.cluster) && names.includes(row.other_cluster));
  return tejido.chart({
    title: t("overlap_chart"), note: `${t("overlap_note")} ${t("overlap_chart_note")}`, minimum: 150 + names.length * 58,
    draw: (width, id) => tejido.plots.overlaps(rows, Math.min(width, 190 + names.length * 92), id, names, (row) => ({
      label: t("overlap_label", { cluster: tejido.clusterName(row.cluster), other: tejido.clusterName(row.other_cluster), share: tejido.percent(row.common_share, 0),
        count: row.common_members, members: row.members, kind: tejido.kindWords(row) }), value: row.common_share,
      origins: [{ snapshot: row.snapshot, cell: null, role: "export" }], numbers: [tejido.asked(row, "common_share")] })),
    table: () => tejido.overlapTable(names, overlaps),
  });
};

tejido.overlapTable = function overlapTable(names, overlaps) {
  const { h, t } = tejido;
  return tejido.table(t("overlap_title"), [
    { label: t("cluster"), head: true, cell: (name) => tejido.clusterName(name) },
    ...names.map((other) => ({ label: tejido.clusterName(other), number: true, cell: (name) => {
      const row = overlaps.find((one) => one.cluster === name && one.other_cluster === other);
      if (name === other) return h("span", { class: "missing" }, "·");
      const pair = `${tejido.clusterName(name)}, ${tejido.clusterName(other)}`;
      return row ? [tejido.computed(row, "common_share", tejido.percent(row.common_share, 0), pair, [{ snapshot: row.snapshot, cell: null, role: "export" }]),
        h("small", {}, tejido.sentence("in_common", { count: tejido.memberCount("common_members", row, pair) }))]
        : tejido.count(0, tejido.counted("overlaps", [], { cluster: name, other_cluster: other }), pair);
    } })),
  ], names);
};

tejido.clusterPage = async function clusterPage(one, allNeeds, overlaps) {
  const { h, t } = tejido;
  const [coverage, sectors] = await Promise.all([tejido.load("coverage", one.cluster), tejido.load("need_sectors", one.cluster)]);
  const needs = allNeeds.filter((row) => row.cluster === one.cluster);
  const supplier = tejido.supplierOf(allNeeds);
  const name = tejido.clusterName(one.cluster);
  return [
    tejido.heading(name, one.attribution,
      needs.length ? h("a", { class: "action", href: tejido.link("briefing", one.cluster, tejido.carried()) }, t("open_briefing")) : null,
      h("a", { class: "plain", href: tejido.link("clusters", null, tejido.carried()) }, t("all_clusters"))),
    tejido.key(),
    h("dl", { class: "facts" },
      ["members", "records"].map((column) =>
        h("div", {}, h("dt", {}, t(column)), h("dd", {}, tejido.memberCount(column, one, t(column))))),
      h("div", {}, h("dt", {}, t("data_of")), h("dd", { class: "small" }, tejido.computed(one, "vintage", tejido.date(one.vintage), t("data_of"), [{ snapshot: one.snapshot, cell: null, role: "export" }], {})))),
    needs.length ? tejido.needsChart(needs, name) : null,
    needs.length ? h("section", {}, h("h2", {}, t("needs_title", { supplier })), h("p", { class: "muted" }, t("needs_note")), tejido.needsTable(needs)) : null,
    sectors.length ? h("section", {}, h("h2", {}, t("need_sectors_title")), tejido.needSectorsTable(sectors)) : null,
    h("h2", {}, t("coverage_title")), h("p", { class: "muted" }, t("coverage_note")),
    ["sector", "municipality", "size_class"].map((dimension) => tejido.coverageTable(coverage.filter((row) => row.dimension === dimension), dimension)),
  ];
};

tejido.needsChart = function needsChart(needs, name) {
  const { t } = tejido;
  const rows = needs.filter((row) => row.lag_points != null);
  if (!rows.length) return null;
  return tejido.chart({
    title: t("lag_by_force", { cluster: name }), note: t("needs_note"),
    draw: (width, id) => tejido.plots.bars(rows, width, id, {
      key: (row) => row.force, value: (row) => row.lag_points, name: tejido.forceName, text: (row) => tejido.number(row.lag_points, 1),
      describe: (row) => ({ label: `${tejido.forceName(row.force)}: ${tejido.number(row.lag_points, 1)} (${tejido.kindWords(row)})`, value: row.lag_points,
        origins: [{ snapshot: row.snapshot, cell: null, role: "export" }], numbers: [tejido.asked(row, "lag_points")] }),
    }),
    table: () => tejido.needsTable(needs),
  });
};

tejido.needsTable = function needsTable(needs) {
  const { h, t } = tejido;
  return tejido.table(t("largest_need"), [
    { label: t("force"), head: true, cell: (row) => tejido.forceName(row.force) },
    { label: t("lag"), number: true, cell: (row) => (row.lag_points == null ? h("span", { class: "missing" }, t(`status_${row.status}`)) : [
      tejido.memberCount("lag_points", row, t("lag"), 1),
      h("small", {}, row.lag_points > 0 ? t("behind_word") : t("ahead_word"))]) },
    { label: t("lag_by_size"), number: true, cell: (row) => (row.lag_points_by_size == null ? "–" : tejido.memberCount("lag_points_by_size", row, t("lag_by_size"), 1)) },
    { label: t("members"), cell: (row) => h("small", {}, tejido.sentence("measured_of", Object.fromEntries([["measured", "members_measured"], ["members", "members"], ["small", "members_below_survey"],
      ["rest", "members_not_measured"]].map(([name, column]) => [name, tejido.memberCount(column, row, t("members"))])))) },
    { label: t("suppliers"), cell: (row) => [tejido.suppliers(row),
      row.suppliers ? h("small", {}, tejido.named(row, "supplier_reasons")) : null] },
  ], needs, { class: "cards" });
};

// One row an activity and region, one column a force: the region's level with the lag below. With `most`, only those of the most
// members, and a line that says so.
tejido.needSectorsTable = function needSectorsTable(sectors, most = Infinity) {
  const { h, t } = tejido;
  const forces = tejido.forces.filter((force) => sectors.some((row) => row.force === force.force));
  const groups = [...tejido.group(sectors, (row) => `${row.region} ${row.sector}`).values()]
    .map((group) => ({ region: group[0].region, sector: group[0].sector, members: Math.max(...group.map((row) => row.members)), group }))
    .sort((a, b) => b.members - a.members);
  const table = tejido.table(t("need_sectors_title"), [
    { label: t("activity"), head: true, cell: (row) => [h("a", { href: tejido.link("sector", row.sector, { region: row.region }) }, tejido.sectorName(row.sector, true)), h("small", {}, tejido.regionName(row.region))] },
    { label: t("members"), number: true, cell: (row) => {
      const most = row.group.find((one) => one.members === row.members);
      return tejido.computed(most, "members", tejido.number(row.members), t("members"), [], { provenance: most.row_provenance });
    } },
    ...forces.map((force) => ({ label: tejido.named(force), number: true, cell: ({ group }) => {
      const row = group.find((other) => other.force === force.force);
      if (!row || row.share == null) return h("span", { class: "missing" }, "–");
      return [tejido.share(row, `${tejido.named(force)}, ${tejido.sectorName(row.sector, true)}`),
        h("small", {}, row.lag_points == null ? null : tejido.gap(-row.lag_points, row, ["country"], t("gap_country"), "lag_points"))];
    } })),
  ], groups.slice(0, most));
  return groups.length <= most ? table
    : [table, h("p", { class: "muted" }, t("most_members", { shown: most, all: groups.length }))];
};

tejido.coverageTable = function coverageTable(rows, dimension) {
  const { h, t } = tejido;
  if (!rows.length) return null;
  const name = (row) => (row.code === "fewer_than_3" ? t("fewer_than_3") : row.code === "unknown" ? t("unknown") : tejido.named(row) || row.code);
  const counted = dimension === "sector";
  return h("section", {}, h("h3", { class: "apart" }, t(`dimension_${dimension}`)), tejido.table(t(`dimension_${dimension}`), [
    { label: t(dimension === "sector" ? "division" : dimension), head: true, cell: (row) => [name(row), counted ? h("small", {}, row.code) : null] },
    { label: t("region"), cell: (row) => tejido.regionName(row.region) },
    { label: t("members"), number: true, cell: (row) => tejido.memberCount("members", row, name(row)) },
    counted ? { label: t("enterprises"), number: true, cell: (row) => (row.enterprises == null ? "–" : [
      tejido.computed(row, "enterprises", tejido.number(row.enterprises), t("enterprises"), tejido.cellList(row.enterprises_cells, "enterprises")),
      h("small", {}, `${row.enterprises_dataset}, ${row.enterprises_year}`)]) } : null,
    counted ? { label: t("coverage"), number: true, cell: (row) => (row.coverage_percent == null ? "–"
      : tejido.computed(row, "coverage_percent", tejido.percent(row.coverage_percent), t("coverage"), [{ snapshot: row.snapshot, cell: null, role: "export" }, ...tejido.cellList(row.enterprises_cells, "enterprises")])) } : null,
  ].filter(Boolean), rows, { class: "cards" }));
};
