// Clusters: who their members are, where their activities lag, who in the supplying cluster can help, and who is in two.
"use strict";

tejido.pages.clusters = async function clustersPage(route) {
  const [clusters, needs, overlaps] = await Promise.all([tejido.load("clusters"), tejido.load("needs"), tejido.load("overlaps")]);
  const one = clusters.find((row) => row.cluster === route.subject);
  return one ? tejido.clusterPage(one, needs, overlaps) : tejido.clusterList(clusters, needs, overlaps);
};

tejido.supplierOf = (needs) => tejido.clusterName((needs.find((row) => row.supplier_cluster) || { supplier_cluster: "" }).supplier_cluster);

// A count of members: its origin is the export, whose records are never shown.
tejido.memberCount = (value, row, label, digits = 0) =>
  tejido.figure(tejido.number(value, digits), { provenance: row.provenance }, [{ snapshot: row.snapshot, cell: null, role: "export" }], label);

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
      { label: t("members"), number: true, cell: (row) => tejido.memberCount(row.members, row, t("members")) },
      { label: t("largest_need"), cell: (row) => {
        const need = largest(row.cluster);
        return need ? [tejido.forceName(need.force), h("small", {}, t("lag_of", { points: tejido.number(need.lag_points, 1) }))] : "–";
      } },
      { label: t("data_of"), cell: (row) => tejido.date(row.vintage) },
      { label: t("briefing"), cell: (row) => (hasNeeds(row.cluster)
        ? h("a", { href: tejido.link("briefing", row.cluster, tejido.carried()) }, t("open_briefing"), tejido.hidden(` (${tejido.clusterName(row.cluster)})`)) : "–") },
    ], clusters, { class: "cards" }),
    h("h2", {}, t("overlap_title")), h("p", { class: "muted" }, t("overlap_note")),
    tejido.overlapTable(names, overlaps),
    h("h2", {}, t("quality_of_records")),
    tejido.table(t("quality_of_records"), [
      { label: t("cluster"), head: true, cell: (row) => tejido.clusterName(row.cluster) },
      { label: t("records"), number: true, cell: (row) => tejido.memberCount(row.records, row, t("records")) },
      ...["duplicate_records", "without_number", "wrong_numbers", "without_activity", "without_region"].map((column) => ({
        label: t(column === "duplicate_records" ? "duplicates" : column), number: true,
        cell: (row) => tejido.memberCount(row[column], row, t(column === "duplicate_records" ? "duplicates" : column)) })),
    ], clusters),
  ];
};

tejido.overlapTable = function overlapTable(names, overlaps) {
  const { h, t } = tejido;
  return tejido.table(t("overlap_title"), [
    { label: t("cluster"), head: true, cell: (name) => tejido.clusterName(name) },
    ...names.map((other) => ({ label: tejido.clusterName(other), number: true, cell: (name) => {
      const row = overlaps.find((one) => one.cluster === name && one.other_cluster === other);
      if (name === other) return h("span", { class: "missing" }, "·");
      return row ? [tejido.memberCount(row.common_share, row, `${tejido.clusterName(name)}, ${tejido.clusterName(other)}`, 0), h("small", {}, t("in_common", { count: row.common_members }))] : "0";
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
      [["members", one.members], ["records", one.records]].map(([label, value]) =>
        h("div", {}, h("dt", {}, t(label)), h("dd", {}, tejido.memberCount(value, one, t(label))))),
      h("div", {}, h("dt", {}, t("data_of")), h("dd", { class: "small" }, tejido.date(one.vintage)))),
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
        origins: [{ snapshot: row.snapshot, cell: null, role: "export" }] }),
    }),
    table: () => tejido.needsTable(needs),
  });
};

