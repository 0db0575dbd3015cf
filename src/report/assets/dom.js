// The one global of the report, and the way to make elements. Classic scripts, since modules do not load from file:.
"use strict";

var tejido = { data: {}, build: {}, text: {}, pages: {} };

// tejido.h("a", { href: "#", class: "x", onclick: f }, "text", node, [nodes], null)
tejido.h = function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  tejido.set(node, attributes);
  node.append(...tejido.flat(children));
  return node;
};

tejido.set = function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  return node;
};

tejido.flat = (children) => children.flat(Infinity).filter((child) => child != null && child !== false && child !== "");

// An element of SVG, for the small marks of legends.
tejido.svg = function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  tejido.set(node, attributes);
  node.append(...tejido.flat(children));
  return node;
};

// Text in which `names` stand between backticks, as the models' headers have it.
tejido.prose = (text) => text.split("`").map((piece, i) => (i % 2 ? tejido.h("code", {}, piece) : piece));

// What a model's header says, in the page's language where it has that one; otherwise in English, as it is written.
tejido.said = (text, translated, attributes = {}) =>
  tejido.h("span", { ...attributes, lang: translated ? null : "en" }, tejido.prose(translated || text || ""));

tejido.hidden = (text) => tejido.h("span", { class: "sr" }, text);

// A table: columns are { label, cell: (row) => node or text, number: bool, head: bool }.
tejido.table = function table(caption, columns, rows, options = {}) {
  const { h } = tejido;
  const body = rows.map((row) =>
    h("tr", { class: options.rowClass && options.rowClass(row) },
      columns.map((column) => {
        const content = tejido.flat([column.cell(row)]);
        // On a telephone, where rows are cards, a cell that says nothing is left out.
        const empty = content.length === 0 || (content.length === 1 && (content[0].textContent ?? content[0]) === "–");
        return h(column.head ? "th" : "td", { scope: column.head && "row", "data-label": column.label,
          class: [column.number && "number", empty && "empty"].filter(Boolean).join(" ") || null }, content);
      })));
  const node = h("table", { class: options.class },
    h("caption", { class: options.showCaption ? null : "sr" }, caption),
    h("thead", {}, h("tr", {}, columns.map((column) =>
      h("th", { scope: "col", class: column.number ? "number" : null }, column.label)))),
    h("tbody", {}, body));
  return tejido.scroller(caption, node);
};

// What may be wider than the page scrolls inside itself, by keyboard too.
tejido.scroller = (label, node) =>
  tejido.h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": label }, node);

tejido.select = function select(label, options, value, onchange) {
  const { h } = tejido;
  return h("label", { class: "choice" }, h("span", {}, label),
    h("select", { onchange: (event) => onchange(event.target.value) },
      options.map((option) => h("option", { value: option.value, selected: option.value === value }, option.label))));
};
