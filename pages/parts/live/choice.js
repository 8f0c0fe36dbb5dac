// What of the attention the visitor has chosen: one choice for all panels and all runs, as short tokens of a link.
//
//   head.<group>.<layer>.<head>   cell.<query>.<key>   lock.q.<query> | lock.k.<key>   example.<index>   form.lines
//   mass.90 | mass.70 | mass.50   demand.off   log   show.layer | show.all | show.step | show.head | show.run
//   pin.<step>   other.<group>.<layer>.<head>
//
// And of strategies that train side by side: arm.<name>   layer.<index>   see.<quantity>   off.<name>.<name>…
// (base.<name> and same.<index> are the page's own: kept here, so that they stay in the link)
//
// Counting starts at 0. Whatever a stranger's link says else is passed over.

const LONGEST = 200;
const HEAD = "([a-z0-9_-]{1,24})\\.(\\d{1,3})\\.(\\d{1,3})";
const MASSES = [100, 90, 70, 50];
const SHOWN_AS = ["one", "layer", "all", "step", "head", "run"];
const NOTHING = {
  head: null, cell: null, lock: null, example: 0, lines: false, mass: 100, demand: true, log: false, show: "one",
  pin: null, other: null, arm: null, layer: null, quantity: null, off: [], base: null,
  same: null,
};

function headFrom([, group, layer, head]) {
  return { group, layer: Number(layer), head: Number(head) };
}

const READ = [
  [new RegExp(`^head\\.${HEAD}$`), (found) => ({ head: headFrom(found) })],
  [new RegExp(`^other\\.${HEAD}$`), (found) => ({ other: headFrom(found) })],
  [/^cell\.(\d{1,4})\.(\d{1,4})$/, ([, query, key]) => ({ cell: { query: Number(query), key: Number(key) } })],
  [/^lock\.([qk])\.(\d{1,4})$/, ([, side, at]) => ({ lock: { side, at: Number(at) } })],
  [/^example\.(\d{1,2})$/, ([, index]) => ({ example: Number(index) })],
  [/^form\.lines$/, () => ({ lines: true })],
  [/^mass\.(90|70|50)$/, ([, mass]) => ({ mass: Number(mass) })],
  [/^demand\.off$/, () => ({ demand: false })],
  [/^log$/, () => ({ log: true })],
  [/^show\.(layer|all|step|head|run)$/, ([, show]) => ({ show })],
  [/^pin\.(\d{1,9})$/, ([, step]) => ({ pin: Number(step) })],
  [/^arm\.([a-z0-9_]{1,24})$/, ([, arm]) => ({ arm })],
  [/^layer\.(\d{1,2})$/, ([, layer]) => ({ layer: Number(layer) })],
  [/^base\.([a-z0-9_]{1,24})$/, ([, base]) => ({ base })],
  [/^same\.(\d{1,2})$/, ([, same]) => ({ same })],
  [/^see\.([a-z]{1,12})$/, ([, quantity]) => ({ quantity })],
  [/^off((?:\.[a-z0-9_]{1,24}){1,13})$/, ([, names]) => ({ off: names.slice(1).split(".") })],
];

export class Choice {
  /** @param told called after the visitor has changed something */
  constructor(told) {
    this.told = told;
    this.hover = null;
    this.version = 0;
    this.pointed = 0;
    Object.assign(this, NOTHING);
  }

  read(text) {
    Object.assign(this, NOTHING);
    for (const token of text.split(",")) {
      for (const [pattern, meaning] of READ) {
        const found = pattern.exec(token);
        if (found) Object.assign(this, meaning(found));
      }
    }
    this.version += 1;
  }

  write() {
    const { head, cell, lock, example, lines, mass, demand, log, show, pin, other } = this;
    const { arm, layer, quantity, off, base, same } = this;
    const at = (kind, { group, layer, head: index }) => `${kind}.${group}.${layer}.${index}`;
    const tokens = [
      head && at("head", head), cell && `cell.${cell.query}.${cell.key}`, example && `example.${example}`,
      lines && "form.lines", log && "log", mass !== 100 && `mass.${mass}`, !demand && "demand.off",
      show !== "one" && `show.${show}`, pin !== null && `pin.${pin}`, other && at("other", other),
      lock && `lock.${lock.side}.${lock.at}`,
      arm && `arm.${arm}`, layer !== null && `layer.${layer}`, quantity && `see.${quantity}`,
      base && `base.${base}`, same && `same.${same}`, off.length && `off.${off.join(".")}`,
    ];
    return tokens.filter(Boolean);
  }

  /** The visitor chose: all panels follow at once. */
  set(change) {
    Object.assign(this, change);
    this.version += 1;
    this.told();
  }

  /** A head that is the default one is not worth a word in the link. */
  setHead(head, groups) {
    const first = head.group === groups[0].name && head.layer === 0 && head.head === 0;
    const moved = head.group !== this.headIn(groups).group;
    this.set({ head: first ? null : head, ...(moved ? { cell: null, lock: null } : {}) });
  }

  headIn(groups) {
    const known = this.head && groups.some(({ name }) => name === this.head.group);
    return known ? this.head : { group: groups[0].name, layer: 0, head: 0 };
  }

  /**
   * Pass over what the pictures do not have.
   * @param sizes by group the sides [examples, layers, heads, queries, keys], the largest of all runs
   */
  fit(sizes, groups) {
    const [first] = Object.values(sizes);
    if (!first) return;
    const inside = (head) => {
      const [, layers, heads] = sizes[head?.group] ?? [0, 0, 0];
      return head && head.layer < layers && head.head < heads;
    };
    if (!inside(this.head)) this.head = null;
    if (!inside(this.other)) this.other = null;
    if (this.example >= first[0]) this.example = 0;
    const [queries, keys] = sizes[this.headIn(groups).group]?.slice(3) ?? [0, 0];
    if (this.cell && !(this.cell.query < queries && this.cell.key < keys)) this.cell = null;
    if (this.lock && this.lock.at >= (this.lock.side === "q" ? queries : keys)) this.lock = null;
  }

  /** What is looked at under the pointer, shared by all panels; null for nothing. */
  point(hover) {
    if (JSON.stringify(hover) === JSON.stringify(this.hover)) return false;
    this.hover = hover;
    this.pointed += 1;
    return true;
  }

  /** This choice within the length of a link, behind the tokens that are there already. */
  after(tokens) {
    const said = [...tokens];
    for (const token of this.write()) if ([...said, token].join().length <= LONGEST) said.push(token);
    return said.join();
  }
}
