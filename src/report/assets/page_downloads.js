// The data dictionary, and what can be taken along: files, and whose data they are under which licence.
"use strict";

tejido.pages.dictionary = async function dictionary(route) {
  const { h, t } = tejido;
  const rows = await tejido.load("dictionary");
  const tables = [...tejido.group(rows.filter((row) => !row.table_name.startsWith("latest_")), (row) => row.table_name)];
  const [table, column] = [`table_description_${tejido.language}`, `description_${tejido.language}`];
  const isTranslated = rows.every((row) => row[table] && row[column]);
  const list = h("div", {});
  const draw = (text) => {
    const needle = text.trim().toLowerCase();
    const found = tables.map(([name, columns]) => [name, columns.filter((row) => !needle
      || [row.table_name, row.column_name, row.description, row[column]].join(" ").toLowerCase().includes(needle))]).filter(([, columns]) => columns.length);
    list.replaceChildren(...tejido.flat(found.map(([name, columns]) => h("details", { id: `table-${name}`, open: needle !== "" || name === route.subject },
      h("summary", {}, h("code", {}, name), " ", tejido.said(columns[0].table_description, columns[0][table], { class: "muted" })),
      tejido.table(name, [
        { label: t("column"), head: true, cell: (row) => h("code", {}, row.column_name) },
        { label: t("meaning"), cell: (row) => tejido.said(row.description, row[column]) },
        { label: t("type"), cell: (row) => h("code", {}, row.data_type.toLowerCase()) },
        { label: t("key"), cell: (row) => (row.is_key ? t("key") : "") },
      ], columns, { class: "cards" })))));
    if (!found.length) list.replaceChildren(h("p", {}, t("no_rows")));
  };
  draw("");
  // To the table that the address names, once the page stands.
  if (route.subject) requestAnimationFrame(() => setTimeout(() => document.getElementById(`table-${route.subject}`)?.scrollIntoView(), 50));
  return [
    tejido.heading(t("page_dictionary"), isTranslated ? t("dictionary_lead") : `${t("dictionary_lead")} ${t("description_language")}`,
      h("label", { class: "choice" }, h("span", {}, t("search")), h("input", { type: "search", oninput: (event) => draw(event.target.value) }))),
    list,
  ];
};

tejido.pages.downloads = async function downloads() {
  const { h, t } = tejido;
  const [snapshots, dictionary] = await Promise.all([tejido.load("snapshots"), tejido.load("dictionary")]);
  const about = new Map(dictionary.map((row) => [row.table_name, tejido.said(row.table_description, row[`table_description_${tejido.language}`])]));
  const known = { "datapackage.json": "file_datapackage", "manifest.json": "file_manifest", "dcat.jsonld": "file_dcat",
    "croissant.json": "file_croissant", "openlineage.jsonl": "file_openlineage", "tejido.duckdb": "file_database" };
  const table = (file) => (/^marts\/(.+)\.parquet$/.exec(file.path) || [])[1];
  const files = [...tejido.build.files, ...(tejido.build.files.some((file) => file.path === "manifest.json") ? [] : [{ path: "manifest.json" }])]
    .filter((file) => table(file) || known[file.path])
    .sort((a, b) => Number(!!table(a)) - Number(!!table(b)) || (a.path < b.path ? -1 : 1));
  const sources = [...tejido.group(snapshots, (row) => row.pipeline).values()].map((group) => group.at(-1));
  return [
    tejido.heading(t("page_downloads"), t("downloads_lead")),
    h("h2", {}, t("files_title")),
    tejido.table(t("files_title"), [
      { label: t("file"), head: true, cell: (file) => h("a", { href: `../${file.path}` }, file.path.replace("marts/", "")) },
      { label: t("contents"), cell: (file) => (table(file) ? [about.get(table(file)), " ",
        h("a", { href: tejido.link("dictionary", table(file), tejido.carried()) }, t("page_dictionary"), tejido.hidden(` (${table(file)})`))] : t(known[file.path])) },
      { label: t("rows"), number: true, cell: (file) => {
        const rows = tejido.build.rows[table(file)];
        return rows == null ? "" : tejido.count(rows, tejido.counted("models", [], { name: table(file) }, "sum.rows"), table(file));
      } },
      { label: t("size"), number: true, cell: (file) => (file.bytes ? h("span", { "data-plain": true }, tejido.bytes(file.bytes)) : "") },
    ], files, { class: "cards" }),
    h("p", { class: "muted" }, t("other_formats")),
    h("h2", {}, t("sources_title")),
    tejido.table(t("sources_title"), [
      { label: t("source"), head: true, cell: (row) => [tejido.named(row, "title"), h("small", {}, h("code", {}, row.dataset))] },
      { label: t("attribution"), cell: (row) => row.attribution },
      { label: t("licence"), cell: (row) => tejido.named(row, "licence") },
      { label: t("fetched"), cell: (row) => tejido.date(row.fetched_at) },
    ], sources, { class: "cards" }),
  ];
};
