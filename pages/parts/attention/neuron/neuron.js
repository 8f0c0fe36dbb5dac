// One cell of an attention map, step by step: q·k, ÷√d, softmax, ×v. Every number comes from the page; none is made here.

function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

class Numbers {
  constructor(locale) {
    this.locale = locale;
    this.kept = new Map();
  }

  say(number, places = 2) {
    if (!Number.isFinite(number)) return "–";
    if (!this.kept.has(places)) {
      const options = { minimumFractionDigits: places, maximumFractionDigits: places };
      this.kept.set(places, new Intl.NumberFormat(this.locale, options));
    }
    return this.kept.get(places).format(number).replace("-", "−");
  }
}

/** A row of small squares, one per number: blue above zero, orange below, paper at zero; with a place for a total,
 *  be it empty, so that the squares of rows that belong together stand below each other. */
function strip(label, values, reach, numbers, total) {
  const cells = make("div", "tn-cells");
  for (const value of values) {
    const cell = make("i", "tn-cell");
    const share = Math.min(1, Math.abs(value) / (reach || 1));
    cell.style.setProperty("--tn-share", `${Math.round(share * 100)}%`);
    cell.classList.add(value < 0 ? "tn-low" : "tn-high");
    cell.title = numbers.say(value, 3);
    cells.append(cell);
  }
  const sum = total === undefined ? null : make("span", "tn-sum", total);
  const line = make("div", "tn-strip", make("span", "tn-name", label), cells, sum);
  line.setAttribute("role", "img");
  line.setAttribute("aria-label", `${label}: ${values.map((value) => numbers.say(value, 2)).join(" ")}`);
  return line;
}

const reachOf = (...lists) => Math.max(...lists.flat().map(Math.abs), 1e-9);

function keyTable({ keys, key, words }, numbers) {
  const head = make("tr", "");
  const withBias = keys.some(({ bias }) => bias !== 0);
  const columns = ["key", "raw", "scaled", ...(withBias ? ["bias"] : []), "weight"];
  for (const column of columns) head.append(make("th", `tn-${column}`, words[column]));
  const body = make("tbody", "");
  for (const entry of keys) {
    const line = make("tr", entry.place === key ? "tn-chosen" : "");
    line.append(make("th", "tn-key", entry.token, make("small", "", String(entry.place + 1))));
    line.append(make("td", "", numbers.say(entry.raw)), make("td", "", numbers.say(entry.scaled)));
    if (withBias) line.append(make("td", "", numbers.say(entry.bias)));
    const bar = make("span", "tn-bar");
    bar.style.setProperty("--tn-share", `${(entry.weight * 100).toFixed(1)}%`);
    const said = entry.visible ? numbers.say(entry.weight, 3) : words.masked;
    line.append(make("td", "tn-weight", make("div", "tn-gauge", bar), make("span", "", said)));
    if (!entry.visible) line.classList.add("tn-masked");
    body.append(line);
  }
  const table = make("table", "tn-table", make("thead", "", head), body);
  const box = make("div", "tn-scroll", table);
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", words.table);
  return box;
}

function step(number, title, ...children) {
  return make("section", "tn-step", make("h3", "", make("b", "", number), title), ...children);
}

function draw(root, data) {
  const numbers = new Numbers(data.words.locale);
  const { q, k, product, v, weighted, out, words } = data;
  const kept = root.querySelector(".tn-scroll")?.scrollTop;
  const one = reachOf(q, k);
  const two = reachOf(v, out);
  const score = step("1", words.step_score,
    strip("q", q, one, numbers, ""), strip("k", k, one, numbers, ""),
    strip("q × k", product, reachOf(product), numbers, `Σ = ${numbers.say(data.raw)}`),
    make("p", "tn-line", data.lines.score));
  const share = step("2", words.step_share, keyTable(data, numbers), make("p", "tn-line", data.lines.share));
  const take = step("3", words.step_take,
    strip("v", v, two, numbers), strip(words.weighted, weighted, two, numbers),
    strip(words.out, out, two, numbers), make("p", "tn-line", data.lines.take));
  root.replaceChildren(make("h2", "", data.title), make("div", "tn-steps", score, share, take));
  const box = root.querySelector(".tn-scroll");
  const chosen = root.querySelector(".tn-chosen");
  if (kept) box.scrollTop = kept;
  if (chosen && data.key !== root.shown) box.scrollTop = Math.max(0, chosen.offsetTop - box.clientHeight / 2);
  root.shown = data.key;
}

export default function mount(component) {
  const root = component.parentElement.querySelector(".tn-root");
  const said = JSON.stringify(component.data);
  if (root.said === said) return;
  root.said = said;
  draw(root, component.data);
}
