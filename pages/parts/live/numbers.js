// Numbers as people read them: short, with a steady width, in the page's language.

/** Formatters for one locale, and the visible words with their {placeholders} filled in. */
export class Speech {
  constructor(words) {
    this.words = words;
    const locale = words.locale || "en";
    this.whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
    this.short = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
    this.brevity = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
    this.digits = new Map();
    this.locale = locale;
  }

  /** The word for `name` with every {field} replaced. */
  say(name, fields = {}) {
    const template = this.words[name] ?? name;
    return template.replace(/\{(\w+)\}/g, (whole, field) => (field in fields ? String(fields[field]) : whole));
  }

  /** A note in the visitor's language: its template is looked up among the words, then filled in. */
  note({ text, template, values }) {
    if (!template || !(template in this.words)) return text;
    return this.words[template].replace(/\{(\w+)(?:![rs])?(?::[^}]*)?\}/g, (whole, field) => {
      const value = values?.[field];
      if (typeof value !== "number") return this.words[`named_${value}`] ?? String(value ?? whole);
      return Number.isInteger(value) ? this.count(value) : this.value(value);
    });
  }

  count(number) {
    return this.whole.format(number);
  }

  fixed(number, places) {
    if (!this.digits.has(places)) {
      const options = { minimumFractionDigits: places, maximumFractionDigits: places };
      this.digits.set(places, new Intl.NumberFormat(this.locale, options));
    }
    return this.digits.get(places).format(number).replace("-", "−");
  }

  /** A share as a percentage. */
  share(number, places = 1) {
    const said = this.fixed(100 * number, places);
    return Number.isFinite(number) ? `${Math.abs(number) < 1e-9 ? 0 : said}\u00a0%` : "–";
  }

  /**
   * About three significant digits; a power of ten where the number is very large or small; ∞ and NaN as themselves.
   * A count (`whole`) has no places.
   */
  value(number, whole = false) {
    if (number === undefined || number === null) return "–";
    if (Number.isNaN(number)) return "NaN";
    if (!Number.isFinite(number)) return number > 0 ? "∞" : "−∞";
    const size = Math.abs(number);
    if (size === 0) return "0";
    if (whole && size < 1e5) return this.count(Math.round(number)).replace("-", "−");
    if (size < 1e-3 || size >= 1e5) return this.power(number, 1);
    return this.fixed(number, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.01 ? 3 : 4);
  }

  /** 2.4e−7, with the decimal mark of the page's language; without `places` as many as a round number needs. */
  power(number, places) {
    const [mantissa, exponent] = number.toExponential(places).split("e");
    const said = places === undefined ? this.brevity.format(Number(mantissa)) : this.fixed(Number(mantissa), places);
    return `${said}e${Number(exponent)}`.replaceAll("-", "−");
  }

  /** A round number without trailing zeros: ends of scales, reference values. */
  brief(number) {
    return Number.isFinite(number) && Math.abs(number) < 1e5 && Math.abs(number) >= 1e-3
      ? String(this.brevity.format(number)).replace("-", "−")
      : number === 0 ? "0" : this.value(number);
  }

  /** A tick's label, with as many places as its distance to the next tick needs. */
  tick(number, distance) {
    if (number === 0) return "0";
    const size = Math.abs(number);
    if (size >= 1e4) return this.short.format(number).replace("-", "−");
    if (size < 1e-3) return this.power(Number(number.toPrecision(2)));
    const places = [0, 1, 2, 3, 4, 5].find((each) => Math.abs(distance - Number(distance.toFixed(each))) < 1e-9);
    return this.fixed(number, places ?? 6);
  }

  duration(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    const two = (number) => String(number).padStart(2, "0");
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  }
}

/** The largest of 1, 2, 2.5, 5 × 10^k that cuts `span` into at least `parts`. */
export function niceStep(span, parts) {
  const raw = span / parts;
  const power = 10 ** Math.floor(Math.log10(raw));
  // 2.5 is no step for small counts: nobody finds seven and a half modes.
  const candidates = power === 1 ? [5, 2, 1] : [5, 2.5, 2, 1];
  const mantissa = candidates.find((candidate) => candidate * power <= raw * (1 + 1e-9)) ?? 1;
  return mantissa * power;
}

/** Whether a distance between shares is one between whole percentages. */
export function wholePercents(step) {
  return Math.abs(100 * step - Math.round(100 * step)) < 1e-9;
}

/** Multiples of a nice step, not smaller than `least`, inside low … high. */
export function ticks(low, high, parts, least = 0) {
  const step = Math.max(least, niceStep(high - low || 1, parts));
  const found = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index += 1) {
    found.push(index * step);
  }
  return { step, values: found };
}

/** The first of 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 × 10^k that is not below `number`: axes that grow in calm steps. */
export function roundedUp(number) {
  const power = 10 ** Math.floor(Math.log10(Math.max(number, 1)));
  return power * [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((candidate) => candidate * power >= number * (1 - 1e-9));
}

/** How many of the ascending `values` (the first `count`) are not above `limit`. */
export function upTo(values, limit, count = values.length) {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
