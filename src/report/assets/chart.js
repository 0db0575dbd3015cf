// What every chart has: a heading, a table behind it, a way to take it along as SVG or PNG, and marks that can be asked
// by mouse and keyboard. What is drawn is the business of plots.js and tiles.js, with Observable Plot.
"use strict";

tejido.chart = function chart({ title, note, legend, draw, table, name, minimum = 0 }) {
  const { h, t } = tejido;
  const id = `chart-${tejido.chart.count += 1}`;
  const canvas = h("div", { class: "canvas", tabindex: minimum ? 0 : null, role: minimum ? "region" : null, "aria-label": minimum ? title : null });
  const behind = h("div", { class: "behind-chart", id: `${id}-table`, hidden: true });
  const toggle = h("button", { type: "button", class: "plain", "aria-expanded": "false", "aria-controls": `${id}-table`,
    onclick: () => {
      const open = behind.hidden;
      if (open && !behind.childNodes.length) behind.append(table());
      behind.hidden = !open;
      toggle.setAttribute("aria-expanded", String(open));
    } }, t("table_behind"));
  const save = (type) => h("button", { type: "button", class: "plain", onclick: () => tejido.save(canvas.querySelector("svg"), title, name || title, type) }, type.toUpperCase());
  const figure = h("figure", { class: "chart", "aria-labelledby": `${id}-title` },
    h("figcaption", {}, h("h3", { id: `${id}-title` }, title), note ? h("p", { class: "muted" }, note) : null),
    legend ? h("div", { class: "legend" }, legend) : null,
    canvas,
    h("div", { class: "tools" }, toggle, save("svg"), save("png")),
    behind);
  let width = 0;
  const render = () => {
    const svg = draw(Math.max(width, minimum), id);
    tejido.set(svg, { role: "group", "aria-labelledby": `${id}-title` });
    tejido.chart.silence(svg);
    tejido.chart.focusable(svg);
    canvas.replaceChildren(svg);
  };
  const observer = new ResizeObserver(([entry]) => {
    const now = Math.floor(entry.contentRect.width);
    if (now && Math.abs(now - width) > 3) {
      width = now;
      render();
    }
  });
  observer.observe(canvas);
  tejido.chart.drawn.add({ canvas, render: () => width && render() });
  return figure;
};

tejido.chart.count = 0;
tejido.chart.drawn = new Set();

tejido.chart.redrawAll = function redrawAll() {
  for (const chart of tejido.chart.drawn) {
    if (chart.canvas.isConnected) chart.render();
    else tejido.chart.drawn.delete(chart);
  }
};

// A render option of Plot's marks: each drawn element becomes a button of the row that it stands for.
// describe(row) gives { label, origins, value, numbers }: the cells that it was read from, and the rows that it stands in.
tejido.askable = (rows, describe) =>
  function render(index, scales, values, dimensions, context, next) {
    const drawn = next(index, scales, values, dimensions, context);
    for (const node of drawn ? drawn.querySelectorAll("*") : []) {
      const row = rows[node.__data__];
      if (!row || node.tagName === "title") continue;
      const { label, origins, value, numbers = [] } = describe(row);
      const addresses = numbers.filter(Boolean);
      tejido.set(node, { class: "ask", role: "button", tabindex: -1, "aria-label": label, "data-value": value,
        "data-origin": tejido.originParameter(origins), "data-number": addresses.join(",") || null });
      node.append(tejido.svg("title", {}, label));
      node.addEventListener("click", () => (origins.length || addresses.length) && tejido.ask(origins, addresses));
    }
    return drawn;
  };

// Plot labels groups that have no role; readers of screens get the marks that can be asked, and the table.
tejido.chart.silence = function silence(svg) {
  for (const group of svg.querySelectorAll("g[aria-label]")) {
    group.removeAttribute("aria-label");
    group.removeAttribute("aria-description");
    if (!group.querySelector(".ask")) group.setAttribute("aria-hidden", "true");
  }
};

// One stop of the tabulator a chart; arrows go to the nearest mark in their direction, Enter asks.
tejido.chart.focusable = function focusable(svg) {
  const marks = [...svg.querySelectorAll(".ask")];
  if (!marks.length) return;
  marks[0].setAttribute("tabindex", 0);
  svg.addEventListener("keydown", (event) => {
    const here = event.target.closest(".ask");
    if (!here) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      here.dispatchEvent(new MouseEvent("click"));
      return;
    }
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const centre = (node) => {
      const box = node.getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2];
    };
    const [x, y] = centre(here);
    let best = null;
    let least = Infinity;
    for (const node of marks) {
      const [dx, dy] = [centre(node)[0] - x, centre(node)[1] - y];
      const along = dx * way[0] + dy * way[1];
      const aside = Math.abs(dx * way[1]) + Math.abs(dy * way[0]);
      if (node !== here && along > 0.5 && along + 3 * aside < least) {
        best = node;
        least = along + 3 * aside;
      }
    }
    if (best) {
      here.setAttribute("tabindex", -1);
      best.setAttribute("tabindex", 0);
      best.focus();
    }
  });
};

// The chart as it stands, with every colour resolved, so that it looks the same outside of the page; with its title, whose
// it is and whether it is a sample, since a picture travels alone.
tejido.save = function save(svg, title, name, type) {
  const copy = svg.cloneNode(true);
  const [from, to] = [svg.querySelectorAll("*"), copy.querySelectorAll("*")];
  const kept = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-weight", "font-style", "font-family", "text-anchor"];
  [svg, ...from].forEach((node, i) => {
    const target = i ? to[i - 1] : copy;
    const style = getComputedStyle(node);
    for (const property of kept) target.setAttribute(property, style.getPropertyValue(property));
    for (const attribute of ["tabindex", "role", "class"]) target.removeAttribute(attribute);
  });
  for (const node of copy.querySelectorAll("style")) node.remove();
  const { width, height: drawn } = svg.getBoundingClientRect();
  const [above, below, height] = [40, 30, drawn + 70];
  const { color, backgroundColor, fontFamily } = getComputedStyle(document.body);
  const { build } = tejido;
  const words = (y, size, weight, content) => tejido.svg("text", { x: 12, y, fill: color, "font-family": fontFamily, "font-size": size, "font-weight": weight }, content);
  tejido.set(copy, { x: 0, y: above, width, height: drawn });
  const whole = tejido.svg("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` },
    tejido.svg("rect", { width, height, fill: backgroundColor }),
    words(24, 15, 600, tejido.cut(title, Math.floor(width / 8))), copy,
    words(height - below / 3, 11, 400, [tejido.t("chart_source", { publisher: build.publisher, build: build.id }),
      build.profile === "sample" ? tejido.t("chart_sample") : ""].join(" ")));
  const text = new XMLSerializer().serializeToString(whole);
  const file = `${name.normalize("NFD").replace(/[^A-Za-z0-9]+/g, "-").toLowerCase()}.${type}`;
  const offer = (blob) => {
    const address = URL.createObjectURL(blob);
    tejido.h("a", { href: address, download: file }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };
  if (type === "svg") return offer(new Blob([text], { type: "image/svg+xml" }));
  const image = new Image();
  image.onload = () => {
    const canvas = tejido.h("canvas", { width: width * 2, height: height * 2 });
    canvas.getContext("2d").drawImage(image, 0, 0, width * 2, height * 2);
    canvas.toBlob(offer, "image/png");
  };
  // A data address: a canvas that drew an SVG of a blob address counts as tainted in some browsers.
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
};
