// Data come as classic scripts, each appended when a page first needs it: file: allows neither fetch nor modules.
"use strict";

tejido.loading = new Map();

// The rows of one data file, as objects. `part` is what the file was split by, in the order of `-- part:` of its SQL.
tejido.load = function load(name, ...part) {
  const key = [name, ...part.map(tejido.fileName)].join("/");
  if (!tejido.has(name, ...part)) return Promise.resolve([]);
  if (!tejido.loading.has(key)) {
    tejido.loading.set(key, new Promise((resolve, reject) => {
      const script = document.createElement("script");
      // A percent sign of a file's name is written %25 in its address.
      script.src = `data/${key.replaceAll("%", "%25")}.js`;
      script.onload = () => {
        const table = tejido.data[key];
        delete tejido.data[key];
        resolve(tejido.rowsOf(table).map((row) => Object.assign(row, { [tejido.from]: { name, part } })));
      };
      script.onerror = () => {
        tejido.loading.delete(key);
        reject(new Error(key));
      };
      document.head.append(script);
    }));
  }
  return tejido.loading.get(key);
};

// What a row was read from, behind a symbol: it goes along where a row is copied, and is no column.
tejido.from = Symbol("from");

// A file's rows as objects. What comes in parts is written by column (README.md has the forms).
tejido.rowsOf = function rowsOf({ columns, rows, count, packed }) {
  if (rows) return rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])));
  const values = packed.map(tejido.unpack);
  return Array.from({ length: count }, (_, i) =>
    Object.fromEntries(columns.map((column, k) => [column, values[k].length === 1 ? values[k][0] : values[k][i]])));
};

tejido.unpack = function unpack({ step, words, at, values, like }) {
  if (step) {
    let sum = 0;
    return step.map((more) => (more == null ? null : (sum += more)));
  }
  if (words) return at ? at.map((place) => words[place]) : words;
  if (values) return values;
  const texts = [];
  let before = [];
  for (let i = 0; i < like.length; i += 3) {
    if (like[i + 2] == null) {
      texts.push(null);
      continue;
    }
    const text = before.slice(like[i], like[i] + like[i + 1]).join("") + like[i + 2];
    before = [...text];
    texts.push(text);
  }
  return texts;
};

// Whether a part exists: the build says so, since asking for a file that is not there is an error in the console.
tejido.has = function has(name, ...part) {
  const parts = tejido.build.parts[name];
  return !parts || parts.includes(part.map(tejido.fileName).join("/"));
};

// As the writer does: all but A-Z a-z 0-9 . _ - is written %XX of its UTF-8.
tejido.fileName = (text) =>
  encodeURIComponent(text).replace(/[!~*'()]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

// What every page needs: names. Small, and loaded side by side.
tejido.loadNames = async function loadNames() {
  const by = (rows, key) => new Map(rows.map((row) => [key(row), row]));
  const [regions, sectors, indicators, sizes, units, flags, forces, clusters] = await Promise.all(
    ["regions", "sectors", "indicators", "size_classes", "units", "flags", "forces", "clusters"].map((name) => tejido.load(name)));
  tejido.names = {
    regions: by(regions, (row) => row.region),
    sectors: by(sectors, (row) => row.sector),
    indicators: by(indicators, (row) => `${row.indicator} ${row.unit}`),
    indicatorCodes: by(indicators, (row) => row.indicator),
    sizes: by(sizes, (row) => row.size_class),
    units: by(units, (row) => row.unit),
    flags: by(flags, (row) => row.flag),
    clusters: by(clusters, (row) => row.cluster),
  };
  tejido.totals = sectors.filter((row) => row.is_total).map((row) => row.sector);
  tejido.forces = [];
  for (const row of forces) {
    let force = tejido.forces.find((other) => other.force === row.force);
    if (!force) tejido.forces.push(force = { ...row, parts: [] });
    if (row.indicator) force.parts.push({ indicator: row.indicator, unit: row.unit, role: row.role });
  }
};

tejido.snapshots = async function snapshots() {
  const rows = await tejido.load("snapshots");
  return new Map(rows.map((row) => [row.snapshot, row]));
};

tejido.group = function group(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    const name = key(row);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(row);
  }
  return groups;
};

tejido.latest = (rows) => rows.reduce((best, row) => (!best || row.time_period > best.time_period ? row : best), null);
