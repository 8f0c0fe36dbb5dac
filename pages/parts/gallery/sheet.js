// The table of runs: ticks, thumbnails, names as links, sortable heads. Text enters as text, never as markup.

function make(tag, { class: name, text, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

class Sheet {
  constructor(root) {
    this.root = root;
    this.chosen = new Set();
    this.turn = 0;
  }

  update({ data, setStateValue, setTriggerValue }) {
    Object.assign(this, { data, setStateValue, setTriggerValue });
    this.words = data.words;
    // The page's choice counts where the page made one: a tick of ours that comes back is no news.
    if (data.revision !== this.revision) {
      this.revision = data.revision;
      this.chosen = new Set(data.chosen);
    }
    const said = JSON.stringify(data);
    if (said !== this.said) this.build();
    this.said = said;
  }

  /** Draws anew, and gives the focus back to the control that had it. */
  build() {
    const held = this.root.getRootNode().activeElement?.dataset.place;
    const table = make("table", { class: "tg-table", role: "table", "aria-label": this.words.table }, this.head());
    const body = make("tbody", { role: "rowgroup" });
    for (const row of this.data.rows) body.append(this.row(row));
    table.append(body);
    this.root.replaceChildren(make("div", { class: "tg-scroll" }, table));
    this.mark();
    if (held) this.root.querySelector(`[data-place="${CSS.escape(held)}"]`)?.focus();
  }

  head() {
    const head = (attributes, ...inside) => make("th", { scope: "col", role: "columnheader", ...attributes }, ...inside);
    this.all = make("input", { type: "checkbox", "aria-label": this.words.all, "data-place": "all" });
    this.all.addEventListener("change", () => {
      for (const row of this.data.rows) this.set(row.short, this.all.checked);
      this.tell();
    });
    const cells = [head({}, this.all), head({ text: this.words.picture })];
    for (const column of this.data.columns) {
      if (!column.id) {
        cells.push(head({ text: column.label }));
        continue;
      }
      const arrow = column.sorted === "descending" ? "▾" : column.sorted === "ascending" ? "▴" : "";
      const button = make("button", { class: "tg-sort", type: "button", "data-place": `sort.${column.id}` },
        make("span", { text: column.label }));
      if (arrow) button.append(make("span", { text: ` ${arrow}`, "aria-hidden": "true" }));
      button.addEventListener("click", () => this.act("sort", column.id));
      const kind = column.numeric ? "tg-number" : "";
      cells.push(head({ class: kind, "aria-sort": column.sorted || "none" }, button));
    }
    cells.push(head({ text: this.words.pinned }));
    return make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...cells));
  }

  row(row) {
    const cell = (name, ...inside) => make("td", { class: name, role: "cell" }, ...inside);
    const tick = make("input", {
      type: "checkbox", "aria-label": this.say("choose", row), "data-place": `tick.${row.short}`, "data-short": row.short,
    });
    tick.addEventListener("change", () => {
      this.set(row.short, tick.checked);
      this.tell();
    });
    const still = row.still
      ? make("img", { class: "tg-still", src: row.still, alt: row.alt })
      : make("span", { class: "tg-still tg-blank" });
    const values = row.cells.map((text, index) => {
      const { label, numeric, long } = this.data.columns[index + 1];
      const name = `tg-value ${numeric ? "tg-number" : ""} ${long ? "tg-long" : ""}`;
      return make("td", { class: name, role: "cell", "data-label": label, text });
    });
    return make("tr", { role: "row", "data-short": row.short },
      cell("", tick), cell("", still), this.name(row), ...values, cell("tg-pinned", this.pin(row)));
  }

  name(row) {
    const title = row.href ? make("a", { href: row.href, text: row.title }) : make("span", { text: row.title });
    title.dataset.place = `open.${row.short}`;
    if (row.href) {
      title.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        this.act("open", row.short);
      });
    }
    const tags = row.tags.map((tag) => make("span", { class: "tg-tag", text: tag }));
    const under = make("span", { class: "tg-under", text: row.under });
    return make("th", { class: "tg-name", scope: "row", role: "rowheader" }, title, under, ...tags);
  }

  pin(row) {
    const button = make("button", {
      class: "tg-pin", type: "button", "aria-pressed": String(row.pinned), "aria-label": this.say("pin", row),
      title: this.words.keep, text: row.pinned ? "★" : "☆", "data-place": `pin.${row.short}`,
    });
    button.disabled = !row.mine;
    button.addEventListener("click", () => this.act(row.pinned ? "unpin" : "pin", row.short));
    return button;
  }

  say(word, row) {
    return this.words[word].replace("{run}", () => row.title);
  }

  set(short, on) {
    if (on) this.chosen.add(short);
    else this.chosen.delete(short);
  }

  act(verb, what) {
    this.setTriggerValue("did", { verb, what });
  }

  tell() {
    this.turn += 1;
    this.mark();
    this.setStateValue("chosen", { keys: [...this.chosen], turn: this.turn, revision: this.revision });
  }

  /** Shows what is chosen, without drawing anew: a tick must answer at once. */
  mark() {
    for (const row of this.root.querySelectorAll("tbody tr")) {
      const on = this.chosen.has(row.dataset.short);
      row.classList.toggle("tg-chosen", on);
      row.querySelector("input").checked = on;
    }
    const here = this.data.rows.filter((row) => this.chosen.has(row.short)).length;
    this.all.checked = here > 0 && here === this.data.rows.length;
    this.all.indeterminate = here > 0 && here < this.data.rows.length;
  }
}

const sheets = new WeakMap();

/** Streamlit calls this on the first run, on every rerun with new data and on every change of theme. */
export default function mount(component) {
  const root = component.parentElement.querySelector(".tg-root");
  if (!sheets.has(root)) sheets.set(root, new Sheet(root));
  sheets.get(root).update(component);
}