tejido.needsTable = function needsTable(needs) {
  const { h, t } = tejido;
  return tejido.table(t("largest_need"), [
    { label: t("force"), head: true, cell: (row) => tejido.forceName(row.force) },
    { label: t("lag"), number: true, cell: (row) => (row.lag_points == null ? h("span", { class: "missing" }, t(`status_${row.status}`)) : [
      tejido.memberCount(row.lag_points, row, t("lag"), 1),
      h("small", {}, row.lag_points > 0 ? t("behind_word") : t("ahead_word"))]) },
    { label: t("lag_by_size"), number: true, cell: (row) => (row.lag_points_by_size == null ? "–" : tejido.memberCount(row.lag_points_by_size, row, t("lag_by_size"), 1)) },
    { label: t("members"), cell: (row) => h("small", {}, t("measured_of", { measured: row.members_measured, members: row.members, small: row.members_below_survey, rest: row.members_not_measured })) },
    { label: t("suppliers"), cell: (row) => [row.suppliers ? t("suppliers_count", { count: row.suppliers, cluster: tejido.clusterName(row.supplier_cluster) }) : t("no_suppliers"),
      row.suppliers ? h("small", {}, tejido.named(row, "supplier_reasons")) : null] },
  ], needs, { class: "cards" });
};

// One row an activity and region, one column a force: the region's level with the lag below.
tejido.needSectorsTable = function needSectorsTable(sectors) {
  const { h, t } = tejido;
  const forces = tejido.forces.filter((force) => sectors.some((row) => row.force === force.force));
  const groups = [...tejido.group(sectors, (row) => `${row.region} ${row.sector}`).values()]
    .map((group) => ({ region: group[0].region, sector: group[0].sector, members: Math.max(...group.map((row) => row.members)), provenance: group[0].row_provenance, group }))
    .sort((a, b) => b.members - a.members);
  return tejido.table(t("need_sectors_title"), [
    { label: t("activity"), head: true, cell: (row) => [h("a", { href: tejido.link("sector", row.sector, { region: row.region }) }, tejido.sectorName(row.sector, true)), h("small", {}, tejido.regionName(row.region))] },
    { label: t("members"), number: true, cell: (row) => tejido.number(row.members) },
    ...forces.map((force) => ({ label: tejido.named(force), number: true, cell: ({ group }) => {
      const row = group.find((other) => other.force === force.force);
      if (!row || row.share == null) return h("span", { class: "missing" }, "–");
      return [tejido.share(row, `${tejido.named(force)}, ${tejido.sectorName(row.sector, true)}`),
        h("small", {}, row.lag_points == null ? null : tejido.gap(-row.lag_points, row, ["country"], t("gap_country")))];
    } })),
  ], groups);
};

tejido.coverageTable = function coverageTable(rows, dimension) {
  const { h, t } = tejido;
  if (!rows.length) return null;
  const name = (row) => (row.code === "fewer_than_3" ? t("fewer_than_3") : row.code === "unknown" ? t("unknown") : tejido.named(row) || row.code);
  const counted = dimension === "sector";
  return h("section", {}, h("h3", { class: "apart" }, t(`dimension_${dimension}`)), tejido.table(t(`dimension_${dimension}`), [
    { label: t(dimension === "sector" ? "division" : dimension), head: true, cell: (row) => [name(row), counted ? h("small", {}, row.code) : null] },
    { label: t("region"), cell: (row) => tejido.regionName(row.region) },
    { label: t("members"), number: true, cell: (row) => tejido.memberCount(row.members, row, name(row)) },
    counted ? { label: t("enterprises"), number: true, cell: (row) => (row.enterprises == null ? "–" : [
      tejido.figure(tejido.number(row.enterprises), row, tejido.cellList(row.enterprises_cells, "enterprises"), t("enterprises")),
      h("small", {}, `${row.enterprises_dataset}, ${row.enterprises_year}`)]) } : null,
    counted ? { label: t("coverage"), number: true, cell: (row) => (row.coverage_percent == null ? "–"
      : tejido.figure(tejido.percent(row.coverage_percent), row, [{ snapshot: row.snapshot, cell: null, role: "export" }, ...tejido.cellList(row.enterprises_cells, "enterprises")], t("coverage"))) } : null,
  ].filter(Boolean), rows));
};
